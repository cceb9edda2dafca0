"""The gallery: regions of photographs, pooled in several ways, and what `tf_softpool.compare` says of them.

The photographs come with scikit-image. No picture is chosen by its result: the regions are those in which the
poolings differ most.
"""

import functools
import html
import os
import tempfile
from pathlib import Path

# TensorFlow's notes on its start are no warnings about pages, so it is imported quietly, and first.
import quiet  # noqa: F401

# isort: split
import pooled_photograph
import skimage.data
from costs import table

import tf_softpool as tsp
from tf_softpool.comparison.printing import signed
from tf_softpool.comparison.views import Views, fitted

SIZE = 3
# The photographs, and what is to be seen in their regions.
PHOTOGRAPHS = {
    "astronaut": "Small bright and dark things side by side.",
    "coffee": "Reflections on a spoon: max pooling makes them wider.",
    "page": "Dark letters on a bright page: max pooling wears them away, because bright values win.",
    "brick": "Straight edges: here the SSIM of median pooling is above that of average pooling.",
    "retina": "A photograph of an eye. The poolings differ most at its border.",
    "immunohistochemistry": "A stained tissue under a microscope.",
    "hubble_deep_field": "Bright things before a dark ground: max pooling makes them larger.",
}
POOLINGS = ["average", "soft", "median", "mixed", "max"]
# The photograph that the page has a whole contact sheet of.
SHEET = "coffee"
# Photographs are reduced until no side has more pixels than this, so that the site is built quickly.
_LARGEST = 600


@functools.cache
def _compared(name):
    """Returns a comparison of poolings on a photograph."""
    photograph = getattr(skimage.data, name)()
    times = -(-max(photograph.shape[:2]) // _LARGEST)
    if times > 1:
        height, width = (n // times for n in photograph.shape[:2])
        photograph = (fitted(photograph / 255, width, height) * 255).round().astype("uint8")
    return tsp.compare(photograph, POOLINGS, SIZE, seconds=0)


def files():
    """Returns a dict of the pictures' bytes by their file names."""
    made = {}
    for name in PHOTOGRAPHS:
        views = Views(_compared(name), _compared(name).pictures[0])
        region = views.region(None)
        made[f"{name}_original"] = region.cut(views.original)
        for i, view in enumerate(views):
            made[f"{name}_{i}"] = region.cut(view.enlarged)
    found = {
        f"pictures/gallery_{name}.png": pooled_photograph.png(_grey_or_colours(p) * 255)
        for name, p in made.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sheet.png")
        _compared(SHEET).sheet(path)
        return {**found, "pictures/sheet.png": Path(path).read_bytes()}


def _grey_or_colours(values):
    return values[..., 0] if values.shape[-1] == 1 else values


def gallery(folder):
    """Returns the gallery as Markdown: the regions of each photograph, the scores, and a contact sheet.

    Args:
        folder: string, the way from the page to the folder of the pictures.
    """
    parts = []
    for name, caption in PHOTOGRAPHS.items():
        comparison = _compared(name)
        shown = [(f"{name}_original", "original")]
        for i, row in enumerate(comparison.rows):
            shown.append((f"{name}_{i}", f"{row.entrant.label}: SSIM {row.ssim:.3f}, PSNR {row.psnr:.1f} dB"))
        figures = [
            f'<figure><img src="{folder}/gallery_{file}.png" alt="{html.escape(f"{name}, {text}")}">'
            f"<figcaption>{html.escape(text)}</figcaption></figure>"
            for file, text in shown
        ]
        parts += [
            f"### {name.replace('_', ' ')}",
            caption,
            "\n".join(['<div class="pooled">', *figures, "</div>"]),
        ]
    parts += ["## All of them", _means()]
    parts += [
        "## A contact sheet",
        f"`Comparison.sheet` and `tf-softpool compare --sheet` write such a sheet. This one is of {SHEET}:",
        f"[![A contact sheet of the photograph]({folder}/sheet.png)]({folder}/sheet.png)",
    ]
    return "\n\n".join(parts)


def _means():
    """Returns a table of the means over all photographs."""
    means = {}
    for name in PHOTOGRAPHS:
        for row in _compared(name).rows:
            means.setdefault(row.entrant.label, []).append((row.ssim, row.psnr, row.brightness, row.way))
    rows = []
    for label, scores in means.items():
        ssim, psnr, brightness, way = (sum(each) / len(scores) for each in zip(*scores, strict=True))
        rows.append(
            (
                ssim,
                [label, f"{ssim:.3f}", f"{psnr:.1f}", f"{signed(brightness, 1)} %", f"{round(100 * way)} %"],
            )
        )
    titles = ["pooling, range", "SSIM", "PSNR in dB", "brightness", "way from average to max"]
    return table(titles, [cells for _, cells in sorted(rows, key=lambda row: -row[0])])
