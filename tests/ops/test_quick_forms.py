"""The quick forms of exports, for each runtime, and the exact forms that take their place for other numbers.

The forms are run by TensorFlow here. `tests/serving/test_formats.py` runs them in their runtimes.
"""

import contextlib
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from cases import (
    DATA_FORMATS,
    FEW,
    GAPS_BETWEEN,
    LARGER_THAN_THE_INPUT,
    ODD_SIZES,
    TILED,
    UNEVEN_VOLUME,
    Case,
    with_padding,
)
from conftest import assert_near
from poolings import POOLINGS, Pooling, over_windows
from special_values import DETAILS, IMPORTANCE, SOFT, SORTED

import tf_softpool as tsp
from tf_softpool.ops import median_pool
from tf_softpool.ops.portable.quick import guard
from tf_softpool.ops.portable.runtimes import LITERT, ONNX, OPENVINO, TENSORFLOW, traced_for

RUNTIMES = (TENSORFLOW, ONNX, LITERT, OPENVINO)
WHOLE = Case((5, 7), (5, 7), (5, 7), channels=4)
PAIRS = Case((9,), (2,), (1,))
CASES = [*FEW, PAIRS, ODD_SIZES, WHOLE, LARGER_THAN_THE_INPUT, UNEVEN_VOLUME]
# Poolings with a quick form. Draws and the learned guide have none.
OF_QUICK = {
    **{name: pooling for name, pooling in POOLINGS.items() if name not in ("drawn", "learned guide")},
    "median": Pooling("", over_windows(median_pool.pool)),
}
QUICK = list(OF_QUICK)


@contextlib.contextmanager
def branch(name):
    """Makes the guard take one branch: `"exact"`, or `"quick"`, which must be right then."""

    def chosen(right, y, exact):
        if name == "exact":
            return exact()
        assert bool(right), "the quick form says that it is wrong"
        return y

    with mock.patch.object(guard, "chosen", chosen) if name != "either" else contextlib.nullcontext():
        yield


def served(runtime, function, *tensors, taken="either", dynamic=False):
    """Calls a function of tensors as an export for a runtime does."""
    tensors = [tf.convert_to_tensor(t) for t in tensors]
    if dynamic:
        signature = [tf.TensorSpec([None] * (t.shape.rank - 1) + [t.shape[-1]], t.dtype) for t in tensors]
        function = tf.function(function, input_signature=signature)
    with tsp.portable(), traced_for(runtime), branch(taken):
        return function(*tensors)


def exactly(function, x, *others):
    """Returns the result in float64, and the largest size of a number in each window."""
    wide = [np.asarray(v, "float64") for v in (x, *others)]
    return np.asarray(function(*wide))


def scale_of(name, inputs, case, padding, data_format="channels_last"):
    """Returns the scale of each result's rounding: the largest size of a number in its window."""
    size = np.abs(np.asarray(inputs[0], "float64"))
    scale = np.asarray(tsp.sorted_pool(size, [1.0], case.pool_size, case.strides, padding, data_format))
    if name == "sum" or name.startswith("power average"):
        return scale * np.prod(case.pool_size)
    return scale * np.abs(inputs[1]).sum() if name == "sorted, no softmax" else scale


# One parameter, so that every pooling meets every window with every padding in the short run.
WINDOWS = [pytest.param(param.values, id=param.id) for param in with_padding(CASES)]


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", QUICK)
def test_ordinary_numbers(name, runtime, window, data_format):
    case, padding = window
    pooling = OF_QUICK[name]
    inputs = pooling.inputs(case, data_format, "float32")
    function = pooling(case.pool_size, case.strides, padding, data_format)
    scale = scale_of(name, inputs, case, padding, data_format)
    expected = exactly(function, *inputs)
    for taken in ("quick", "exact"):
        assert_near(served(runtime, function, *inputs, taken=taken), expected, scale, "float32")


@pytest.mark.each_value
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", [TILED, GAPS_BETWEEN, PAIRS, UNEVEN_VOLUME], ids=str)
@pytest.mark.parametrize("name", [name for name in QUICK if name != "detail, guided"])
def test_other_types(name, case, dtype):
    pooling = OF_QUICK[name]
    inputs = pooling.inputs(case, "channels_last", tf.as_dtype(dtype).as_numpy_dtype)
    function = pooling(case.pool_size, case.strides, "same", "channels_last")
    scale = scale_of(name, inputs, case, "same")
    assert_near(served(TENSORFLOW, function, *inputs), exactly(function, *inputs), scale, dtype)


@pytest.mark.each_value
@pytest.mark.parametrize("exponent", [-30, -10, -3, 0, 3, 10, 30])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", [TILED, FEW[2], WHOLE], ids=str)
@pytest.mark.parametrize("name", QUICK)
def test_every_magnitude(name, case, runtime, exponent):
    pooling = OF_QUICK[name]
    x, *others = pooling.inputs(case, "channels_last", "float32")
    x = (x * 10.0**exponent).astype("float32")
    if name == "gated":
        # Products with large numbers would make the gate sensitive to their rounding.
        others[0] = (others[0] / 10.0**exponent).astype("float32")
    function = pooling(case.pool_size, case.strides, "same", "channels_last")
    scale = scale_of(name, [x, *others], case, "same")
    y = served(runtime, function, x, *others)
    assert_near(y, exactly(function, x, *others), scale, "float32", standard=True)


@pytest.mark.each_value
@pytest.mark.parametrize("offset", [-100.0, -46.0, 60.0, 75.0, 3e5])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", QUICK)
def test_offsets(name, runtime, offset):
    case = FEW[2]
    x, *others = OF_QUICK[name].inputs(case, "channels_last", "float32")
    x = (x + offset).astype("float32")
    function = OF_QUICK[name](case.pool_size, case.strides, "same", "channels_last")
    scale = scale_of(name, [x, *others], case, "same")
    assert_near(served(runtime, function, x, *others), exactly(function, x, *others), scale, "float32")


