"""How near a result must be. It needs NumPy alone, for tests that run where there is no TensorFlow."""

import ml_dtypes
import numpy as np

# Relative to the scale of the rounding error, in units that the oracle returns beside each value.
RELATIVE = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-6, "bfloat16": 1e-6}
NUMPY = {"bfloat16": ml_dtypes.bfloat16}


def numpy_dtype(dtype):
    """The NumPy type of a Keras type's name."""
    return np.dtype(NUMPY.get(dtype, dtype))


def compute_dtype(dtype):
    """The type that values of a type are computed in: 16-bit ones in float32."""
    return "float64" if dtype == "float64" else "float32"


def bits(a):
    """What a tensor has in memory, zeros of different sign told apart."""
    a = np.asarray(a)
    return a.view(f"u{a.dtype.itemsize}")


def assert_near(actual, expected, scale, dtype, standard=False):
    """Checks a result of some type against a float64 value whose rounding error has a scale.

    16-bit results may be one unit in the last place from the rounded value. TensorFlow's standard
    operations round more often on the way, and flush subnormal weights to zero.
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
        # Of the size alone: below a power of two, of which negative numbers are the other side, it is half.
        place = np.spacing(np.abs(rounded)).astype(np.float64)
        expected = rounded.astype(np.float64)
        allowed = np.maximum(allowed + place / 2, place)
        overflow = np.isinf(expected)
        np.testing.assert_array_equal(wide[overflow], expected[overflow])
        wide, expected, allowed = wide[~overflow], expected[~overflow], allowed[~overflow]
    error = np.abs(wide - expected)
    worst = np.argmax(error - allowed) if error.size else 0
    assert error.size == 0 or error.flat[worst] <= allowed.flat[worst], (
        f"{wide.flat[worst]!r} should be {expected.flat[worst]!r} within {allowed.flat[worst]:.3g}, "
        f"is {error.flat[worst]:.3g} away"
    )
