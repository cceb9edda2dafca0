"""Bad input to `sorted_pool` raises an error that names what is wrong, and never crashes."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.ops import native

X = np.zeros((2, 6, 6, 3), "float32")
FOUR = np.zeros(4, "float32")

BAD_CALLS = {
    "no ranks": (X, np.zeros(0), {}, r"rank_logits.*from 1 to 4"),
    "more ranks than the window has values": (X, np.zeros(5), {}, r"rank_logits.*from 1 to 4.*got 5"),
    "logits that are a number": (X, 1.0, {}, "rank_logits"),
    "logits of too many dimensions": (X, np.zeros((4, 3, 1)), {}, "rank_logits"),
    "logits for other channels": (X, np.zeros((4, 2)), {}, r"rank_logits.*\[pool_range, 3\]"),
    "channels before ranks": (X, np.zeros((3, 4)), {}, "rank_logits"),
    "logits for channels first": (X, np.zeros((4, 3)), {"data_format": "channels_first"}, "rank_logits"),
    "complex logits": (X, np.zeros(4, "complex64"), {}, "complex64"),
    "logits that are truth values": (X, np.zeros(4, "bool"), {}, "bool"),
    "unknown normalization": (X, FOUR, {"normalize": "l1"}, "normalize"),
    "no normalization at all": (X, FOUR, {"normalize": None}, "normalize"),
    "no spatial dimensions": (np.zeros((2, 3), "f4"), FOUR, {}, "spatial dimensions"),
    "zero window": (X, FOUR, {"pool_size": 0}, "pool_size"),
    "window of another rank": (X, FOUR, {"pool_size": (2, 2, 1)}, "pool_size"),
    "zero stride": (X, FOUR, {"strides": 0}, "strides"),
    "unknown padding": (X, FOUR, {"padding": "full"}, "padding"),
    "window larger than the input": (X, FOUR, {"pool_size": 7}, "larger than the input"),
    "integers": (X.astype("int32"), FOUR, {}, "int32"),
}


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("name", BAD_CALLS)
def test_function(name, portable):
    x, logits, arguments, message = BAD_CALLS[name]
    context = tsp.portable() if portable else contextlib.nullcontext()
    with context, pytest.raises(ValueError, match=message):
        tsp.sorted_pool(x, logits, **{"pool_size": 2, **arguments})


def test_symbolic_function():
    x = keras.KerasTensor((None, 6, 6, 3))
    assert tsp.sorted_pool(x, FOUR, 2).shape == (None, 3, 3, 3)
    assert tsp.sorted_pool(x, keras.KerasTensor((4, 3)), 2).shape == (None, 3, 3, 3)
    with pytest.raises(ValueError, match="rank_logits"):
        tsp.sorted_pool(x, keras.KerasTensor((5,)), 2)
    with pytest.raises(ValueError, match="rank_logits"):
        tsp.sorted_pool(x, np.zeros((4, 2), "f4"), 2)
    with pytest.raises(ValueError, match="normalize"):
        tsp.sorted_pool(x, FOUR, 2, normalize="max")


def op(x=X, logits=FOUR, **attributes):
    """Calls the compiled op directly, without the checks in Python."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_sorted_pool(input=x, rank_logits=logits, **{**defaults, **attributes})


def grad_op(grad, x=X, logits=FOUR, **attributes):
    """Calls the compiled gradient op directly."""
    defaults = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    return native.load().ops.softpool_sorted_pool_grad(
        orig_input=x, rank_logits=logits, grad=grad, **{**defaults, **attributes}
    )


