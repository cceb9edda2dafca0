"""A comparison as one page of HTML, with its pictures in it. `page.html.j2` says how it looks."""

import base64
import importlib.resources
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from PIL import Image

from tf_softpool.comparison.blocks import fitting_size
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.regions import Region
from tf_softpool.comparison.results import Comparison, Score
from tf_softpool.comparison.sheet import scores_line
from tf_softpool.comparison.texts import printable
from tf_softpool.comparison.views import View, Views, displayable, error_scale, fitted
from tf_softpool.writing import complete_or_absent
from tf_softpool_cli.names import PAGES

# Pictures that are larger than this are reduced, and maps of errors that are larger than the second number.
_LARGEST, _LARGEST_ERROR = 640, 240
# No picture is added to a page that has so many bytes of pictures.
_MOST_BYTES = 30_000_000
# A small picture is enlarged on the page to about this size.
_STAGE = 640
_COLOURS = "magma"


def write_page(
    comparison: Comparison,
    path: str | os.PathLike[str],
    region: Sequence[int] | None = None,
    overwrite: bool = False,
) -> None:
    """Writes a page of HTML: the header, the table, and all pictures. It needs no other file and no network.

    A slider compares each picture with each pooled one. Below are all pooled pictures with their scores,
    zoomed regions and maps of errors. All maps of a picture have one colour scale. A clip is shown by its
    middle frame.

    The page has the pooled pictures pixel by pixel, rounded to 8 bits. Pictures with more than 640 pixels
    along a side are reduced to 640, and maps of errors to 240. A picture and its pooled pictures are left out
    if the pictures before it take 30 MB. The page then says how many are missing. The table counts all.

    Args:
        comparison: Comparison. What is shown.
        path: str or path-like. Where the page goes. It must end in .html or .htm.
        region: four ints or None. The zoomed region: x, y, width and height in pixels of the pictures. By
            default it is where the pooled pictures differ most, as for `Comparison.sheet`.
        overwrite: bool. Whether the page may replace a file.

    Raises:
        ValueError: if the name does not end so, or the region does not lie in a picture.
        FileExistsError: if there is a file at `path` and `overwrite` is False.
        OSError: if nothing can be written at `path`.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> picture = np.random.default_rng(0).random((48, 48, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tsp.compare(picture, "soft", 3, seconds=0).html(f"{folder}/page.html")
    """
    if Path(path).suffix.lower() not in PAGES:
        raise ValueError(f"A page's name must end in {' or '.join(PAGES)}, got {str(path)!r}.")
    with complete_or_absent(path, overwrite) as file:
        file.write_text(page_of(comparison, region), encoding="utf-8")


def page_of(comparison: Comparison, region: Sequence[int] | None = None) -> str:
    """Returns a page of HTML, for what `write_page` describes."""
    shown: list[_Shown] = []
    for picture in comparison.pictures:
        if sum(each.bytes for each in shown) > _MOST_BYTES:
            break
        shown.append(_shown(comparison, picture, region))
    table = comparison.table()
    template = importlib.resources.files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    # Names of files and of poolings can hold anything, so everything is escaped.
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(
        header=[printable(line) for line in comparison.header().splitlines()],
        titles=[(str(column.header), column.justify == "left") for column in table.columns],
        rows=list(
            zip(*([printable(str(cell)) for cell in column.cells] for column in table.columns), strict=True)
        ),
        pictures=shown,
        missing=len(comparison.pictures) - len(shown),
        enlarge=comparison.settings.enlarge,
        colours=[matplotlib.colors.to_hex(c) for c in matplotlib.colormaps[_COLOURS](np.linspace(0, 1, 9))],
    )


@dataclass(frozen=True)
class _Inlined:
    """A picture as a part of a page: its data, and its width and height."""

    data: str
    width: int
    height: int


