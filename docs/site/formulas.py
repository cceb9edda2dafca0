"""Formulas of the pages as MathML, which browsers show without a script, and a font for them.

Browsers need a font with a table of mathematics to draw brackets and sums of the right size, and not every
system has one. So the site brings the characters of formulas, of a font that is in the package `ziamath`.
"""

import html
import io
import re
from importlib import resources

import latex2mathml.converter
from fontTools import subset, ttLib

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
# ASCII, Greek, marks, operators, brackets, and italic letters, which MathML makes of letters.
_CHARACTERS = [
    *range(0x20, 0x7F),
    *range(0x391, 0x3CA),
    0x210E,
    *range(0x2032, 0x2035),
    *range(0x2200, 0x2300),
    *range(0x2308, 0x230C),
    *range(0x1D434, 0x1D468),
    *range(0x1D6FC, 0x1D71C),
]


def with_mathml(content):
    r"""Returns the HTML of a page with MathML in the place of TeX.

    Parts of a formula that are far apart (`\qquad`) become formulas side by side. They stand one below the
    other if the page is narrow.
    """
    return _FORMULA.sub(_mathml, content)


def _mathml(formula):
    tex = html.unescape(formula["tex"]).strip()
    if formula["tag"] == "span":
        return latex2mathml.converter.convert(tex)
    parts = [latex2mathml.converter.convert(part.strip(), display="block") for part in tex.split(r"\qquad")]
    return f'<div class="formula">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def font():
    """Returns the bytes of the font, as a WOFF file with the characters of formulas."""
    path = resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
    with resources.as_file(path) as file:
        of_all = ttLib.TTFont(file)
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=_CHARACTERS)
    subsetter.subset(of_all)
    of_all.flavor = "woff"
    written = io.BytesIO()
    of_all.save(written)
    return written.getvalue()
