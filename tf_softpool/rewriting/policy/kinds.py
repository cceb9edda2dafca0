"""The kinds of pooling that a request can name, and the layer classes of each."""

import keras

from tf_softpool import keras_versions, layers
from tf_softpool.layers.base import GlobalPooling
from tf_softpool.ops.soft_pool import SoftPool

GLOBAL, ADAPTIVE = "global_", "adaptive_"
Classes = dict[int, type[keras.Layer]]

# What the names of kinds and of classes begin with, for each form of a pooling.
_FORMS = {"": "", GLOBAL: "Global", ADAPTIVE: "Adaptive"}
# The kinds, and what the names of their classes have between the form and the number of dimensions.
_NAMES = {
    "max": "MaxPooling",
    "average": "AveragePooling",
    "soft": "SoftPooling",
    "sorted": "SortedPooling",
    "detail_preserving": "DetailPreservingPooling",
    "local_importance": "LocalImportancePooling",
    "sum": "SumPooling",
    "power_average": "PowerAveragePooling",
    "lp": "LpPooling",
    "mixed": "MixedPooling",
    "gated": "GatedPooling",
    "stochastic": "StochasticPooling",
    "s3": "S3Pooling",
    "median": "MedianPooling",
}


def _classes(name: str) -> Classes:
    """Returns the classes of a layer by their number of spatial dimensions, or an empty dict."""
    names = {rank: f"{name}{rank}D" for rank in (1, 2, 3)}
    found = {rank: getattr(layers, n, None) or keras_versions.layer_class(n) for rank, n in names.items()}
    return {rank: cls for rank, cls in found.items() if cls is not None}


# "global_soft" and "adaptive_soft" are forms of "soft". A request may name "soft" for a pooling of any form.
# Some poolings lack some forms.
KINDS: dict[str, Classes] = {
    form + kind: classes
    for form, prefix in _FORMS.items()
    for kind, name in _NAMES.items()
    if (classes := _classes(prefix + name))
}
CLASSES = tuple(cls for of_rank in KINDS.values() for cls in of_rank.values())


def form_of(kind: str) -> str:
    """Returns what the name of a kind begins with: `"global_"`, `"adaptive_"` or nothing."""
    return next((form for form in (GLOBAL, ADAPTIVE) if kind.startswith(form)), "")


def kind_of(layer: keras.Layer) -> tuple[str, int] | tuple[None, None]:
    """Returns the kind of a pooling layer and its number of spatial dimensions, or (None, None).

    A layer whose class is derived from a kind's class, and has a `call` of its own, is of no kind.
    """
    for kind, classes in KINDS.items():
        for rank, cls in classes.items():
            if isinstance(layer, cls) and type(layer).call is cls.call:
                return kind, rank
    if isinstance(layer, SoftPool):
        return "soft", layer.window.rank
    return None, None


def kind_of_class(cls: type[keras.Layer]) -> str | None:
    """Returns the kind of a layer class, or None."""
    return next((kind for kind, classes in KINDS.items() if cls in classes.values()), None)


def takes_ragged(layer: keras.Layer) -> bool:
    """Returns whether a layer pools ragged sequences, as Keras's global average and our global layers do."""
    ours = isinstance(layer, GlobalPooling) and kind_of(layer)[1] == 1
    return ours or isinstance(layer, keras.layers.GlobalAveragePooling1D)


def has_own_call(layer: keras.Layer) -> bool:
    """Returns whether a layer's class is derived from a kind's class and computes something else."""
    return isinstance(layer, CLASSES) and kind_of(layer)[0] is None
