"""The CUDA kernels as functions of NumPy arrays that return a pooled tensor and the inputs' gradients.

`windows` is always a tuple of pool_size, strides, padding and data_format, as the oracles take them. Each
tensor begins `offset` elements after an aligned address.
"""

import device
import oracle
from interface import op_name
from near import compute_dtype


def output_shape(shape, windows):
    """Returns the pooled tensor's shape."""
    pool_size, strides, padding, data_format = windows
    first = 2 if data_format == "channels_first" else 1
    spatial = shape[first : first + len(pool_size)]
    sizes = zip(spatial, pool_size, strides, strict=True)
    out = [oracle.output_size(*size, padding) for size in sizes]
    return (*shape[:first], *out, *shape[first + len(pool_size) :])


class Pooling:
    """A pooling's op and its gradient op, for one tensor to pool."""

    def __init__(self, x, windows, pooling, offset=0, **attributes):
        self._x, self._windows, self._offset = x, windows, offset
        self._pooling, self._attributes = pooling, attributes
        self._dtype = x.dtype.name
        self._like = (output_shape(x.shape, windows), self._dtype)

    def _run(self, gradient, inputs, outputs):
        op = op_name(self._pooling, gradient)
        return device.run(op, self._windows, self._attributes, inputs, outputs, self._offset)

    def forward(self, *inputs):
        """Returns the pooled tensor."""
        return self._run(False, [self._x, *inputs], [self._like])[0]

    def backward(self, *inputs, parameters=0):
        """Returns the gradients of x and of all `inputs` except the last, which is the output's gradient.

        The last `parameters` of them are gradients of parameters.
        """
        inputs = [self._x, *inputs]
        types = [self._dtype] * (len(inputs) - 1 - parameters) + [compute_dtype(self._dtype)] * parameters
        pairs = zip(inputs[:-1], types, strict=True)
        return self._run(True, inputs, [v if v is None else (v.shape, t) for v, t in pairs])


def soft_pool(x, g, windows, gradient="exact", offset=0):
    """Returns the pooled tensor, and the gradient of x."""
    op = Pooling(x, windows, "soft", offset, gradient=gradient)
    return [op.forward(), *op.backward(g)]


def sorted_pool(x, logits, g, windows, normalize="softmax", offset=0):
    """Returns the pooled tensor, and the gradients of x and of the logits."""
    op = Pooling(x, windows, "sorted", offset, normalize=normalize)
    return [op.forward(logits), *op.backward(logits, g, parameters=1)]


def importance_pool(x, logits, g, windows, offset=0):
    """Returns the pooled tensor, and the gradients of x and of the logits."""
    op = Pooling(x, windows, "importance", offset)
    return [op.forward(logits), *op.backward(logits, g)]


def detail_preserving_pool(x, guide, alpha, lam, g, windows, symmetric=True, offset=0):
    """Returns the pooled tensor, and the gradients of x, the guide if there is one, alpha and lambda."""
    attributes = {"N": int(guide is not None), "symmetric": bool(symmetric)}
    op = Pooling(x, windows, "detail_preserving", offset, **attributes)
    return [op.forward(guide, alpha, lam), *op.backward(guide, alpha, lam, g, parameters=2)]


def over_numbers(x, parameters, g, windows, op, learned, attributes, offset=0):
    """Returns the pooled tensor, and the gradients of x and of the parameters that have one.

    `op` is the op's name. `learned` says of each parameter whether it has a gradient.
    """
    like, dtype = (g.shape, x.dtype.name), x.dtype.name
    wide = compute_dtype(dtype)
    with_gradient = [v for v, has in zip(parameters, learned, strict=True) if has]
    gradients = [(x.shape, dtype), *((v.shape, wide) for v in with_gradient)]
    [y] = device.run(op, windows, attributes, [x, *parameters], [like], offset)
    return [y, *device.run(f"{op}Grad", windows, attributes, [x, *parameters, g], gradients, offset)]
