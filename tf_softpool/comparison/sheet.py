"""A contact sheet of a comparison: the original and all entrants as pictures, with zooms and maps of errors.

A picture has a block for the original and one for each entrant. `blocks.py` says where things are in a block.
"""

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tf_softpool.comparison.blocks import (
    BETWEEN,
    LINE,
    MARGIN,
    Block,
    Box,
    block_of,
    corners_of_blocks,
)
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.printing import signed
from tf_softpool.comparison.regions import Region
from tf_softpool.comparison.results import Comparison, Score
from tf_softpool.comparison.texts import draw_line, lines_of, printable
from tf_softpool.comparison.views import Views, displayable, error_scale, fitted
from tf_softpool.writing import complete_or_absent
from tf_softpool_cli.names import SCALES, SHEETS

# The pictures of a sheet: at most so many, and fewer if the sheet would have more pixels than this.
_MOST_PICTURES, _MOST_PIXELS = 6, 40_000_000
# A power of two: lengths in inches are then exact, and no pixel is lost by rounding.
_DOTS_PER_INCH = 128
_COLOURS, _ERROR = "magma", "|enlarged - original|, 1 is the whole range"
_PAPER, _INK, _FAINT, _EDGE, _MARK = "#f3f3f3", "#111111", "#555555", "#9a9a9a", "#ffe600"
# The sizes of fonts, in pixels at scale 1.
_HEADER, _HEADING, _TITLE, _TEXT = 13, 15, 13.5, 11


def write_sheet(
    comparison: Comparison,
    path: str | os.PathLike[str],
    picture: Picture | str | None = None,
    region: Sequence[int] | None = None,
    scale: int = 1,
    overwrite: bool = False,
) -> None:
    """Writes a contact sheet: the original and all entrants as pictures.

    Each pooled picture is there at its old size, with the zoomed region marked and its scores below. With it
    are its map of errors, the region pixel by pixel, and the pooled picture at its true size. All maps of
    errors of a picture have one colour scale. It ends where 0.5 % of the errors of some pooling are larger.
    Poolings far beyond average and max pooling, such as sums, do not count for that. A clip is shown by its
    middle frame.

    Args:
        comparison: Comparison. What is shown.
        path: str or path-like. Where the sheet goes. Its ending says the format: .png, .pdf, .svg or .webp.
        picture: Picture, str or None. The picture that is shown, or its name. By default these are the first
            six, one below the other, or fewer if the sheet would have more than 40 million pixels.
        region: four ints or None. The zoomed region: x, y, width and height in pixels of the picture. By
            default it is where the pooled pictures differ most, that is, where their pixels have the largest
            variance. Poolings that draw do not count, nor do those far beyond average and max pooling.
        scale: int from 1 to 4. How large everything is drawn. At scale 1 a sheet is at most 2100 pixels wide.
        overwrite: bool. Whether the sheet may replace a file.

    Raises:
        ValueError: if an argument is not as described, or the comparison has no such picture.
        FileExistsError: if there is a file at `path` and `overwrite` is False.
        OSError: if nothing can be written at `path`.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> found = tsp.compare(np.random.default_rng(0).random((48, 48, 3)), "soft", 3, seconds=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found.sheet(f"{folder}/sheet.png", region=(0, 0, 12, 12))
    """
    ending = Path(path).suffix.lower()
    if ending not in SHEETS:
        raise ValueError(f"A sheet's name must end in {', '.join(SHEETS)}, got {str(path)!r}.")
    with complete_or_absent(path, overwrite) as file, warnings.catch_warnings():
        # Names of files may have signs that the font lacks. They are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = sheet_of(comparison, picture, region, scale)
        figure.savefig(
            file, format=ending[1:], dpi=_DOTS_PER_INCH, bbox_inches=figure.bbox_inches, facecolor=_PAPER
        )


@dataclass(frozen=True)
class _Section:
    """The part of a sheet that shows one picture: where it begins, and the corners of its blocks in it."""

    picture: Picture
    region: Region
    block: Block
    corners: list[tuple[int, int]]
    width: int
    height: int


