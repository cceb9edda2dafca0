"""Tests of the CUDA kernels that are the same for every pooling."""

import cuda_calls
import device
import numpy as np
import pytest
from cases import DTYPES, Case
from cuda_cases import MANY
from cuda_poolings import output_shape
from interface import op_name
from near import bits, compute_dtype
from number_calls import numbers

# The attribute of SoftPool.
EXACT = {"gradient": "exact"}
# By name, a function that makes a pooling's call for a case, and the variant.
CALLS = {
    "soft": (cuda_calls.soft, {}),
    "sorted": (cuda_calls.ranked, {}),
    "sorted per channel": (cuda_calls.ranked, {"per_channel": True, "part": 0.5}),
    "sorted, no softmax": (cuda_calls.ranked, {"normalize": "none", "per_channel": True}),
    "importance": (cuda_calls.importance, {}),
    "details": (cuda_calls.details, {}),
    "details, guided": (cuda_calls.details, {"guided": True, "symmetric": False}),
    **{name: (numbers, {"pooling": name}) for name in ("sum", "power 3.5", "lp", "gated", "expectation")},
}


def call_of(name, case, padding="valid", data_format="channels_last", dtype="float32"):
    function, variant = CALLS[name]
    return function(case, padding, data_format, dtype, **variant)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("batch", "channels"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("name", CALLS)
def test_empty(name, batch, channels, dtype, data_format):
    case = Case((4, 4), (2, 2), (2, 2), batch, channels)
    call = call_of(name, case, "valid", data_format, dtype)
    y, dx, *others = call.results()
    assert y.size == dx.size == 0
    # Gradients of parameters have their usual shapes, and are zero.
    shapes = [v.shape for v in tensors_of(call)]
    assert dx.shape == shapes[0]
    assert all(v.shape in shapes for v in others)
    for gradient in others:
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


def tensors_of(call):
    flat = [part for v in call.arguments for part in (v if isinstance(v, list) else [v])]
    return [v for v in flat if isinstance(v, np.ndarray)]


# Clipped and overlapping windows, whole windows, and a window that threads share.
REPEATED = [
    Case((40, 40), (3, 3), (2, 2), 8, 21),
    Case((32, 32), (2, 2), (2, 2), 8, 64),
    Case((40, 40), (40, 40), (40, 40), 2, 5),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", REPEATED, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_the_same_bits_every_time(name, case, data_format):
    call = call_of(name, case, "same", data_format)
    first = call.results()
    for _ in range(9):
        for again, once in zip(call.results(), first, strict=True):
            np.testing.assert_array_equal(bits(again), bits(once))


# More overlapping windows, and windows that blocks of threads sort.
TOGETHER = [
    *REPEATED,
    Case((30,), (5,), (1,), 3, 40),
    Case((9, 8, 7), (3, 2, 3), (2, 1, 1), 2, 5),
    Case((14, 12), (9, 8), (3, 4), 2, 6),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", TOGETHER, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_the_same_bits_whichever_thread_comes_first(monkeypatch, name, case, data_format):
    if not isinstance(device.at_hand(), device.Host):
        pytest.skip("nothing sets the order of threads on a card; compute-sanitizer finds what depends on it")
    call = call_of(name, case, "same", data_format)
    forwards = call.results()
    monkeypatch.setenv("SOFTPOOL_HOST_BACKWARDS", "1")
    for back, forth in zip(call.results(), forwards, strict=True):
        np.testing.assert_array_equal(bits(back), bits(forth))


@pytest.mark.parametrize("name", CALLS)
def test_more_blocks_than_are_launched_at_once(name):
    call_of(name, MANY).repeated(300).check()


@pytest.mark.parametrize("name", ["soft", "sorted", "importance", "details"])
def test_sizes_that_leave_a_rest(name):
    # One channel less and one more than the numbers that threads take together.
    for channels in (31, 33, 127, 129, 255, 257):
        call_of(name, Case((6,), (2,), (2,), 3, channels)).check()


@pytest.mark.parametrize("name", ["sorted", "sorted per channel", "details", "details, guided"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_gradients_of_parameters_are_sums_over_much(name, data_format):
    # One block of threads cannot sum so many windows. There are few channels, then many.
    for case in (Case((64,), (2,), (2,), 300, 2), Case((2,), (2,), (2,), 3000, 40)):
        call_of(name, case, "valid", data_format).check()


@pytest.mark.parametrize(
    ("op", "shape", "windows", "message"),
    [
        ("NoPool", (1, 4, 1), ((2,), (2,), "valid", "channels_last"), "no such op"),
        ("SoftPool", (1, 4, 1), ((5,), (5,), "valid", "channels_last"), "larger than the input"),
    ],
)
def test_errors_are_raised(op, shape, windows, message):
    with pytest.raises(RuntimeError, match=message):
        device.run(op, windows, EXACT, [np.zeros(shape, "float32")], [(shape, "float32")])


@pytest.mark.parametrize("op", ["SoftPool", "SoftPoolGrad"])
def test_windows_as_large_as_they_may_be(op):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    huge, whole = (2**31 - 1,) * 2, (3, 4)
    results = []
    for size in (huge, whole):
        windows = (size, size, "same", "channels_last")
        like = output_shape(x.shape, windows)
        inputs = [x] if op == "SoftPool" else [x, np.ones(like, "float32")]
        output = like if op == "SoftPool" else x.shape
        results += device.run(op, windows, EXACT, inputs, [(output, "float32")])
    np.testing.assert_array_equal(*results)


def test_names():
    assert op_name("soft", gradient=True) == "SoftPoolGrad"
    assert op_name("detail_preserving") == "DetailPreservingPool"
    assert compute_dtype("bfloat16") == "float32"
