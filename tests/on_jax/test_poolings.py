"""Values and first gradients of every pooling: the oracle's numbers, and the bits of TensorFlow's ops."""

import jax
import numpy as np
import pytest
from cases import (
    DATA_FORMATS,
    DTYPES,
    FEW,
    LARGER_THAN_THE_INPUT,
    LINE,
    MANY_TAPS,
    ODD_SIZES,
    STEPS_OF_ONE,
    TILED,
    VOLUME,
    Case,
    with_padding,
)
from meanings import MEANINGS
from near import assert_near, bits
from poolings import POOLINGS
from tensorflow_process import inputs_of

import tf_softpool as tsp
from tf_softpool.ops import native

MODES = {"eager": lambda function: function, "jit": jax.jit}
EMPTY = [Case((5, 6), (2, 2), (2, 2), batch=0), Case((5, 6), (2, 2), (2, 2), channels=0)]
# The oracle of the guide takes the derivatives of standard operations, which need TensorFlow there. The guide
# that is pooled from a second tensor has no oracle, but TensorFlow's ops.
WITH_ORACLE = [name for name in POOLINGS if name not in ("learned guide", "detail, guided")]


def with_gradients(pool, mode):
    """Returns a function of tensors and of a gradient: the result, and the gradients of the tensors."""

    def function(g, *tensors):
        y, send_back = jax.vjp(pool, *tensors)
        return y, send_back(g)

    return MODES[mode](function)


def value_and_gradients(name, case, padding, data_format, dtype, mode):
    pool = POOLINGS[name](case.pool_size, case.strides, padding, data_format)
    tensors, g = inputs_of(name, case, data_format, dtype, pool)
    return with_gradients(pool, mode)(g, *tensors)


def test_the_compiled_ops_are_there():
    info = tsp.build_info()
    assert info["error"] is None
    assert info["jax"] == {
        "available": True,
        "reason": None,
        "running": jax.__version__,
        "headers": native.load().built["jax_headers"],
    }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(
    ("case", "padding"), with_padding([*FEW, ODD_SIZES, LARGER_THAN_THE_INPUT, *MANY_TAPS])
)
@pytest.mark.parametrize("name", POOLINGS)
def test_the_bits_of_tensorflow(name, case, padding, data_format, dtype, mode, on_tensorflow):
    y, gradients = value_and_gradients(name, case, padding, data_format, dtype, mode)
    expected, of_inputs = on_tensorflow("value_and_gradients", name, case, padding, data_format, dtype)
    np.testing.assert_array_equal(bits(y), bits(expected))
    for found, expected in zip(gradients, of_inputs, strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(bits(found), bits(expected))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("case", "padding"), with_padding([LINE, TILED, STEPS_OF_ONE, VOLUME]))
@pytest.mark.parametrize("name", WITH_ORACLE)
def test_the_oracle(name, case, padding, dtype, mode):
    y, gradients = value_and_gradients(name, case, padding, "channels_last", dtype, mode)
    windows = (case.pool_size, case.strides, padding, "channels_last")
    pool = POOLINGS[name](*windows)
    tensors, g = inputs_of(name, case, "channels_last", dtype, pool)
    assert_near(y, *MEANINGS[name].value(*tensors, windows=windows), dtype)
    slopes = MEANINGS[name].slopes(*tensors, g=g, windows=windows)
    for found, (expected, scale) in zip(gradients, slopes, strict=True):
        # The oracle has the places of a window in one axis.
        expected, scale = np.reshape(expected, found.shape), np.reshape(scale, found.shape)
        assert_near(found, expected, scale, str(found.dtype))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", EMPTY, ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_empty_tensors(name, case, mode):
    y, gradients = value_and_gradients(name, case, "valid", "channels_last", "float32", mode)
    assert y.shape == (case.batch, 2, 3, case.channels)
    tensors = POOLINGS[name].inputs(case, "channels_last", "float32")
    assert [d.shape for d in gradients] == [t.shape for t in tensors]
    assert all(not np.asarray(d).any() for d in gradients)


def test_numpy_arrays_and_what_is_wrong():
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    assert isinstance(tsp.soft_pool(x, 2), jax.Array)
    for wrong in ({"pool_size": 0}, {"pool_size": 9}, {"pool_size": 2, "padding": "full"}):
        with pytest.raises(ValueError, match=r"pool_size|padding"):
            tsp.soft_pool(x, **wrong)
    with pytest.raises(ValueError, match="int32"):
        tsp.soft_pool(x.astype("int32"), 2)
