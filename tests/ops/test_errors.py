"""Bad input to `soft_pool` raises an error that names what is wrong, and never crashes."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.ops import native

X = np.zeros((2, 6, 6, 3), "float32")

BAD_CALLS = {
    "no spatial dimensions": (np.zeros((2, 3), "f4"), {}, "spatial dimensions"),
    "four spatial dimensions": (np.zeros((1, 2, 2, 2, 2, 1), "f4"), {}, "spatial dimensions"),
    "window of another rank": (X, {"pool_size": (2, 2, 2)}, "pool_size"),
    "no window": (X, {"pool_size": ()}, "pool_size"),
    "zero window": (X, {"pool_size": 0}, "pool_size"),
    "negative window": (X, {"pool_size": (2, -2)}, "pool_size"),
    "window that is text": (X, {"pool_size": "two"}, "pool_size"),
    "window of fractions": (X, {"pool_size": (2.5, 2)}, "pool_size"),
    "window that is a truth value": (X, {"pool_size": True}, "pool_size"),
    "no window at all": (X, {"pool_size": None}, "pool_size"),
    "huge window": (X, {"pool_size": 2**31}, "pool_size"),
    "largest window": (X, {"pool_size": 2**31 - 1}, "larger than the input"),
    "strides of another rank": (X, {"strides": (1,)}, "strides"),
    "zero stride": (X, {"strides": 0}, "strides"),
    "negative stride": (X, {"strides": -1}, "strides"),
    "unknown padding": (X, {"padding": "full"}, "padding"),
    "padding that is no text": (X, {"padding": 1}, "padding"),
    "unknown data format": (X, {"data_format": "NHWC"}, "data_format"),
    "unknown gradient": (X, {"gradient": "approximate"}, "gradient"),
    "window larger than the input": (X, {"pool_size": 7}, "larger than the input"),
    "integers": (X.astype("int32"), {}, "int32"),
    "complex numbers": (X.astype("complex64"), {}, "complex64"),
    "truth values": (X.astype("bool"), {}, "bool"),
}


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("name", BAD_CALLS)
def test_function(name, portable):
    x, arguments, message = BAD_CALLS[name]
    arguments = {"pool_size": 2, **arguments}
    context = tsp.portable() if portable else contextlib.nullcontext()
    with context, pytest.raises(ValueError, match=message):
        tsp.soft_pool(x, **arguments)


def test_symbolic_function():
    with pytest.raises(ValueError, match="larger than the input"):
        tsp.soft_pool(keras.KerasTensor((None, 3, 3, 1)), 4)


def op(x=X, **attributes):
    """Calls the compiled op directly, without the checks in Python."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_soft_pool(input=x, **{**defaults, **attributes})


def grad_op(grad, x=X, **attributes):
    """Calls the compiled gradient op directly."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_soft_pool_grad(orig_input=x, grad=grad, **{**defaults, **attributes})


BAD_OPS = {
    "rank too small": (lambda: op(X[0]), "rank"),
    "rank too large": (lambda: op(X[None]), "rank"),
    "scalar": (lambda: op(np.float32(1)), "rank"),
    "ksize too short": (lambda: op(ksize=[2], strides=[2]), "rank"),
    "ksize too long": (lambda: op(ksize=[2] * 4, strides=[2] * 4), "ksize"),
    "no ksize": (lambda: op(ksize=[], strides=[]), "ksize"),
    "strides of another length": (lambda: op(strides=[2]), "strides"),
    "zero ksize": (lambda: op(ksize=[0, 2]), r"ksize.*\[0, 2\]"),
    "negative ksize": (lambda: op(ksize=[2, -1]), r"ksize.*\[2, -1\]"),
    "zero stride": (lambda: op(strides=[0, 2]), r"strides.*\[0, 2\]"),
    "negative stride": (lambda: op(strides=[1, -2]), r"strides.*\[1, -2\]"),
    "ksize of 2^31": (lambda: op(ksize=[2**31, 2]), "2147483648"),
    "ksize of 2^63 - 1": (lambda: op(ksize=[2**63 - 1, 1]), "9223372036854775807"),
    "stride of 2^31": (lambda: op(strides=[2**31, 2]), "2147483648"),
    "ksize of 2^31 - 1": (lambda: op(ksize=[2**31 - 1] * 2), "larger than the input"),
    "unknown padding": (lambda: op(padding="FULL"), "padding"),
    "unknown data format": (lambda: op(data_format="NCDHW"), "data_format"),
    "unknown gradient": (lambda: op(gradient="both"), "gradient"),
    "unknown type": (lambda: op(tf.zeros((2, 6, 6, 3), tf.int32)), "int32"),
    "window larger than the input": (lambda: op(ksize=[7, 2]), "larger than the input"),
    "gradient of another shape": (lambda: grad_op(np.zeros((2, 3, 2, 3), "f4")), "shape|equal"),
    "gradient of the input's shape": (lambda: grad_op(X), "shape|equal"),
    "gradient of another rank": (lambda: grad_op(np.zeros((2, 3, 3), "f4")), "shape|rank"),
    "gradient without elements": (lambda: grad_op(np.zeros((0, 3, 3, 3), "f4")), "shape|equal"),
}


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("name", BAD_OPS)
def test_op(name, mode):
    function, message = BAD_OPS[name]
    function = tf.function(function) if mode == "graph" else function
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError), match=message):
        function()


def test_shapes_that_only_show_when_the_graph_runs():
    unknown = tf.TensorSpec(None, tf.float32)
    forward = tf.function(lambda x: op(x), input_signature=[unknown])
    backward = tf.function(lambda x, g: grad_op(g, x), input_signature=[unknown, unknown])
    assert forward(X).shape == (2, 3, 3, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="rank"):
        forward(X[0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="larger than the input"):
        forward(X[:, :1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have shape \[2,3,3,3\]"):
        backward(X, X)


@pytest.mark.parametrize(
    ("shape", "attributes", "expected"),
    [
        (None, {}, [None] * 4),
        ([None] * 4, {}, [None] * 4),
        ([None, 6, None, 3], {}, [None, 3, None, 3]),
        ([5, 7, 7, None], {"padding": "SAME"}, [5, 4, 4, None]),
        ([5, 3, None, 7], {"data_format": "NCHW"}, [5, 3, None, 3]),
        ([2, 9, 4], {"ksize": [3], "strides": [2]}, [2, 4, 4]),
        ([2, 9, 8, 7, 4], {"ksize": [3, 2, 1], "strides": [2, 2, 2]}, [2, 4, 4, 4, 4]),
    ],
)
def test_shape_function(shape, attributes, expected):
    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def function(x):
        y = op(x, **attributes)
        assert y.shape.as_list() == expected
        dx = grad_op(y, x, **attributes)
        assert dx.shape.as_list() == x.shape.as_list() if shape else dx.shape.rank is None
        return y

    function.get_concrete_function()


@pytest.mark.parametrize("padding", ["SAME"])
@pytest.mark.parametrize("size", [2**31 - 1, 10_000_000])
def test_huge_windows_that_are_allowed(size, padding):
    y = op(tf.ones((2, 6, 6, 3)), ksize=[size] * 2, strides=[size] * 2, padding=padding)
    np.testing.assert_array_equal(y, np.ones((2, 1, 1, 3)))
    y = op(tf.ones((2, 6, 6, 3)), ksize=[size] * 2, strides=[1, 1], padding=padding)
    np.testing.assert_array_equal(y, np.ones((2, 6, 6, 3)))
