"""The CUDA kernels of midrange pooling, the example of a pooling in tests/midrange."""

import device
import numpy as np
import oracle
import pytest
from cases import DATA_FORMATS, DTYPES, LINES, PLANES, VOLUMES, with_padding
from cuda_poolings import output_shape
from near import numpy_dtype


def pooled(x, g, pool_size, strides, padding):
    """Returns the mean of the largest and the smallest value, and the gradient of x. Channels are last."""
    y, dx = np.empty(g.shape), np.zeros(x.shape)
    for position, where in oracle.windows(x.shape[1:-1], pool_size, strides, padding):
        at, to = (slice(None), *where), (slice(None), *position)
        a = x[at].reshape(len(x), -1, x.shape[-1])
        y[to] = (a.max(axis=1) + a.min(axis=1)) / 2
        sent = np.zeros_like(a)
        for place in (a.argmax(axis=1), a.argmin(axis=1)):
            half = np.take_along_axis(sent, place[:, None], 1) + g[to][:, None] / 2
            np.put_along_axis(sent, place[:, None], half, 1)
        dx[at] += sent.reshape(x[at].shape)
    return y, dx


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES[::11] + PLANES + VOLUMES))
def test_values_and_gradients(case, padding, data_format, dtype):
    windows = (case.pool_size, case.strides, padding, data_format)
    random = np.random.default_rng(0)
    # Small integers, so that some values are equal, and sums are exact in every type.
    x = random.integers(-8, 9, case.shape(data_format)).astype(numpy_dtype(dtype))
    g = 2 * random.integers(-4, 5, output_shape(x.shape, windows)).astype(numpy_dtype(dtype))
    [y] = device.run("MidrangePool", windows, {}, [x], [(g.shape, dtype)])
    [dx] = device.run("MidrangePoolGrad", windows, {}, [x, g], [(x.shape, dtype)])
    last = [np.moveaxis(a, 1, -1) if data_format == "channels_first" else a for a in (x, g, y, dx)]
    expected = pooled(*(a.astype("float64") for a in last[:2]), *windows[:3])
    np.testing.assert_array_equal(last[2].astype("float64"), expected[0])
    np.testing.assert_array_equal(last[3].astype("float64"), expected[1])
