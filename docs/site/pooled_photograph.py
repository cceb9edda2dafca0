"""The pictures of the pages: a photograph pooled in several ways, and the weights of a window's values.

The photograph comes with scikit-learn. Pooled pictures are written as small as they are, and the style sheet
enlarges them. Charts take their colours from the page, so they fit light and dark pages.
"""

import functools
import html
import io
import re

# TensorFlow's notes on its start are no warnings about pages, so it is imported quietly, and first.
import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

# The size of the windows of the photograph.
SIZE = 4
# Pixels are scaled to values from 0 to SCALE. On values from 0 to 1, SoftPool would be close to the average.
SCALE = 8.0
# The window of the charts: nine values, as a ReLU may leave them.
VALUES = np.array([0.0, 0.2, 0.5, 0.9, 1.4, 1.7, 2.2, 2.6, 3.2])
# A colour that charts are drawn in, and that the page's own colour takes the place of.
_INK, _FILL = "#010203", "#040506"


def _one(value):
    return keras.initializers.Constant(value)


def _in_training(layer):
    return functools.partial(layer, training=True)


def _over_count(layer):
    """Returns a function that pools to sums, and shows them as bright as averages are."""
    return lambda x: layer(x) / SIZE**2


def _gate():
    layer = tsp.layers.GatedPooling2D(SIZE, bias_initializer=_one(-4.0))
    layer.build((None, None, None, 3))
    layer.omega.assign(np.full((SIZE, SIZE), 1 / 16, "float32"))
    return layer


def _three_ranks():
    layer = tsp.layers.SortedPooling2D(SIZE, pool_range=3)
    layer.build((None, None, None, 3))
    layer.rank_logits.assign(np.log([0.6, 0.3, 0.1]).astype("float32"))
    return layer


def _norm(p):
    """Returns a layer with the norm of a window's mean, to show it as bright as averages are."""
    return tsp.layers.LpPooling2D(SIZE, initial_p=p)


# By the name of a pooling: pictures beside those of max and average pooling, and what is written under them.
PICTURES = {
    "soft": [("SoftPool", lambda: tsp.layers.SoftPooling2D(SIZE))],
    "sorted": [("sorted: the three largest values, by 0.6, 0.3 and 0.1", _three_ranks)],
    "detail_preserving": [
        (
            "detail-preserving: lambda 2.7, symmetric",
            lambda: tsp.layers.DetailPreservingPooling2D(SIZE, lambda_initializer=_one(1.0)),
        ),
        (
            "detail-preserving: lambda 2.7, asymmetric",
            lambda: tsp.layers.DetailPreservingPooling2D(SIZE, symmetric=False, lambda_initializer=_one(1.0)),
        ),
    ],
    "local_importance": [
        (
            "local importance: large values are important",
            lambda: tsp.layers.LocalImportancePooling2D(SIZE, kernel_initializer=tsp.layers.CenterTap()),
        )
    ],
    "sum": [("sum, shown at a sixteenth", lambda: _over_count(tsp.layers.SumPooling2D(SIZE)))],
    "power_average": [("p = 3, shown as the norm of a mean", lambda: _norm(3.0))],
    "lp": [("p = 2", lambda: _norm(2.0)), ("p = 8", lambda: _norm(8.0))],
    "mixed": [("mixed: half and half", lambda: tsp.layers.MixedPooling2D(SIZE))],
    "gated": [("gated: more of max pooling in bright windows", _gate)],
    "stochastic": [
        ("stochastic, in training", lambda: _in_training(tsp.layers.StochasticPooling2D(SIZE, seed=0))),
        ("stochastic, at inference", lambda: tsp.layers.StochasticPooling2D(SIZE)),
    ],
    "s3": [
        ("S3Pool, in training", lambda: _in_training(tsp.layers.S3Pooling2D(SIZE, seed=0))),
        ("S3Pool, at inference", lambda: tsp.layers.S3Pooling2D(SIZE)),
    ],
    "median": [("median", lambda: tsp.layers.MedianPooling2D(SIZE))],
}
PEERS = [
    ("max pooling, 4x4 windows", lambda: keras.layers.MaxPooling2D(SIZE)),
    ("average pooling, 4x4 windows", lambda: keras.layers.AveragePooling2D(SIZE)),
]


@functools.cache
def photograph():
    """Returns a part of a photograph, `[height, width, 3]`, with values from 0 to 255."""
    return load_sample_image("china.jpg")[100:260, 220:380]


def pooled(layer):
    """Returns the photograph pooled by a layer, with values from 0 to 255 again."""
    return np.asarray(layer(photograph()[None].astype("float32") / 255 * SCALE)[0]) * 255 / SCALE


def png(picture):
    """Returns the bytes of a PNG file of values from 0 to 255."""
    file = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).round().astype("uint8")).save(file, "PNG", optimize=True)
    return file.getvalue()


@functools.cache
def files():
    """Returns a dict of the pictures' bytes by their file names."""
    made = {"photograph": png(photograph())}
    for name, entries in {"peer": PEERS, **PICTURES}.items():
        for i, (_, make) in enumerate(entries):
            made[f"{name}_{i}"] = png(pooled(make()))
    return {f"pictures/{name}.png": content for name, content in made.items()}


