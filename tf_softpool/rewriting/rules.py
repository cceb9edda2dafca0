"""Which layers are poolings of which kind, and how one pooling is made from another."""

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

_GLOBAL = "global_"


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
    _GLOBAL + "max": _classes(keras.layers, "GlobalMaxPooling"),
    _GLOBAL + "average": _classes(keras.layers, "GlobalAveragePooling"),
    _GLOBAL + "soft": _classes(soft_pooling, "GlobalSoftPooling"),
}


class _Start(NamedTuple):
    """How near to an old layer a new one starts, and a function that makes the arguments for it."""

    note: str = ""
    arguments: Callable = dict


def _constant(name, value):
    """A function that makes an argument that is a constant initializer."""
    return lambda: {name: keras.initializers.Constant(value)}


# So much of the mix is given to what a gated pooling takes the place of.
_GATE = 0.999
_LOGIT = math.log(_GATE / (1 - _GATE))
# (old kind, new kind) -> how the new layer starts as near to the old one as it can.
_STARTS = {
    ("max", "sorted"): _Start(
        "starts with 99.9 % of the weight on the largest value",
        lambda: {"rank_initializer": sorted_pooling.LeadingRank()},
    ),
    ("average", "sorted"): _Start("starts as average pooling exactly"),
    ("max", "detail_preserving"): _Start(
        "starts near max pooling: only what is above the average counts, with lambda = 10; alpha = 1e-30 "
        "hardly learns",
        lambda: {
            "symmetric": False,
            "lambda_initializer": keras.initializers.Constant(math.log(10)),
            "alpha_initializer": keras.initializers.Constant(math.log(1e-30)),
        },
    ),
    ("average", "detail_preserving"): _Start(
        "starts near average pooling, with alpha = 100", _constant("alpha_initializer", math.log(100))
    ),
    ("max", "local_importance"): _Start(
        "starts between average and max pooling: values are important that are large for their channel",
        lambda: {
            "kernel_initializer": local_importance_pooling.CenterTap(),
            "scale_initializer": keras.initializers.Constant(2.0),
        },
    ),
    ("average", "local_importance"): _Start("starts as average pooling exactly"),
    ("max", "mixed"): _Start("starts as max pooling exactly", _constant("mix_initializer", 1.0)),
    ("average", "mixed"): _Start("starts as average pooling exactly", _constant("mix_initializer", 0.0)),
    ("max", "gated"): _Start(
        "starts with 99.9 % of the mix on the maximum", _constant("bias_initializer", _LOGIT)
    ),
    ("average", "gated"): _Start(
        "starts with 99.9 % of the mix on the average", _constant("bias_initializer", -_LOGIT)
    ),
    # The norm of n values is up to 1 - n^(-1/p) below their largest, and hardly learns where p is larger.
    ("max", "lp"): _Start(
        "starts with p = 100: where no value is negative, up to 2.2 % lower in windows of up to 9 values",
        lambda: {"initial_p": 100.0},
    ),
    # At p near 1 it is up to log(n) (p - 1) above the average.
    ("average", "lp"): _Start(
        "starts with p = 1.001: where no value is negative, up to 0.22 % higher in windows of up to 9 values",
        lambda: {"initial_p": 1.001},
    ),
    ("max", "s3"): _Start(
        "starts with max pooling as its first step; then it averages, or draws", lambda: {"pooling": "max"}
    ),
    ("average", "s3"): _Start(
        "starts with average pooling as its first step; then it averages, or draws",
        lambda: {"pooling": "average"},
    ),
}


def kind_of(layer):
    """The kind and the number of spatial dimensions of a pooling layer, or (None, None)."""
    for kind, classes in KINDS.items():
        for rank, cls in classes.items():
            if isinstance(layer, cls):
                return kind, rank
    if isinstance(layer, SoftPool):
        return "soft", layer.window.rank
    return None, None


class Rule:
    """One entry of a replacement: which layers it is for, and what it makes of them."""

    def __init__(self, what, by):
        if isinstance(what, str) and what not in KINDS:
            raise ValueError(f"Unknown kind of pooling {what!r}: known are {sorted(KINDS)}.")
        if not isinstance(what, str) and not _is_layer_class(what):
            raise ValueError(f"What to replace must be a kind or a layer class, got {what!r}.")
        if isinstance(by, str) and by not in KINDS:
            raise ValueError(f"Unknown kind of pooling {by!r}: known are {sorted(KINDS)}.")
        if not isinstance(by, str) and not callable(by):
            raise ValueError(
                f"A replacement must be a kind, a layer class, or a function of a layer, got {by!r}."
            )
        self.what = what
        self.by = by

    def matches(self, layer):
        """Whether this rule is for a layer."""
        if isinstance(self.what, str):
            return kind_of(layer)[0] == self.what
        return isinstance(layer, self.what)

    def make(self, layer):
        """The layer to put in the place of one that matches, with its name, and how near to it it starts.

        Raises:
            ValueError: the replacement cannot be made from this layer.
        """
        if _is_layer_class(self.by):
            return _with_arguments_of(layer, self.by)
        if isinstance(self.by, str):
            return _with_arguments_of(layer, _class_for(layer, self.by))
        new = self.by(layer)
        if not isinstance(new, keras.Layer):
            raise ValueError(f"The replacement of layer {layer.name!r} must be a Keras layer, got {new!r}.")
        if new is layer:
            raise ValueError(
                f"The replacement of layer {layer.name!r} must be a new layer, got the layer itself."
            )
        new.name = layer.name
        return new, ""


def _is_layer_class(value):
    return isinstance(value, type) and issubclass(value, keras.Layer)


def _class_for(layer, kind):
    old, rank = kind_of(layer)
    if old is None:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) is not a pooling of a known kind, so "
            f"{kind!r} cannot take its arguments: give a layer class or a function instead."
        )
    if old.startswith(_GLOBAL) and not kind.startswith(_GLOBAL):
        kind = _GLOBAL + kind
    elif kind.startswith(_GLOBAL) and not old.startswith(_GLOBAL):
        raise ValueError(f"{kind!r} cannot take the place of {layer.name!r}, which is not global.")
    if kind not in KINDS:
        kind = kind.removeprefix(_GLOBAL)
        raise ValueError(f"{kind!r} has no global form to take the place of {layer.name!r}.")
    return KINDS[kind][rank]


def _with_arguments_of(layer, cls):
    """A layer of class `cls` with those of its arguments that `layer` has too, and a note on its start."""
    shared = ("pool_size", "strides", "padding", "data_format", "keepdims")
    config = layer.get_config()
    arguments = {name: config[name] for name in shared if name in config}
    kind = next((kind for kind, classes in KINDS.items() if cls in classes.values()), None)
    start = _STARTS.get((kind_of(layer)[0], kind), _Start())
    arguments |= start.arguments()
    new = cls(name=layer.name, trainable=layer.trainable, dtype=layer.dtype_policy, **arguments)
    return new, start.note
