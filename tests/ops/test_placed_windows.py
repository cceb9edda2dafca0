"""Windows at given positions: they are pooled as the same windows are among those of every position."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, DTYPES, PADDINGS, Case
from conftest import bits, numpy_dtype, run, with_gradient
from poolings import POOLINGS

from tf_softpool.ops import native, s3_pool
from tf_softpool.ops.window import PoolWindow

CASES = [
    Case((9,), (3,), (2,), channels=5),
    Case((8, 10), (2, 2), (2, 2), channels=20),
    Case((13, 11), (3, 2), (2, 3), channels=3),
    Case((30, 34), (3, 3), (2, 2), batch=1, channels=70),
    Case((5, 6, 7), (2, 3, 2), (2, 2, 3), channels=17),
]
# A draw depends on a window's index, which is another one among all windows.
NAMES = [name for name in POOLINGS if name not in ("drawn", "detail, guided")]


def positions_of(case, padding, seed=0):
    """Returns random positions of windows, a list for each axis."""
    random, positions = np.random.default_rng(seed), []
    for length, size, stride in zip(case.spatial, case.pool_size, case.strides, strict=True):
        count = length if padding == "same" else length - size + 1
        chosen = random.choice(count, -(-count // stride), replace=False)
        positions.append(np.sort(chosen).astype("int32"))
    return positions


def raw(name, case, padding, data_format, positions, inputs):
    """Calls an op's form with positions."""
    pooling = POOLINGS[name]
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding, data_format)
    placed = window.placed(tf.constant(np.concatenate(positions)), case.strides)

    def at(*arguments, **keywords):
        return placed

    with_other_windows = pytest.MonkeyPatch()
    with_other_windows.setattr(PoolWindow, "of", at)
    try:
        return pooling(case.pool_size, case.strides, padding, data_format)(*inputs)
    finally:
        with_other_windows.undo()


def kept(y, positions, data_format):
    """Keeps the results at the positions of windows."""
    first = 2 if data_format == "channels_first" else 1
    for axis, chosen in enumerate(positions, first):
        y = tf.gather(y, chosen, axis=axis)
    return y


def check(name, case, padding, data_format, dtype, mode):
    positions = positions_of(case, padding)
    inputs = POOLINGS[name].inputs(case, data_format, numpy_dtype(dtype))
    ones = (1,) * len(case.spatial)

    def everywhere(*tensors):
        y = POOLINGS[name](case.pool_size, ones, padding, data_format)(*tensors)
        return kept(y, positions, data_format)

    def placed(*tensors):
        return raw(name, case, padding, data_format, positions, tensors)

    expected = everywhere(*map(tf.constant, inputs))
    g = np.random.default_rng(1).normal(size=expected.shape).astype(numpy_dtype(dtype))
    actual = run(mode, with_gradient(placed), *inputs, g)
    wanted = run("eager", with_gradient(everywhere), *inputs, g)
    near = {"rtol": 1e-9, "atol": 1e-11} if dtype == "float64" else {"rtol": 2e-5, "atol": 2e-5}
    near = near if numpy_dtype(dtype).itemsize > 2 else {"rtol": 2e-2, "atol": 5e-2}
    assert actual[0].shape == expected.shape
    for a, b in zip(actual, wanted, strict=True):
        scale = max(1.0, float(np.abs(np.asarray(b, "float64")).max())) if np.size(b) else 1.0
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        np.testing.assert_allclose(a, b, rtol=near["rtol"], atol=near["atol"] * scale)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_as_among_all_windows(name, case, padding, data_format):
    check(name, case, padding, data_format, "float64", "eager")


@pytest.mark.parametrize(
    "mode", ["graph", "xla", "xla_operations", "dynamic", "portable", "portable_dynamic"]
)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_way(name, dtype, mode):
    case = CASES[(NAMES.index(name) + DTYPES.index(dtype)) % len(CASES)]
    check(name, case, "same", DATA_FORMATS[len(name) % 2], dtype, mode)