@dataclass(frozen=True)
class _Pooled:
    """What a page shows of an entrant. Pictures that are reduced say so in `reduced`."""

    label: str
    note: str
    scores: str
    small: _Inlined
    zoom: _Inlined
    reduced: str


@dataclass(frozen=True)
class _Shown:
    """What a page shows of a picture.

    Attributes:
        name: the picture's name.
        facts: its size, and what was done to it.
        original: the picture.
        zoom: its zoomed region.
        mark: where the region is, as percentages of the picture: left, top, width and height.
        width: how many pixels it is wide on a page that has the place.
        most: the error that has the last colour.
        entrants: what is shown of each entrant, and its map of errors.
    """

    name: str
    facts: str
    original: _Inlined
    zoom: _Inlined
    mark: tuple[float, float, float, float]
    width: int
    most: float
    entrants: list[tuple[_Pooled, _Inlined]]

    @property
    def bytes(self) -> int:
        """How much of a page the pictures take."""
        pictures = [self.original, self.zoom]
        for entrant, error in self.entrants:
            pictures += [entrant.small, entrant.zoom, error]
        return sum(len(each.data) for each in pictures)


def _shown(comparison: Comparison, picture: Picture, region: Sequence[int] | None) -> _Shown:
    views = Views(comparison, picture)
    part = views.region(region)
    height, width = views.original.shape[:2]
    entrants, errors, counted = [], [], []
    for view in views:
        errors.append(_reduced(view.error, _LARGEST_ERROR))
        counted += errors[-1:] if view.is_between else []
        entrants.append(_pooled(view, part, comparison.score(picture, view.entrant)))
    most = error_scale(counted)
    original = _inlined(_reduced(views.original, _LARGEST))
    facts = [f"{width}x{height} pixels", *picture.notes, *views.notes]
    if (original.width, original.height) != (width, height):
        facts.append(f"shown with {original.width}x{original.height}")
    facts.append(f"zoomed: {part.width}x{part.height} pixels from column {part.x} and row {part.y} on")
    return _Shown(
        printable(picture.name),
        printable(", ".join(facts)),
        original,
        _inlined(part.cut(views.original)),
        tuple(100 * n / of for n, of in zip(part, (width, height, width, height), strict=True)),
        fitting_size(original.width, original.height, _STAGE, _STAGE)[0],
        most,
        [(entrant, _coloured(error, most)) for entrant, error in zip(entrants, errors, strict=True)],
    )


def _pooled(view: View, region: Region, score: Score) -> _Pooled:
    small, (height, width, _) = _reduced(view.pooled, _LARGEST), view.pooled.shape
    return _Pooled(
        printable(view.entrant.label),
        printable(view.entrant.note),
        scores_line(score),
        _inlined(small),
        _inlined(region.cut(view.enlarged)),
        "" if small.shape == view.pooled.shape else f"reduced from {width}x{height} pixels",
    )


def _reduced(values: np.ndarray, most: int) -> np.ndarray:
    """Returns a picture itself, or reduced if a side has more than so many pixels."""
    height, width = values.shape[:2]
    if max(height, width) <= most:
        return values
    return fitted(values, *fitting_size(width, height, most, most))


def _inlined(values: np.ndarray) -> _Inlined:
    """Returns a picture with values from 0 to 1 as a part of a page."""
    return _as_data(Image.fromarray((displayable(values) * 255).round().astype("uint8")))


def _coloured(error: np.ndarray, most: float) -> _Inlined:
    """Returns a map of errors as a part of a page, with a palette that ends at an error."""
    picture = Image.fromarray((error / most * 255).clip(0, 255).round().astype("uint8"), mode="P")
    colours = matplotlib.colormaps[_COLOURS](np.arange(256), bytes=True)[:, :3]
    picture.putpalette(colours.astype("uint8").tobytes())
    return _as_data(picture)


def _as_data(picture: Image.Image) -> _Inlined:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return _Inlined(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", *picture.size)
