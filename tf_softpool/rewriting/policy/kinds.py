"""The kinds of pooling that a request can name, and the layer classes of each."""

import keras

from tf_softpool import layers
from tf_softpool.ops.soft_pool import SoftPool

GLOBAL = "global_"
Classes = dict[int, type[keras.Layer]]


def _ranks(*classes: type[keras.Layer]) -> Classes:
    """Returns the 1D, 2D and 3D classes of a layer, by their number of spatial dimensions."""
    return dict(enumerate(classes, 1))


# "global_soft" is the global form of "soft". A request may name either of the two for a global pooling.
KINDS: dict[str, Classes] = {
    "max": _ranks(keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.MaxPooling3D),
    "average": _ranks(
        keras.layers.AveragePooling1D, keras.layers.AveragePooling2D, keras.layers.AveragePooling3D
    ),
    "soft": _ranks(layers.SoftPooling1D, layers.SoftPooling2D, layers.SoftPooling3D),
    "sorted": _ranks(layers.SortedPooling1D, layers.SortedPooling2D, layers.SortedPooling3D),
    "detail_preserving": _ranks(
        layers.DetailPreservingPooling1D, layers.DetailPreservingPooling2D, layers.DetailPreservingPooling3D
    ),
    "local_importance": _ranks(
        layers.LocalImportancePooling1D, layers.LocalImportancePooling2D, layers.LocalImportancePooling3D
    ),
    "sum": _ranks(layers.SumPooling1D, layers.SumPooling2D, layers.SumPooling3D),
    "power_average": _ranks(
        layers.PowerAveragePooling1D, layers.PowerAveragePooling2D, layers.PowerAveragePooling3D
    ),
    "lp": _ranks(layers.LpPooling1D, layers.LpPooling2D, layers.LpPooling3D),
    "mixed": _ranks(layers.MixedPooling1D, layers.MixedPooling2D, layers.MixedPooling3D),
    "gated": _ranks(layers.GatedPooling1D, layers.GatedPooling2D, layers.GatedPooling3D),
    "stochastic": _ranks(layers.StochasticPooling1D, layers.StochasticPooling2D, layers.StochasticPooling3D),
    "s3": _ranks(layers.S3Pooling1D, layers.S3Pooling2D, layers.S3Pooling3D),
    GLOBAL + "max": _ranks(
        keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D, keras.layers.GlobalMaxPooling3D
    ),
    GLOBAL + "average": _ranks(
        keras.layers.GlobalAveragePooling1D,
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalAveragePooling3D,
    ),
    GLOBAL + "soft": _ranks(
        layers.GlobalSoftPooling1D, layers.GlobalSoftPooling2D, layers.GlobalSoftPooling3D
    ),
}
CLASSES = tuple(cls for of_rank in KINDS.values() for cls in of_rank.values())
# Pooling layers that no other layer can replace. Reports list them.
ADAPTIVE = (
    keras.layers.AdaptiveMaxPooling1D,
    keras.layers.AdaptiveMaxPooling2D,
    keras.layers.AdaptiveMaxPooling3D,
    keras.layers.AdaptiveAveragePooling1D,
    keras.layers.AdaptiveAveragePooling2D,
    keras.layers.AdaptiveAveragePooling3D,
)


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


def has_own_call(layer: keras.Layer) -> bool:
    """Returns whether a layer's class is derived from a kind's class and computes something else."""
    return isinstance(layer, CLASSES) and kind_of(layer)[0] is None