G = np.zeros((2, 3, 3, 3), "f4")
BAD_OPS = {
    "no ranks": (lambda: op(logits=FOUR[:0]), "from 1 to 4 ranks"),
    "too many ranks": (lambda: op(logits=np.zeros(5, "f4")), "from 1 to 4 ranks"),
    "logits that are a number": (lambda: op(logits=np.float32(1)), r"rank_logits must have shape.*got \[\]"),
    "logits of other channels": (lambda: op(logits=np.zeros((4, 2), "f4")), r"\[pool_range, 3\]"),
    "logits of other channels, first": (
        lambda: op(logits=np.zeros((4, 3), "f4"), data_format="NCHW"),
        r"\[pool_range, 6\]",
    ),
    "logits of another type": (lambda: op(logits=np.zeros(4, "f8")), "must be of type float"),
    "logits of half": (lambda: op(logits=np.zeros(4, "f2")), "half|float16"),
    "float logits for double": (lambda: op(tf.cast(X, "float64")), "must be of type double"),
    "unknown normalization": (lambda: op(normalize="both"), "normalize"),
    "zero ksize": (lambda: op(ksize=[0, 2]), "ksize"),
    "window larger than the input": (lambda: op(ksize=[7, 2]), "larger than the input"),
    "gradient: no ranks": (lambda: grad_op(G, logits=FOUR[:0]), "from 1 to 4 ranks"),
    "gradient: too many ranks": (lambda: grad_op(G, logits=np.zeros(5, "f4")), "from 1 to 4 ranks"),
    "gradient of another shape": (lambda: grad_op(G[:, :2]), "shape|equal"),
    "gradient: other channels": (lambda: grad_op(G, logits=np.zeros((4, 2), "f4")), r"\[pool_range, 3\]"),
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
    forward = tf.function(lambda x, w: op(x, w), input_signature=[unknown] * 2)
    backward = tf.function(lambda g, x, w: grad_op(g, x, w), input_signature=[unknown] * 3)
    assert forward(X, FOUR).shape == (2, 3, 3, 3)
    assert [t.shape for t in backward(G, X, FOUR)] == [X.shape, (4,)]
    for logits in (FOUR[:0], np.zeros(5, "f4"), np.zeros((4, 2), "f4"), np.zeros((4, 3, 1), "f4")):
        with pytest.raises(tf.errors.InvalidArgumentError, match="rank_logits must have"):
            forward(X, logits)
        with pytest.raises(tf.errors.InvalidArgumentError, match="rank_logits must have"):
            backward(G, X, logits)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have shape \[2,3,3,3\]"):
        backward(X, X, FOUR)


@pytest.mark.parametrize(
    ("shape", "logits", "attributes", "expected"),
    [
        (None, None, {}, [None] * 4),
        ([None] * 4, [None, None], {}, [None] * 4),
        ([None, 6, None, 3], [4, 3], {}, [None, 3, None, 3]),
        ([5, 3, None, 7], [2, 3], {"data_format": "NCHW"}, [5, 3, None, 3]),
        ([2, 9, 4], [3, None], {"ksize": [3], "strides": [2]}, [2, 4, 4]),
    ],
)
def test_shape_function(shape, logits, attributes, expected):
    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32), tf.TensorSpec(logits, tf.float32)])
    def function(x, w):
        y = op(x, w, **attributes)
        assert y.shape.as_list() == expected
        dx, dw = grad_op(y, x, w, **attributes)
        assert dx.shape.rank == x.shape.rank
        assert dw.shape.rank == w.shape.rank
        return y

    function.get_concrete_function()


def test_more_ranks_than_any_window_has_values():
    # A tensor of weights [ranks, channels] would have 2^46 elements.
    x = tf.ones((1, 1, 1, 2**23))
    logits = tf.zeros(2**23)
    with tf.GradientTape() as tape:
        tape.watch([x, logits])
        y = tsp.sorted_pool(x, logits, (4096, 2048), padding="same")
    dx, dw = tape.gradient(y, [x, logits])
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, x)
    np.testing.assert_array_equal(dw, np.zeros(2**23))


@pytest.mark.parametrize("size", [2**31 - 1, 10_000_000])
def test_huge_windows_that_are_allowed(size):
    x = tf.reshape(tf.range(2.0 * 6 * 6 * 3), (2, 6, 6, 3))
    logits = np.zeros(2, "f4")
    y = op(x, logits, ksize=[size] * 2, strides=[size] * 2, padding="SAME")
    np.testing.assert_allclose(y, tf.reduce_mean(tf.reshape(x, (2, 36, 3))[:, -2:], axis=1)[:, None, None])
    dx, dw = grad_op(y, x, logits, ksize=[size] * 2, strides=[size] * 2, padding="SAME")
    np.testing.assert_allclose(dx[:, 5, 4:], 0.5 * np.broadcast_to(y[:, 0], (2, 2, 3)))
    assert dw.shape == (2,)
