"""The CUDA kernels of the poolings in `standard_oracle.py`, compared with the oracle."""

import device
import numpy as np
import pytest
import standard_oracle
from cases import DATA_FORMATS, DTYPES, FEW, MANY_TAPS, SOME_LINES, SOME_PLANES, SOME_VOLUMES, with_padding
from cuda_poolings import output_shape, over_numbers
from near import compute_dtype, numpy_dtype
from number_calls import NUMBERS, numbers
from weighted_oracle import guide_of

INF = np.inf
# The two values of a window, the result, and the gradients of the values for an output gradient of one.
SPECIAL = [
    ((np.nan, 1), np.nan, (np.nan, np.nan)),
    ((INF, 1), INF, (0, 0)),
    ((INF, -INF), INF, (0, 0)),
    ((-INF, 3), 3, (0, 1)),
    ((-INF, -INF), -INF, (0, 0)),
]


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_LINES + SOME_PLANES + SOME_VOLUMES))
@pytest.mark.parametrize("pooling", NUMBERS)
def test_every_window(pooling, case, padding, data_format):
    numbers(case, padding, data_format, pooling=pooling).check()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", FEW, ids=str)
@pytest.mark.parametrize("pooling", NUMBERS)
def test_every_type(pooling, case, dtype):
    numbers(case, "same", "channels_last", dtype, pooling=pooling).check()


@pytest.mark.parametrize("pooling", [name for name in NUMBERS if name != "gated"])
def test_windows_of_many_values(pooling):
    numbers(MANY_TAPS[2], "valid", "channels_last", pooling=pooling).check()


@pytest.mark.parametrize(("pair", "result", "slopes"), SPECIAL, ids=str)
@pytest.mark.parametrize("pooling", NUMBERS)
def test_special_numbers(pooling, pair, result, slopes):
    windows = ((2,), (2,), "valid", "channels_last")
    x = np.array(pair, "float32").reshape(1, 2, 1)
    of = NUMBERS[pooling]
    places = of.places or (False,) * len(of.learned)
    shapes = [(2, 1) if of_places else (1,) for of_places in places]
    parameters = [np.ones(s, "float32") if len(of.attributes) == 0 else None for s in shapes]
    g = np.ones((1, 1, 1), "float32")
    y, dx, *others = over_numbers(x, parameters, g, windows, of.op, of.learned, dict(of.attributes))
    np.testing.assert_array_equal(np.ravel(y), [result])
    np.testing.assert_allclose(np.ravel(dx), slopes, rtol=1e-6)
    assert np.isnan(result) or all(np.isfinite(v).all() for v in others)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("case", FEW, ids=str)
def test_what_is_drawn(case, data_format, dtype):
    windows = (case.pool_size, case.strides, "same", data_format)
    x = np.random.default_rng(0).normal(0, 3, case.shape(data_format)).astype(numpy_dtype(dtype))
    g = np.random.default_rng(1).normal(size=output_shape(x.shape, windows)).astype(x.dtype)
    key = np.array([5, -7], "int32")
    y, dx = over_numbers(x, [key], g, windows, "StochasticPool", (False,), {"N": 1})
    expected, masks = standard_oracle.drawn(x, key, *windows)
    np.testing.assert_array_equal(y.astype("float64"), expected.astype("float64"))
    first = data_format == "channels_first"
    last = [np.moveaxis(t, 1, -1) if first else t for t in (x, g, dx)]
    sums = np.zeros(last[0].shape)
    for position, where, mask in masks:
        terms = mask * last[1][(slice(None), *position)].astype("float64")[:, None]
        sums[(slice(None), *where)] += terms.reshape(sums[(slice(None), *where)].shape)
    near = {"bfloat16": 2e-2, "float32": 1e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(last[2].astype("float64"), sums, rtol=near, atol=near)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_the_learned_guide(case, padding, data_format, dtype):
    windows = (case.pool_size, case.strides, padding, data_format)
    random = np.random.default_rng(0)
    x = random.normal(size=case.shape(data_format)).astype(dtype)
    kernel = random.normal(size=(*(3 for _ in case.spatial), case.channels)).astype(compute_dtype(dtype))
    g = random.normal(size=output_shape(x.shape, windows)).astype(dtype)
    flat = kernel.reshape(-1, case.channels)
    y, dx, dk = over_numbers(x, [flat], g, windows, "LearnedGuide", (True,), {})
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(y, guide_of(x, kernel, *windows), **near)
    # The guide is linear in x and in the kernel, so differences between two points are exact.
    wide_x, wide_k, wide_g = (t.astype("float64") for t in (x, kernel, g))
    of_x = np.sum(wide_g * guide_of(wide_x, wide_k, *windows))
    np.testing.assert_allclose(np.sum(wide_x * dx), of_x, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(np.sum(flat * dk), of_x, rtol=1e-4, atol=1e-2)
    other = random.normal(size=x.shape)
    expected = np.sum(wide_g * guide_of(other, wide_k, *windows))
    np.testing.assert_allclose(np.sum(other * dx), expected, rtol=1e-4, atol=1e-2)
    other = random.normal(size=kernel.shape)
    expected = np.sum(wide_g * guide_of(wide_x, other, *windows))
    np.testing.assert_allclose(np.sum(other.reshape(flat.shape) * dk), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("length", "parts"), [(7, 3), (5, 8), (12, 5), (6, 3)])
@pytest.mark.parametrize("channels", [3, 20])
def test_windows_that_divide_the_input(channels, length, parts, data_format):
    x = np.random.default_rng(0).integers(-9, 9, (2, length, channels)).astype("float32")
    g = np.random.default_rng(1).integers(-9, 9, (2, parts, channels)).astype("float32")
    bounds = [(o * length // parts, -(-(o + 1) * length // parts)) for o in range(parts)]
    y, dx = np.stack([x[:, b:e].sum(axis=1) for b, e in bounds], axis=1), np.zeros_like(x)
    for o, (b, e) in enumerate(bounds):
        dx[:, b:e] += g[:, o : o + 1]
    windows = ((parts,), (1,), "adaptive", data_format)
    first = data_format == "channels_first"
    x, g, y, dx = (np.moveaxis(t, 1, -1) if first else t for t in (x, g, y, dx))
    results = over_numbers(x, [], g, windows, "SumPool", (), {})
    for actual, expected in zip(results, (y, dx), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_more_parameters_than_a_card_can_sum():
    windows = ((2100,), (2100,), "valid", "channels_last")
    x, omega, one = np.ones((1, 2100, 1), "float32"), np.ones((2100, 1), "float32"), np.ones(1, "float32")
    g = np.ones((1, 1, 1), "float32")
    with pytest.raises(RuntimeError, match="at most 2048 parameters of each channel, got 2101"):
        over_numbers(x, [omega, one], g, windows, "GatedPool", (True, True), {})


def test_a_seed_must_be_two_numbers():
    windows, x = ((2,), (2,), "valid", "channels_last"), np.ones((1, 2, 1), "float32")
    for seed, message in ((np.ones(3, "int32"), "seed must have shape"), (np.ones(2, "float32"), "int32")):
        with pytest.raises(RuntimeError, match=message):
            device.run("StochasticPool", windows, {"N": 1}, [x, seed], [((1, 1, 1), "float32")])