@pytest.mark.each_value
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("case", "padding"), with_padding([PAIRS, TILED, FEW[2], UNEVEN_VOLUME]))
@pytest.mark.parametrize("name", QUICK)
def test_open_sizes(name, runtime, case, padding):
    inputs = OF_QUICK[name].inputs(case, "channels_last", "float32")
    function = OF_QUICK[name](case.pool_size, case.strides, padding, "channels_last")
    y = served(runtime, function, *inputs, dynamic=True)
    np.testing.assert_allclose(y, exactly(function, *inputs), rtol=1e-5, atol=1e-5)


def of_window(values):
    """Returns a window of 2x2 beside one of ordinary values, in three channels."""
    x = np.tile(np.reshape(np.float32(values), (1, 2, 2, 1)), (1, 1, 1, 3))
    return np.concatenate([x, np.full_like(x, 0.5)], axis=2)


SPECIAL = {
    **{f"soft, {name}": (tsp.soft_pool, [v], (2,), y) for name, (v, y) in SOFT.items()},
    **{
        f"sorted, {name}": (
            lambda x: tsp.sorted_pool(x, np.log([8.0, 4.0, 2.0, 1.0]).astype("float32"), 2),
            [v],
            (),
            y,
        )
        for name, (v, y, _) in SORTED.items()
    },
    **{
        f"importance, {name}": (tsp.importance_pool, [v, logits], (2,), y)
        for name, (v, logits, y) in IMPORTANCE.items()
    },
}


@pytest.mark.parametrize("runtime", [TENSORFLOW, ONNX])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, runtime):
    function, values, arguments, expected = SPECIAL[name]
    inputs = [of_window(v) for v in values]
    y = served(runtime, lambda *tensors: function(*tensors, *arguments), *inputs).numpy()
    np.testing.assert_allclose(y[0, 0, 0], np.full(3, expected, "float32"), rtol=1e-6)
    np.testing.assert_allclose(y[0, 0, 1], np.full(3, 0.5), rtol=1e-6)


@pytest.mark.parametrize("runtime", [TENSORFLOW, ONNX])
@pytest.mark.parametrize("name", DETAILS)
def test_special_values_of_details(name, runtime):
    values, guide, alpha, lam, expected = DETAILS[name]
    x = of_window(values)
    guide = None if guide is None else np.full((1, 1, 2, 3), guide, "float32")
    with np.errstate(over="ignore"):
        alpha, lam = np.float32(alpha), np.float32(lam)
    y = served(runtime, lambda x: tsp.detail_preserving_pool(x, guide, alpha, lam, 2), x).numpy()
    np.testing.assert_allclose(y[0, 0, 0], np.full(3, expected, "float32"), rtol=1e-5)


# For each pooling, numbers around the bounds of its guard, and whether the quick form takes them. All values
# of a window are the number, and other windows are zero.
EDGES = [
    ("soft", 69.0, True),
    ("soft", 69.2, False),
    ("soft", -46.0, True),
    ("soft", -46.1, False),
    ("importance", 69.0, True),
    ("importance", -46.1, False),
    ("detail", 30.0, True),
    ("detail", 1e6, False),
    ("expectation", 0.9e15, True),
    ("expectation", 1.1e15, False),
    ("expectation", 9.1e-15, True),
    ("expectation", 0.9e-15, False),
    ("power average, 2", 3e4, True),
    ("power average, 2", 1.1e5, False),
    ("power average, 2", 1e-4, True),
    ("power average, 2", 1e-6, False),
    ("power average, 3.5", 4e4, True),
    ("power average, 3.5", 1e9, False),
    ("lp", 1e-30, False),
    ("sum", 1e34, True),
    ("sum", 3e37, False),
    ("mixed", 1e34, True),
    ("mixed", 3e38, False),
]


@pytest.mark.parametrize(("name", "number", "is_quick"), EDGES)
def test_at_the_edge_of_the_guard(name, number, is_quick):
    case = FEW[2]
    x, *others = OF_QUICK[name].inputs(case, "channels_last", "float32")
    x = np.zeros_like(x)
    x[0, :3, :3] = number
    others = [x.copy() for _ in others] if name == "importance" else others
    function = OF_QUICK[name](case.pool_size, case.strides, "valid", "channels_last")
    seen = []
    chosen = guard.chosen

    def observed(right, y, exact):
        seen.append(bool(right))
        return chosen(right, y, exact)

    with mock.patch.object(guard, "chosen", observed):
        y = served(LITERT, function, x, *others)
    scale = scale_of(name, [x, *others], case, "valid")
    assert_near(y, exactly(function, x, *others), scale, "float32")
    assert seen[0] == is_quick


@pytest.mark.parametrize("name", QUICK)
def test_a_graph_chooses_for_each_call(name):
    case = Case((8, 8), (2, 2), (2, 2), channels=16)
    x, *others = OF_QUICK[name].inputs(case, "channels_last", "float32")
    function = OF_QUICK[name](case.pool_size, case.strides, "valid", "channels_last")
    with tsp.portable(), traced_for(TENSORFLOW):
        graph = tf.function(function).get_concrete_function(
            *(tf.TensorSpec(v.shape, v.dtype) for v in (x, *others))
        )
    for factor in (1, 1e30, 1):
        scaled = (x * factor).astype("float32")
        scale = scale_of(name, [scaled, *others], case, "valid")
        y = graph(*map(tf.constant, (scaled, *others)))
        y = y[0] if isinstance(y, list | tuple) else y
        assert_near(y, exactly(function, scaled, *others), scale, "float32", standard=True)