def figure(name, folder):
    """Returns the pictures of a pooling as HTML: the photograph, what pools it, and a chart of weights.

    Args:
        name: string, the name of the pooling.
        folder: string, the way from the page to the folder of the pictures.
    """
    return "\n".join([_beside_peers([name], folder), chart(name)])


def home(folder):
    """Returns the pictures of the home page as HTML."""
    return _beside_peers(["soft", "sorted"], folder)


def _beside_peers(names, folder):
    shown = [("photograph", "a part of a photograph")]
    for name, entries in (("peer", PEERS), *((name, PICTURES[name]) for name in names)):
        shown += [(f"{name}_{i}", caption) for i, (caption, _) in enumerate(entries)]
    pictures = [
        f'<figure><img src="{folder}/{file}.png" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for file, caption in shown
    ]
    return "\n".join(['<div class="pooled">', *pictures, "</div>"])


def _softmax(logits):
    e = np.exp(logits - np.max(logits))
    return e / e.sum()


def _detail(lam, symmetric=True):
    d = VALUES - VALUES.mean()
    w = 1 + np.hypot(d if symmetric else np.maximum(d, 0), 0.001) ** lam
    return w / w.sum()


def _norm_slope(p, mean):
    """Returns the derivatives of the norm of a window, or of the norm of its mean."""
    powers = VALUES**p
    norm = (powers.mean() if mean else powers.sum()) ** (1 / p)
    return (VALUES / norm) ** (p - 1) / (len(VALUES) if mean else 1)


def _largest():
    return (VALUES.max() == VALUES).astype(float)


def _average():
    return np.full(len(VALUES), 1 / len(VALUES))


def _ranks(*weights):
    """Returns weights for the largest values, the largest first, and none for the others."""
    return np.array([*weights, *[0.0] * (len(VALUES) - len(weights))])[::-1]


# By the name of a pooling: what the chart shows of each value, and the series in it.
CHARTS = {
    "soft": ("weight", {"SoftPool": lambda: _softmax(VALUES)}),
    "sorted": ("weight", {"0.6, 0.3, 0.1": lambda: _ranks(0.6, 0.3, 0.1)}),
    "detail_preserving": (
        "weight",
        {"symmetric": lambda: _detail(2.7), "asymmetric": lambda: _detail(2.7, symmetric=False)},
    ),
    "local_importance": ("weight", {"logits rise with the values": lambda: _softmax(0.6 * VALUES)}),
    "sum": ("derivative", {"sum": lambda: np.ones(len(VALUES))}),
    "power_average": (
        "derivative",
        {"p = 2": lambda: _norm_slope(2, mean=False), "p = 8": lambda: _norm_slope(8, mean=False)},
    ),
    "lp": (
        "derivative",
        {"p = 2": lambda: _norm_slope(2, mean=True), "p = 8": lambda: _norm_slope(8, mean=True)},
    ),
    "mixed": ("weight", {"half and half": lambda: (_largest() + _average()) / 2}),
    "gated": (
        "weight",
        {
            "mix = 0.2": lambda: 0.2 * _largest() + 0.8 * _average(),
            "mix = 0.8": lambda: 0.8 * _largest() + 0.2 * _average(),
        },
    ),
    "stochastic": ("probability", {"stochastic": lambda: VALUES / VALUES.sum()}),
    "median": ("weight", {"median": lambda: (np.median(VALUES) == VALUES).astype(float)}),
}


def chart(name):
    """Returns a chart of what each value of a window counts for, as SVG for a page, or nothing."""
    if name not in CHARTS:
        return ""
    what, series = CHARTS[name]
    with plt.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "text.color": _INK,
            "axes.edgecolor": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "font.size": 11,
        }
    ):
        drawing, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
        places = np.arange(len(VALUES))
        width = 0.8 / len(series)
        for i, (label, weights) in enumerate(series.items()):
            at = places + (i - (len(series) - 1) / 2) * width
            ax.bar(at, weights(), width, label=label, color=_FILL, alpha=1 - 0.55 * i)
        if what == "weight":
            ax.plot(places, _average(), linestyle=":", color=_INK, label="average")
        # The legend is above the bars.
        ax.set_ylim(0, 1.3 * max(weights().max() for weights in series.values()))
        ax.set_xticks(places, [f"{value:g}" for value in VALUES])
        ax.set_xlabel("the values of a 3x3 window, sorted")
        ax.set_ylabel(what)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="upper left")
        file = io.StringIO()
        drawing.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        plt.close(drawing)
    return _for_a_page(file.getvalue(), f"The {what} of each value of a window")


def _for_a_page(svg, title):
    """Returns an SVG file as an element of a page, in the page's colours and font."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor").replace(_FILL, "var(--md-accent-fg-color)")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    # A blank line would end the HTML in a Markdown page.
    svg = re.sub(r"\n\s*\n", "\n", svg)
    svg = svg.replace("<svg", f'<svg class="weights" role="img" aria-label="{title}"', 1)
    return f"<div>\n{svg}</div>"
