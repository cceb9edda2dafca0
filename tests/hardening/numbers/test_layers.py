"""Layers of every form with random windows, types and numbers, against their portable form in float64."""

import agreement
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import run, with_gradient
from draws import calls
from found import FOUND_IN_LAYERS
from layer_inputs import WITH_FORMS, layer_class
from searching import search

import tf_softpool as tsp

# The paddings of `Call` by the form of a layer.
PADDINGS = {"": ("valid", "same"), "Global": ("whole",), "Adaptive": ("adaptive",)}
LAYERS = [(name, form) for name in WITH_FORMS for form in PADDINGS] + [
    ("GatedPooling", ""),
    ("S3Pooling", ""),
]
# The arguments with which layers have variables, by the name of the pooling.
ARGUMENTS = {
    "DetailPreservingPooling": {"variant": "full", "symmetric": False},
    "GatedPooling": {"per_channel": True},
    "LpPooling": {"per_channel": True},
    "MixedPooling": {"per_channel": True},
    "PowerAveragePooling": {"p": 3.0},
    "SortedPooling": {"pool_range": 1, "per_channel": True},
}
# What these layers weigh values with is rounded to the layer's type. In 16 bits that is far from float64.
WITH_NETWORKS = ("DetailPreservingPooling", "LocalImportancePooling")
# Sums, and norms of sums, grow with the number of values.
GROWING = ("SumPooling", "PowerAveragePooling")


def layers_of(name, form, call):
    """Returns a layer of a call's type, and the same layer in float64."""
    case, rank = call.case, len(call.case.spatial)
    windows = {
        "": {"pool_size": case.pool_size, "strides": case.strides, "padding": call.padding},
        "Global": {"keepdims": True},
        "Adaptive": {"output_size": case.pool_size},
    }[form]
    if name == "S3Pooling":
        windows["strides"] = tuple(min(pair) for pair in zip(case.pool_size, case.strides, strict=True))
    made = []
    for dtype in (call.dtype, "float64"):
        # Variables have the type in which poolings are computed.
        policy = keras.DTypePolicy(dtype)
        layer = layer_class(form + name, rank)(
            **windows, **ARGUMENTS.get(name, {}), data_format=call.data_format, dtype=policy
        )
        layer.build(case.shape(call.data_format))
        random = np.random.default_rng(call.x.seed)
        for weight in layer.trainable_weights:
            weight.assign(random.uniform(0.1, 0.9, weight.shape).astype("float32"))
        made.append(layer)
    for weight, wide in zip(*(layer.trainable_weights for layer in made), strict=True):
        wide.assign(keras.ops.cast(weight, "float64"))
    return made


def check(name, form, call):
    """Compares a layer with the same layer in float64 and in standard operations."""
    layer, wide = layers_of(name, form, call)
    numbers = call.x.array(call.case.shape("channels_last"), call.dtype)
    if name == "StochasticPooling" and agreement.has_subnormals(numbers):
        # Its probabilities depend on the sign of a number, and standard operations make such numbers zero.
        return
    x = agreement.first(numbers, call.data_format)
    y, dx = run("eager", with_gradient(layer), x, np.ones(layer.compute_output_shape(x.shape), x.dtype))
    assert y.shape == layer.compute_output_shape(x.shape)
    with tsp.portable():
        expected = np.asarray(wide(tf.constant(x.astype("float64"))))
    wide_x = x.astype("float64")
    size = np.abs(np.where(np.isfinite(wide_x), wide_x, 0)).max(initial=0)
    taps = np.prod(call.case.spatial) if name in GROWING else 1
    # Ten times the largest float64 is no float64.
    scale = np.full(expected.shape, np.longdouble(10) * size * taps)
    agreement.agree(y, expected, scale, call.dtype, standard=True)
    assert np.isfinite(dx).all() or not np.isfinite(x).all()


@pytest.mark.parametrize(("name", "form", "call"), FOUND_IN_LAYERS)
def test_what_was_found(name, form, call):
    check(name, form, call)


@pytest.mark.parametrize(("name", "form"), LAYERS)
def test_every_layer(name, form, effort):
    every = calls(PADDINGS[form])
    if name == "LocalImportancePooling":
        # Its network normalizes what it gets, and hard numbers have no variance that float32 can hold.
        every = every.filter(
            lambda call: call.x.kind in ("ordinary", "ties", "positive") and not call.x.spice
        )
        every = every.filter(lambda call: call.case.channels > 0)
    if name in WITH_NETWORKS:
        every = every.filter(lambda call: call.dtype in ("float32", "float64"))
    search(every, lambda call: check(name, form, call), effort, 1, 300)
