"""Comparison of results with expected values. It needs no TensorFlow, because some tests run without it."""

import ml_dtypes
import numpy as np

# The largest error allowed, relative to the scale of the rounding error that the oracle returns with each
# value.
RELATIVE = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-6, "bfloat16": 1e-6}
NUMPY = {"bfloat16": ml_dtypes.bfloat16}


def numpy_dtype(dtype):
    """Returns the NumPy type of a Keras type's name."""
    return np.dtype(NUMPY.get(dtype, dtype))


def compute_dtype(dtype):
    """Returns the type in which values of a type are computed. 16-bit types are computed in float32."""
    return "float64" if dtype == "float64" else "float32"


def bits(a):
    """Returns a tensor's bits as integers, which also tell zeros of different sign apart."""
    a = np.asarray(a)
    return a.view(f"u{a.dtype.itemsize}")


def assert_near(actual, expected, scale, dtype, standard=False):
    """Asserts that a result is near an expected value.

    A 16-bit result may differ by one unit in the last place from the rounded expected value. Standard
    operations may differ more, because they round more intermediate results and flush subnormal weights to
    zero.

    Args:
        actual: tensor, the result.
        expected: float64 array, the exact values.
        scale: float64 array, the scale of each value's rounding error.
        dtype: string, the type that the result must have.
        standard: bool, whether standard operations computed the result.
    """
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    assert actual.dtype == numpy_dtype(dtype)
    wide = actual.astype(np.float64)
    special = ~np.isfinite(expected)
    np.testing.assert_array_equal(wide[special], expected[special])
    wide, expected, scale = wide[~special], expected[~special], scale[~special]
    info = ml_dtypes.finfo(numpy_dtype(dtype))
    allowed = RELATIVE[dtype] * scale + 4 * float(info.smallest_subnormal)
    if standard:
        flushed = float(ml_dtypes.finfo(compute_dtype(dtype)).tiny)
        allowed = 2 * allowed + 1e3 * flushed
    if info.bits == 16:
        rounded = expected.astype(numpy_dtype(dtype))
        # The spacing is taken at the absolute value: at a negative power of two, NumPy may return the spacing
        # toward zero, which is half as large.
        place = np.spacing(np.abs(rounded)).astype(np.float64)
        expected = rounded.astype(np.float64)
        allowed = np.maximum(allowed + place / 2, place)
        overflow = np.isinf(expected)
        np.testing.assert_array_equal(wide[overflow], expected[overflow])
        wide, expected, allowed = wide[~overflow], expected[~overflow], allowed[~overflow]
    error = np.abs(wide - expected)
    worst = np.argmax(error - allowed) if error.size else 0
    assert error.size == 0 or error.flat[worst] <= allowed.flat[worst], (
        f"expected {expected.flat[worst]!r} within {allowed.flat[worst]:.3g}, got {wide.flat[worst]!r}, "
        f"which is {error.flat[worst]:.3g} away"
    )
