"""Bad input to `detail_preserving_pool` raises an error that names what is wrong, and never crashes."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.ops import native

X, G = np.zeros((2, 6, 6, 3), "float32"), np.zeros((2, 3, 3, 3), "float32")
ONES = np.ones(3, "float32")
BAD_CALLS = {
    "guide of another shape": (X, X, 1, 1, {}, "guide"),
    "guide of another rank": (X, G[0], 1, 1, {}, "guide"),
    "complex guide": (X, G.astype("complex64"), 1, 1, {}, "complex64"),
    "alpha of other channels": (X, None, np.ones(2), 1, {}, "alpha"),
    "alpha of channels first": (X, None, ONES, 1, {"data_format": "channels_first"}, "alpha"),
    "lambda of other channels": (X, None, 1, np.ones(4), {}, "lam"),
    "lambda of two dimensions": (X, None, 1, np.ones((1, 3)), {}, "lam"),
    "complex alpha": (X, None, np.ones(3, "complex64"), 1, {}, "complex64"),
    "truth values": (X, None, True, np.ones(3, "bool"), {}, "bool"),
    "no spatial dimensions": (X[:, 0, 0], None, 1, 1, {}, "spatial dimensions"),
    "zero window": (X, None, 1, 1, {"pool_size": 0}, "pool_size"),
    "zero stride": (X, None, 1, 1, {"strides": 0}, "strides"),
    "unknown padding": (X, None, 1, 1, {"padding": "full"}, "padding"),
    "window larger than the input": (X, None, 1, 1, {"pool_size": 7}, "larger than the input"),
    "symmetry that is text": (X, None, 1, 1, {"symmetric": "no"}, "symmetric"),
    "no symmetry at all": (X, None, 1, 1, {"symmetric": None}, "symmetric"),
    "integers": (X.astype("int32"), None, 1, 1, {}, "int32"),
}


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(name, portable):
    x, guide, alpha, lam, arguments, message = BAD_CALLS[name]
    with tsp.portable() if portable else contextlib.nullcontext(), pytest.raises(ValueError, match=message):
        tsp.detail_preserving_pool(x, guide, alpha, lam, **{"pool_size": 2, **arguments})


def test_in_a_functional_model(tmp_path):
    inputs, guide = keras.Input((6, 6, 3)), keras.Input((3, 3, 3))
    y = tsp.detail_preserving_pool(inputs, guide, 0.5, ONES, 2, symmetric=False)
    y = tsp.detail_preserving_pool(tsp.importance_pool(y, y, 2, 1), None, 1.0, 2.0, 2)
    model = keras.Model([inputs, guide], y)
    assert model.output.shape == (None, 1, 1, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    values = [
        np.random.default_rng(0).normal(size=(2, *v.shape[1:])).astype("float32") for v in (inputs, guide)
    ]
    np.testing.assert_array_equal(loaded(values), model(values))
    with pytest.raises(ValueError, match="guide"):
        tsp.detail_preserving_pool(inputs, keras.Input((3, 2, 3)), 1.0, 1.0, 2)


def op(x=X, guide=(), alpha=ONES, lam=ONES, **attributes):
    """Calls the compiled op directly, without the checks in Python."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_detail_preserving_pool(
        input=x, guide=list(guide), alpha=alpha, lam=lam, **{**defaults, **attributes}
    )


def grad_op(grad=G, x=X, guide=(), alpha=ONES, lam=ONES, **attributes):
    """Calls the compiled gradient op directly."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_detail_preserving_pool_grad(
        orig_input=x, guide=list(guide), alpha=alpha, lam=lam, grad=grad, **{**defaults, **attributes}
    )


BAD_OPS = {
    "guide of another shape": lambda: op(guide=[X]),
    "two guides": lambda: op(guide=[G, G]),
    "alpha of other channels": lambda: op(alpha=ONES[:2]),
    "alpha that is a number": lambda: op(alpha=np.float32(1)),
    "lambda of other channels": lambda: op(lam=np.ones(6, "f4")),
    "lambda of two dimensions": lambda: op(lam=np.ones((3, 1), "f4")),
    "double parameters": lambda: op(alpha=tf.cast(ONES, "float64"), lam=tf.cast(ONES, "float64")),
    "float parameters for double": lambda: op(tf.cast(X, "float64")),
    "parameters of channels last": lambda: op(data_format="NCHW"),
    "zero ksize": lambda: op(ksize=[0, 2]),
    "window larger than the input": lambda: op(ksize=[7, 2]),
    "gradient of another shape": lambda: grad_op(G[:, :2]),
    "gradient: guide of another shape": lambda: grad_op(guide=[X]),
    "gradient: two guides": lambda: grad_op(guide=[G, G]),
    "gradient: alpha of other channels": lambda: grad_op(alpha=ONES[:2]),
    "gradient: lambda of other channels": lambda: grad_op(lam=ONES[:2]),
}


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("name", BAD_OPS)
def test_bad_ops(name, mode):
    function = tf.function(BAD_OPS[name]) if mode == "graph" else BAD_OPS[name]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError)):
        function()


def test_shapes_that_only_show_when_the_graph_runs():
    unknown = tf.TensorSpec(None, tf.float32)
    forward = tf.function(lambda x, q, a, b: op(x, [q], a, b), input_signature=[unknown] * 4)
    backward = tf.function(lambda g, x, q, a, b: grad_op(g, x, [q], a, b), input_signature=[unknown] * 5)
    assert forward(X, G, ONES, ONES).shape == G.shape
    assert [t.shape for t in tf.nest.flatten(backward(G, X, G, ONES, ONES))] == [X.shape, G.shape, (3,), (3,)]
    for guide, alpha, lam in [(X, ONES, ONES), (G, ONES[:2], ONES), (G, ONES, X), (G, ONES[0], ONES)]:
        with pytest.raises(tf.errors.InvalidArgumentError, match="must have shape"):
            forward(X, guide, alpha, lam)
        with pytest.raises(tf.errors.InvalidArgumentError, match="must have shape"):
            backward(G, X, guide, alpha, lam)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have shape"):
        backward(X, X, G, ONES, ONES)