@pytest.mark.parametrize("name", ["soft", "lp", "learned guide"])
def test_second_order(name):
    case, positions = CASES[0], positions_of(CASES[0], "same")
    inputs = [tf.constant(v) for v in POOLINGS[name].inputs(case, "channels_last", "float64")]

    def slope(pool):
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                y = tf.reduce_sum(pool(*inputs) ** 2)
            first = inner.gradient(y, inputs)
            total = tf.add_n([tf.reduce_sum(tf.sin(v)) for v in first])
        return outer.gradient(total, inputs)

    def everywhere(*tensors):
        y = POOLINGS[name](case.pool_size, (1,), "same", "channels_last")(*tensors)
        return kept(y, positions, "channels_last")

    actual = slope(lambda *t: raw(name, case, "same", "channels_last", positions, t))
    for a, b in zip(actual, slope(everywhere), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


def test_draws_of_s3_and_of_its_windows_are_the_same():
    x = np.random.default_rng(0).normal(size=(2, 9, 14, 3)).astype("float32")
    window = PoolWindow.of(2, 3, 1, "same")
    first, other = keras.random.SeedGenerator(4), keras.random.SeedGenerator(4)
    soft = POOLINGS["soft"](3, 1, "same", "channels_last")
    expected = s3_pool.downsample(soft(x), (2, 3), (4, 6), "channels_last", first)
    placed = s3_pool.placed(window, x, (2, 3), (4, 6), other)
    counts = [-(-9 // 2), -(-14 // 3)]
    positions = np.split(np.asarray(placed.positions), counts[:1])
    actual = raw("soft", Case((9, 14), (3, 3), (2, 3)), "same", "channels_last", positions, [x])
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def test_the_same_bits_inside_xla():
    case, positions = CASES[3], positions_of(CASES[3], "same")
    inputs = POOLINGS["soft"].inputs(case, "channels_last", "float32")
    g = np.ones((1, 15, 17, 70), "float32")

    def pool(x):
        return raw("soft", case, "same", "channels_last", positions, [x])

    for a, b in zip(*(run(m, with_gradient(pool), *inputs, g) for m in ("xla", "eager")), strict=True):
        np.testing.assert_array_equal(bits(a), bits(b))


X = tf.zeros((1, 6, 1))
BAD = {
    "too large": ([0, 2, 6], "from 0 to at most 5"),
    "negative": ([-1, 2, 5], "from 0 to at most 5"),
    "equal": ([1, 1, 5], "must rise"),
    "falling": ([3, 2, 5], "must rise"),
    "too few": ([1, 2], "positions must have shape"),
    "too many": ([1, 2, 3, 4], "positions must have shape"),
    "a matrix": ([[1, 2, 3]], "positions"),
}


@pytest.mark.parametrize("mode", ["eager", "xla"])
@pytest.mark.parametrize("name", BAD)
def test_bad_positions(name, mode):
    positions, message = BAD[name]
    function = native.load().ops.softpool_soft_pool_at
    windows = {"ksize": [3], "strides": [2], "padding": "SAME"}
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=message):
        run(mode, lambda x, p: function(input=x, positions=p, **windows), X, np.array(positions, "int32"))


def test_positions_do_not_go_with_parts_of_an_axis():
    function = native.load().ops.softpool_soft_pool_at
    with pytest.raises(tf.errors.InvalidArgumentError, match="ADAPTIVE"):
        function(input=X, positions=[0, 1, 2], ksize=[3], strides=[1], padding="ADAPTIVE")


def test_a_draw_at_positions_is_one_of_the_windows_values():
    case, positions = CASES[1], positions_of(CASES[1], "same")
    x = tf.constant(POOLINGS["drawn"].inputs(case, "channels_last", "float32")[0])
    y = raw("drawn", case, "same", "channels_last", positions, [x])
    assert np.isin(np.asarray(y), np.asarray(x)).all()