def sheet_of(
    comparison: Comparison,
    picture: Picture | str | None = None,
    region: Sequence[int] | None = None,
    scale: int = 1,
) -> Figure:
    """Returns a contact sheet as a figure of matplotlib, for what `write_sheet` describes.

    The axes of its pictures have labels: the picture's name, the entrant's or "original", and "enlarged",
    "zoom", "pooled" or "error", with tabs between them.
    """
    if scale not in SCALES:
        raise ValueError(f"`scale` must be one of {', '.join(map(str, SCALES))}, got {scale!r}.")
    shown = _chosen(comparison, picture)
    sections: list[_Section] = []
    for each in shown[:_MOST_PICTURES]:
        section = _section(comparison, each, region, scale)
        high = sum(s.height for s in (*sections, section))
        if sections and max(s.width for s in (*sections, section)) * high > _MOST_PIXELS:
            break
        sections.append(section)
    lines = comparison.header().splitlines()
    if len(sections) < len(shown):
        lines.append(f"The sheet shows the first {len(sections)} of {len(shown)} pictures.")
    width = max(section.width for section in sections)
    lines = [part for line in lines for part in lines_of(printable(line), _HEADER * scale, width)]
    margin, line_height = MARGIN * scale, LINE * scale
    top = margin + len(lines) * line_height
    height = top + sum(section.height for section in sections) + margin
    figure = Figure(
        figsize=((width + 2 * margin) / _DOTS_PER_INCH, height / _DOTS_PER_INCH),
        dpi=_DOTS_PER_INCH,
        facecolor=_PAPER,
    )
    figure.set_layout_engine("none")
    for i, line in enumerate(lines):
        draw_line(
            figure, line, margin, margin + (i + 0.5) * line_height, _HEADER * scale, width, color=_FAINT
        )
    for section in sections:
        _Drawing(figure, scale, comparison, section).draw(margin, top)
        top += section.height
    return figure


def _chosen(comparison: Comparison, picture: Picture | str | None) -> tuple[Picture, ...]:
    if picture is None:
        return comparison.pictures
    name = picture if isinstance(picture, str) else picture.name
    for each in comparison.pictures:
        if each.name == name:
            return (each,)
    names = ", ".join(each.name for each in comparison.pictures)
    raise ValueError(f"`picture` must be one of the compared pictures, {names}, got {name!r}.")


def _section(comparison: Comparison, picture: Picture, region: Sequence[int] | None, scale: int) -> _Section:
    views = Views(comparison, picture)
    part = views.region(region)
    has_notes = any(entrant.note for entrant in comparison.entrants)
    height, width = views.original.shape[:2]
    block = block_of((width, height), views.pooled_size[::-1], part, scale, has_notes)
    corners, wide, high = corners_of_blocks(1 + len(comparison.rows), block, scale)
    return _Section(picture, part, block, corners, wide, (LINE + BETWEEN) * scale + high)


