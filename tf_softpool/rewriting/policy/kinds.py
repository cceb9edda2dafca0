"""Which layers are poolings of which kind, and how near to another kind one can start."""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras

from tf_softpool.layers import (
    detail_preserving_pooling,
    local_importance_pooling,
    mixed_pooling,
    norm_pooling,
    s3_pooling,
    soft_pooling,
    sorted_pooling,
    stochastic_pooling,
)
from tf_softpool.ops.soft_pool import SoftPool

GLOBAL = "global_"


def _classes(module, name):
    """The 1D, 2D and 3D forms of a layer class, by their number of spatial dimensions."""
    return {rank: getattr(module, f"{name}{rank}D") for rank in (1, 2, 3)}


# The kinds of pooling that can be named. A kind and its global form share a name: "soft" makes a
# global pooling of a global one.
KINDS = {
    "max": _classes(keras.layers, "MaxPooling"),
    "average": _classes(keras.layers, "AveragePooling"),
    "soft": _classes(soft_pooling, "SoftPooling"),
    "sorted": _classes(sorted_pooling, "SortedPooling"),
    "detail_preserving": _classes(detail_preserving_pooling, "DetailPreservingPooling"),
    "local_importance": _classes(local_importance_pooling, "LocalImportancePooling"),
    "sum": _classes(norm_pooling, "SumPooling"),
    "power_average": _classes(norm_pooling, "PowerAveragePooling"),
    "lp": _classes(norm_pooling, "LpPooling"),
    "mixed": _classes(mixed_pooling, "MixedPooling"),
    "gated": _classes(mixed_pooling, "GatedPooling"),
    "stochastic": _classes(stochastic_pooling, "StochasticPooling"),
    "s3": _classes(s3_pooling, "S3Pooling"),
    GLOBAL + "max": _classes(keras.layers, "GlobalMaxPooling"),
    GLOBAL + "average": _classes(keras.layers, "GlobalAveragePooling"),
    GLOBAL + "soft": _classes(soft_pooling, "GlobalSoftPooling"),
}
CLASSES = tuple(cls for of_rank in KINDS.values() for cls in of_rank.values())


class Start(NamedTuple):
    """How near to an old layer a new one starts, and a function that makes the arguments for it."""

    note: str = ""
    arguments: Callable = dict


def _constant(name, value):
    """A function that makes an argument that is a constant initializer."""
    return lambda: {name: keras.initializers.Constant(value)}


# So much of the mix is given to what a gated pooling takes the place of.
_GATE = 0.999
_LOGIT = math.log(_GATE / (1 - _GATE))
# Layers that pool and have no other form: they are reported.
ADAPTIVE = tuple(
    getattr(keras.layers, f"Adaptive{what}Pooling{rank}D")
    for what in ("Max", "Average")
    for rank in (1, 2, 3)
)
# (old kind, new kind) -> how the new layer starts as near to the old one as it can.
STARTS = {
    ("max", "sorted"): Start(
        "starts with 99.9 % of the weight on the largest value",
        lambda: {"rank_initializer": sorted_pooling.LeadingRank()},
    ),
    ("average", "sorted"): Start("starts as average pooling exactly"),
    ("max", "detail_preserving"): Start(
        "starts near max pooling: only what is above the average counts, with lambda = 10; alpha = 1e-30 "
        "hardly learns",
        lambda: {
            "symmetric": False,
            "lambda_initializer": keras.initializers.Constant(math.log(10)),
            "alpha_initializer": keras.initializers.Constant(math.log(1e-30)),
        },
    ),
    ("average", "detail_preserving"): Start(
        "starts near average pooling, with alpha = 100", _constant("alpha_initializer", math.log(100))
    ),
    ("max", "local_importance"): Start(
        "starts between average and max pooling: values are important that are large for their channel",
        lambda: {
            "kernel_initializer": local_importance_pooling.CenterTap(),
            "scale_initializer": keras.initializers.Constant(2.0),
        },
    ),
    ("average", "local_importance"): Start("starts as average pooling exactly"),
    ("max", "mixed"): Start("starts as max pooling exactly", _constant("mix_initializer", 1.0)),
    ("average", "mixed"): Start("starts as average pooling exactly", _constant("mix_initializer", 0.0)),
    ("max", "gated"): Start(
        "starts with 99.9 % of the mix on the maximum", _constant("bias_initializer", _LOGIT)
    ),
    ("average", "gated"): Start(
        "starts with 99.9 % of the mix on the average", _constant("bias_initializer", -_LOGIT)
    ),
    # The norm of n values is up to 1 - n^(-1/p) below their largest, and hardly learns where p is larger.
    ("max", "lp"): Start(
        "starts with p = 100: where no value is negative, up to 2.2 % lower in windows of up to 9 values",
        lambda: {"initial_p": 100.0},
    ),
    # At p near 1 it is up to log(n) (p - 1) above the average.
    ("average", "lp"): Start(
        "starts with p = 1.001: where no value is negative, up to 0.22 % higher in windows of up to 9 values",
        lambda: {"initial_p": 1.001},
    ),
    ("max", "s3"): Start(
        "starts with max pooling as its first step; then it averages, or draws", lambda: {"pooling": "max"}
    ),
    ("average", "s3"): Start(
        "starts with average pooling as its first step; then it averages, or draws",
        lambda: {"pooling": "average"},
    ),
}


def has_own_call(layer):
    """Whether a layer's class is derived from one of a kind, and computes something else."""
    return isinstance(layer, CLASSES) and kind_of(layer)[0] is None


def kind_of(layer):
    """The kind and the number of spatial dimensions of a pooling layer, or (None, None).

    A layer of a class that is derived from a kind's, and computes something else, is of no kind.
    """
    for kind, classes in KINDS.items():
        for rank, cls in classes.items():
            if isinstance(layer, cls) and type(layer).call is cls.call:
                return kind, rank
    if isinstance(layer, SoftPool):
        return "soft", layer.window.rank
    return None, None
