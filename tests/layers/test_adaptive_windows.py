"""`PoolWindow` and the portable windows in their adaptive form, and windows with very many taps."""

import itertools

import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import DATA_FORMATS

from tf_softpool.ops.portable.taps import as_pooled, as_windows, surroundings, windows
from tf_softpool.ops.window import WHOLE, PoolWindow

# Lengths and numbers of windows that divide them or not, with more windows than positions, with one window,
# and with many taps.
SIZES = [
    ((5, 7, 4), (2, 3, 3)),
    ((3, 2, 5), (5, 4, 7)),
    ((6, 6, 6), (3, 1, 6)),
    ((40, 3, 2), (1, 2, 2)),
    ((41, 75, 2), (7, 2, 3)),
]
FILL = -9.0


def around(x, sizes):
    """Returns the 3x3 positions around each window's centre: `[taps, batch, windows, channels]`."""
    taps = []
    for _, where in oracle.adaptive_windows(x.shape[1:-1], sizes):
        centre = [part.start + (part.stop - part.start) // 2 for part in where]
        for step in itertools.product((-1, 0, 1), repeat=len(sizes)):
            place = [c + s for c, s in zip(centre, step, strict=True)]
            inside = all(0 <= p < n for p, n in zip(place, x.shape[1:-1], strict=True))
            taps.append(x[(slice(None), *place)] if inside else np.full((x.shape[0], x.shape[-1]), FILL))
    return np.moveaxis(np.reshape(taps, (-1, 3 ** len(sizes), *taps[0].shape)), 0, 2)


def filled(taps, fill):
    """Returns the values of taps, with a number for those that a window lacks."""
    return taps.values if taps.there is None else tf.where(taps.there, taps.values, tf.cast(fill, "float64"))


def run(function, x, known):
    """Calls a function in a graph of known or of unknown sizes."""
    signature = [tf.TensorSpec(x.shape if known else [None] * x.ndim, x.dtype)]
    return [np.asarray(y) for y in tf.function(function, input_signature=signature)(x)]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("spatial", "sizes"), SIZES)
def test_windows_and_surroundings(spatial, sizes, rank, data_format, known):
    spatial, sizes = spatial[:rank], sizes[:rank]
    x = np.random.default_rng(0).normal(size=(2, *spatial, 3))
    window = PoolWindow.adaptive(rank, sizes, data_format)

    def pooled(t):
        # Taps that a window lacks repeat one that it has.
        largest = tf.reduce_max(windows(t, window).values, 0, keepdims=True)
        total = tf.reduce_sum(filled(windows(t, window), 0.0), 0, keepdims=True)
        back = as_windows(as_pooled(total, t, window), window)
        return as_pooled(largest, t, window), back - total, total, filled(surroundings(t, window, 3), FILL)

    first = data_format == "channels_first"
    largest, difference, total, near = run(pooled, np.moveaxis(x, -1, 1) if first else x, known)
    assert largest.shape == window.output_shape((2, 3, *spatial) if first else (2, *spatial, 3))
    assert not difference.any()
    if first:
        largest, total, near = np.moveaxis(largest, 1, -1), np.moveaxis(total, 2, 3), np.moveaxis(near, 2, 3)
    total = total.reshape(largest.shape)
    for position, where in oracle.adaptive_windows(spatial, sizes):
        a = x[(slice(None), *where)].reshape(2, -1, 3)
        np.testing.assert_array_equal(largest[(slice(None), *position)], a.max(axis=1))
        np.testing.assert_allclose(total[(slice(None), *position)], a.sum(axis=1), atol=1e-12)
    np.testing.assert_array_equal(near, around(x, sizes))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_windows_with_many_taps(padding, data_format, known):
    """These are read in one gather."""
    x = np.random.default_rng(0).normal(size=(2, 50, 40, 3))
    window = PoolWindow.of(2, (45, 33), (3, 30), padding, data_format)
    first = data_format == "channels_first"

    def pooled(t):
        return [as_pooled(tf.reduce_max(windows(t, window).values, 0, keepdims=True), t, window)]

    (y,) = run(pooled, np.moveaxis(x, -1, 1) if first else x, known)
    y = np.moveaxis(y, 1, -1) if first else y
    for position, where in oracle.windows((50, 40), (45, 33), (3, 30), padding):
        expected = x[(slice(None), *where)].max(axis=(1, 2))
        np.testing.assert_array_equal(y[(slice(None), *position)], expected)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_attributes_describe_the_windows(data_format):
    window = PoolWindow.adaptive(2, (3, 5), data_format)
    attributes = window.attributes()
    assert attributes["ksize"] == [3, 5]
    assert attributes["strides"] == [1, 1]
    assert attributes["padding"] == "ADAPTIVE"
    assert PoolWindow.of_attributes(**attributes) == window
    assert (window.is_adaptive, window.is_whole) == (True, False)
    for other in (PoolWindow.whole(2, data_format), PoolWindow.of(2, 3, 2, "same", data_format)):
        assert PoolWindow.of_attributes(**other.attributes()) == other
        assert not other.is_adaptive


def test_shapes():
    window = PoolWindow.adaptive(2, (3, 5), "channels_first")
    assert window.output_shape((2, 4, 1, 9)) == (2, 4, 3, 5)
    assert window.output_shape((None, None, None, None)) == (None, None, 3, 5)
    assert window.outputs(100, 5, 1) == 5
    with pytest.raises(ValueError, match=r"nothing to pool in a tensor of shape \(2, 4, 7, 0\)"):
        window.output_shape((2, 4, 7, 0))
    with pytest.raises(ValueError, match="rank 4"):
        window.output_shape((2, 4, 7))


@pytest.mark.parametrize("padding", ["adaptive", "ADAPTIVE", "after"])
def test_padding_cannot_name_it(padding):
    with pytest.raises(ValueError, match="`padding` must be"):
        PoolWindow.of(1, 2, padding=padding)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, (2, 2, 2), "3", WHOLE + 1])
def test_bad_sizes(size):
    with pytest.raises(ValueError, match="`output_size` must be"):
        PoolWindow.adaptive(2, size)
    with pytest.raises(ValueError, match="data_format"):
        PoolWindow.adaptive(2, 2, "last")


def test_a_long_axis_does_not_overflow():
    """A product of a long axis and many windows is beyond 32 bits, and is never made."""
    length, outputs = 3_000_017, 40_009
    window = PoolWindow.adaptive(1, outputs, "channels_last")
    x = np.arange(float(length)).reshape(1, length, 1)

    def ends(t):
        taps = windows(t, window)
        counts = tf.reduce_sum(tf.cast(taps.there, "int32"), 0)[0, :, 0]
        return [taps.values[0, 0, :, 0], tf.reduce_max(taps.values, 0)[0, :, 0], counts]

    o = np.arange(outputs)
    for known in (True, False):
        first, last, counts = run(ends, x, known)
        np.testing.assert_array_equal(counts, last - first + 1)
        np.testing.assert_array_equal(first, o * length // outputs)
        np.testing.assert_array_equal(last, -(-(o + 1) * length // outputs) - 1)
