"""The header and the table of a comparison."""

import math
from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from tf_softpool.comparison.measures import METRIC

if TYPE_CHECKING:
    from tf_softpool.comparison.results import Comparison, Row

_TITLES = ("pooling", "range", "SSIM", "- average", "won", "PSNR", "brightness", "to max", "note")
_TIMES = ("ms", "of max", "of average")


def header(comparison: "Comparison") -> str:
    """Returns what was compared and measured, and how, in a few lines."""
    settings, pictures = comparison.settings, comparison.pictures
    clips = sum(each.is_clip for each in pictures)
    counts = [(len(pictures) - clips, "picture"), (clips, "clip")]
    what = " and ".join(f"{n} {name}{'s' * (n > 1)}" for n, name in counts if n)
    window = "x".join(map(str, settings.pool_size * (2 if len(settings.pool_size) == 1 else 1)))
    if clips and len(settings.pool_size) == 1:
        window += f" ({'x'.join(map(str, settings.pool_size * 3))} for clips)"
    lines = [
        f"{what}, pooled in windows of {window}, and enlarged to the old size ({settings.enlarge})",
        f"pooled values are clipped to 0..1; {METRIC}" + ("; of clips the mean over frames" if clips else ""),
        "- average: SSIM minus that of average pooling; won: pictures on which it is above that; brightness: "
        "shift in % of white; to max: 0 % is average and 100 % max pooling",
    ]
    if settings.seconds:
        first = pictures[0]
        lines.append(f"ms: one call for {first.name} ({'x'.join(map(str, first.shape))}) on the CPU")
    lines.append(", ".join(f"{name} {version}" for name, version in settings.versions.items()))
    return "\n".join(lines)


def table(comparison: "Comparison") -> Table:
    """Returns the rows as a table. Times are left out if none were measured."""
    timed = any(row.milliseconds is not None for row in comparison.rows)
    titles = [*_TITLES[:-1], *(_TIMES if timed else ()), _TITLES[-1]]
    text = ("pooling", "range", "note")
    columns = [Column(title, justify="left" if title in text else "right") for title in titles]
    result = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in comparison.rows:
        result.add_row(*map(Text, _cells(row, timed)))
    return result


def _cells(row: "Row", timed: bool) -> list[str]:
    cells = [
        row.entrant.pooling,
        row.entrant.range,
        f"{row.ssim:.4f}",
        signed(row.ssim_minus_average, 4),
        f"{row.won}/{row.pictures}",
        "equal" if math.isinf(row.psnr) else f"{row.psnr:.2f}",
        f"{signed(row.brightness, 2)} %",
        "" if row.way is None else f"{round(100 * row.way)} %",
    ]
    if timed:
        cells += [
            "" if number is None else f"{number:.{digits}f}{unit}"
            for number, digits, unit in (
                (row.milliseconds, 3, ""),
                (row.of_max, 2, " x"),
                (row.of_average, 2, " x"),
            )
        ]
    return [*cells, row.entrant.note]


def signed(number: float, digits: int) -> str:
    """Returns a number with its sign, and without one if it is printed as zero."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text
