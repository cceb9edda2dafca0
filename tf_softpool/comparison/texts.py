"""Text on a sheet: lines that fit a width, and names that can hold anything."""

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextToPath

# This font comes with matplotlib, so sheets look the same everywhere.
_FAMILY = "DejaVu Sans"
_MEASURE = TextToPath()
# A line that is too long is first made smaller, down to this share of its size, and then shortened.
_SMALLEST = 0.8


def printable(text: str) -> str:
    """Returns a text in which a sign replaces what is no character, such as a line feed in a name."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Returns the width of a line, in the unit of `size`, which is the font's."""
    font = FontProperties(family=_FAMILY, size=size, weight="bold" if bold else "normal")
    return float(_MEASURE.get_text_width_height_descent(text, font, ismath=False)[0])


def fitting_line(text: str, size: float, width: float, bold: bool = False) -> tuple[str, float]:
    """Returns a line that is at most so wide, and the size of its font. A line that is cut ends in "..."."""
    wide = text_width(text, size, bold)
    if wide <= width:
        return text, size
    smaller = size * max(_SMALLEST, width / wide * 0.99)
    kept = text
    while kept and text_width(text, smaller, bold) > width:
        kept = kept[: min(len(kept) - 1, int(len(text) * width / wide / _SMALLEST) + 4)]
        text = kept.rstrip() + "..."
    return text, smaller


def lines_of(text: str, size: float, width: float) -> list[str]:
    """Returns a text as lines that are at most so wide, unless a single word is wider."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def draw_line(
    figure: Figure,
    text: str,
    x: float,
    y: float,
    size: float,
    width: float,
    bold: bool = False,
    color: str = "#111111",
    centred: bool = False,
) -> Text:
    """Draws a line on a figure.

    Args:
        figure: Figure. What it is drawn on.
        text: str. The line. Signs such as "$" have no meaning.
        x: float. The pixel column in which the line begins, or in which its middle is if it is `centred`.
        y: float. The pixel row of its middle, from the top.
        size: float. The size of the font in pixels.
        width: float. How many pixels it may be wide. The font becomes smaller if it must, and then the line
            is shortened.
        bold: bool. Whether the font is bold.
        color: str. Its colour.
        centred: bool. Whether `x` is its middle.
    """
    line, size = fitting_line(printable(text), size, width, bold)
    size_x, size_y = (float(n) for n in figure.bbox.size)
    return figure.text(
        x / size_x,
        1 - y / size_y,
        line,
        fontsize=size * 72 / figure.dpi,
        fontfamily=_FAMILY,
        fontweight="bold" if bold else "normal",
        color=color,
        ha="center" if centred else "left",
        va="center",
        parse_math=False,
        usetex=False,
    )