class _Drawing:
    """A section that is drawn on a figure."""

    def __init__(self, figure: Figure, scale: int, comparison: Comparison, section: _Section):
        self._figure, self._scale, self._comparison, self._section = figure, scale, comparison, section
        self._width, self._height = (round(float(n)) for n in figure.bbox.size)

    def draw(self, left: int, top: int) -> None:
        """Draws a heading and all blocks from a corner on."""
        section, scale = self._section, self._scale
        places = section.block
        views = Views(self._comparison, section.picture)
        middle = top + (BETWEEN + LINE // 2) * scale
        heading = ", ".join((section.picture.name, *section.picture.notes, *views.notes))
        draw_line(self._figure, heading, left, middle, _HEADING * scale, section.width, bold=True)
        top += (BETWEEN + LINE) * scale
        (x, y), *corners = [(left + x, top + y) for x, y in section.corners]
        self._block(x, y, "original", "original", "", self._size(views), views.original)
        errors = []
        for (block_x, block_y), view in zip(corners, views, strict=True):
            entrant = view.entrant
            scores = scores_line(self._comparison.score(section.picture, entrant))
            self._block(block_x, block_y, entrant.label, entrant.label, entrant.note, scores, view.enlarged)
            box = places.pooled.middle(*places.pooled_size).moved(block_x, block_y)
            self._picture(box, view.pooled, entrant.label, "pooled")
            error = fitted(view.error, places.enlarged.width, places.enlarged.height)
            errors.append((view, error, places.error.moved(block_x, block_y)))
        most = error_scale(error for view, error, _ in errors if view.is_between)
        for view, error, box in errors:
            self._image(box, error, view.entrant.label, "error", cmap=_COLOURS, vmax=most)
        self._colour_bar(places.colours.moved(x, y), most, any(e.max() > most for _, e, _ in errors))
        self._legend(places.pooled.moved(x, y), views)

    def _block(
        self, x: int, y: int, name: str, title: str, note: str, scores: str, enlarged: np.ndarray
    ) -> None:
        """Draws what the blocks of the original and of entrants share."""
        places, scale = self._section.block, self._scale
        middle = x + places.width // 2
        for text, row, size, bold, color in (
            (title, places.title, _TITLE, True, _INK),
            (note, places.note, _TEXT, False, _FAINT),
            (scores, places.scores, _TEXT, False, _INK),
        ):
            if text:
                draw_line(
                    self._figure, text, middle, y + row, size * scale, places.width, bold, color, centred=True
                )
        axes = self._picture(places.enlarged.moved(x, y), enlarged, name, "enlarged")
        self._mark(axes, places.enlarged.width / enlarged.shape[1])
        self._picture(places.zoom.moved(x, y), self._section.region.cut(enlarged), name, "zoom")

    def _size(self, views: Views) -> str:
        """Returns the line under the original: its size, and how small it is drawn."""
        height, width = views.original.shape[:2]
        return f"{width}x{height} pixels{_drawn(self._section.block.enlarged.width, width)}"

    def _picture(self, box: Box, values: np.ndarray, name: str, kind: str) -> Axes:
        drawn = fitted(values, box.width, box.height) if kind != "zoom" else values
        return self._image(box, displayable(drawn), name, kind, cmap="gray", vmax=1.0)

    def _image(self, box: Box, values: np.ndarray, name: str, kind: str, cmap: str, vmax: float) -> Axes:
        """Draws an array that is as large as its box, or that fits into it a whole number of times."""
        self._edge(box)
        axes = self._figure.add_axes(
            self._place(box), label="\t".join((self._section.picture.name, name, kind))
        )
        axes.imshow(
            values, cmap=cmap, vmin=0.0, vmax=vmax, aspect="auto", interpolation="nearest", origin="upper"
        )
        axes.set_axis_off()
        return axes

    def _place(self, box: Box) -> tuple[float, float, float, float]:
        """Returns a box as matplotlib has it: in parts of the figure, from the bottom left corner."""
        return (
            box.x / self._width,
            1 - (box.y + box.height) / self._height,
            box.width / self._width,
            box.height / self._height,
        )

    def _edge(self, box: Box) -> None:
        """Draws an edge around a box, so that white pictures end somewhere."""
        x, y, width, height = self._place(Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2))
        figure = self._figure
        figure.add_artist(
            Rectangle(
                (x, y), width, height, transform=figure.transFigure, color=_EDGE, linewidth=0, zorder=-1
            )
        )

    def _mark(self, axes: Axes, factor: float) -> None:
        """Marks the region on a picture, with a dark line around a bright one."""
        region = self._section.region
        corner = (region.x * factor - 0.5, region.y * factor - 0.5)
        for width, color in ((3.0, _INK), (1.4, _MARK)):
            axes.add_patch(
                Rectangle(
                    corner,
                    region.width * factor,
                    region.height * factor,
                    fill=False,
                    edgecolor=color,
                    linewidth=width * self._scale * 72 / _DOTS_PER_INCH,
                )
            )

    def _colour_bar(self, box: Box, most: float, more: bool) -> None:
        """Draws the scale of the maps of errors into a box."""
        scale, figure = self._scale, self._figure
        width = min(box.width, 260 * scale)
        bar = box.middle(width - 16 * scale, 10 * scale).moved(0, -8 * scale)
        axes = figure.add_axes(self._place(bar), label="colour bar")
        mappable = ScalarMappable(Normalize(0.0, most), _COLOURS)
        drawn: Any = figure.colorbar(
            mappable, cax=axes, orientation="horizontal", extend="max" if more else "neither"
        )
        drawn.set_ticks([0.0, most / 2, most], labels=[f"{n:.2g}" for n in (0.0, most / 2, most)])
        drawn.outline.set_linewidth(0.5 * scale)
        # Users of matplotlib may have grids by default.
        axes.grid(False)
        points = _TEXT * 0.85 * scale * 72 / _DOTS_PER_INCH
        axes.tick_params(
            labelsize=points, length=2 * scale, width=0.5 * scale, pad=1 * scale, color=_INK, labelcolor=_INK
        )
        middle, y = box.x + box.width / 2, bar.y + bar.height + 24 * scale
        for i, line in enumerate(lines_of(_ERROR, 10 * scale, box.width)):
            draw_line(
                figure, line, middle, y + 13 * i * scale, 10 * scale, box.width, color=_FAINT, centred=True
            )

    def _legend(self, box: Box, views: Views) -> None:
        """Says in a box what is where in a block."""
        places, region, scale = self._section.block, self._section.region, self._scale
        high, wide = views.pooled_size
        text = (
            f"In each block: the picture at its old size, and its map of errors. Then the region of "
            f"{region.width}x{region.height} pixels from column {region.x} and row {region.y} on, "
            f"{places.times} times as large, and the pooled picture of {wide}x{high} pixels"
            f"{_drawn(places.pooled_size[0], wide * scale) or ', at its true size'}."
        )
        size, line_height = 10 * scale, 14 * scale
        lines = lines_of(text, size, box.width)
        y = box.y + max(0, box.height - len(lines) * line_height) / 2
        for i, line in enumerate(lines):
            draw_line(self._figure, line, box.x, y + (i + 0.5) * line_height, size, box.width, color=_FAINT)


def _drawn(drawn: int, true: int) -> str:
    """Returns how large something is drawn, or nothing if it is as large as it is."""
    if drawn >= true:
        return "" if drawn == true else f", drawn {drawn // true} times as large"
    return f", drawn at {100 * drawn / true:.0f} %"


def scores_line(score: Score) -> str:
    """Returns the scores of a pooled picture as they are below it."""
    psnr = "equal" if math.isinf(score.psnr) else f"PSNR {score.psnr:.2f} dB"
    return f"SSIM {score.ssim:.3f}   {psnr}   brightness {signed(score.brightness, 1)} %"
