"""Right answers: what the oracle says of a pooling's node, and what derivatives say of a gradient's node."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import oracle
import standard_oracle
import weighted_oracle
from near import assert_near
from node import Attribute, type_name
from node_ops import is_placed, op_defs
from node_ways import eager

# Each function takes the inputs, the attributes, and what the oracle takes: the window's sizes, the strides,
# the padding and the data format. It returns the values and the scale of their rounding errors.
ORACLE = {
    "SoftPool": lambda inputs, a, *window: oracle.soft_pool(inputs[0], *window),
    "SortedPool": lambda inputs, a, *window: oracle.sorted_pool(*inputs, *window, normalize=a("normalize")),
    "ImportancePool": lambda inputs, a, *window: weighted_oracle.importance_pool(*inputs, *window),
    "DetailPreservingPool": lambda inputs, a, *window: weighted_oracle.detail_preserving_pool(
        inputs[0], inputs[1] if a("N") else None, *inputs[-2:], *window, a("symmetric")
    ),
    "SumPool": lambda inputs, a, *window: standard_oracle.pool(*inputs, *window, standard_oracle.total),
    "PowerAveragePool": lambda inputs, a, *window: standard_oracle.pool(
        inputs[0], *window, standard_oracle.power_average(inputs[1])
    ),
    "LpPool": lambda inputs, a, *window: standard_oracle.pool(
        inputs[0], *window, standard_oracle.lp(inputs[1])
    ),
    "MixedPool": lambda inputs, a, *window: standard_oracle.pool(
        inputs[0], *window, standard_oracle.mixed(inputs[1])
    ),
    "GatedPool": lambda inputs, a, *window: _gated(*inputs, *window),
    "StochasticPool": lambda inputs, a, *window: _stochastic(inputs, *window),
    "LearnedGuide": lambda inputs, a, *window: _guide(*inputs, *window),
}
# The oracle says what these poolings make of infinities and NaN.
KNOWS_SPECIAL_VALUES = ("SoftPool", "SortedPool", "SumPool", "MixedPool")
PARAMETERS_FROM_ONE = ("PowerAveragePool", "LpPool")
# The oracle visits each window by itself, and adaptive windows may be very many.
MOST_VALUES = 20_000
# A 16-bit tensor's gradients are sums that are rounded once.
RELATIVE = {"float64": 1e-9, "float32": 1e-4, "float16": 2e-2, "bfloat16": 2e-2}


def _gated(x, omega, bias, pool_size, *window):
    omega = omega.reshape(*pool_size, -1).astype("float64")
    return standard_oracle.pool(x, pool_size, *window, standard_oracle.gated(omega, bias))


def _stochastic(inputs, *window):
    if len(inputs) == 1:
        return standard_oracle.pool(inputs[0], *window, standard_oracle.expectation)
    y, _ = standard_oracle.drawn(*inputs, *window)
    return y.astype("float64"), np.abs(y).astype("float64")


def _guide(x, kernel, pool_size, strides, padding, data_format):
    shaped = kernel.reshape(*(3 for _ in pool_size), -1).astype("float64")
    arguments = (pool_size, strides, padding, data_format)
    sizes = weighted_oracle.guide_of(np.abs(x), np.abs(shaped), *arguments)
    return weighted_oracle.guide_of(x, shaped, *arguments), sizes


def base_name(node):
    """Returns the name of a node's pooling."""
    name = node.op.removeprefix("Softpool>").removesuffix("Grad")
    return name.removesuffix("At") if is_placed(op_defs()[node.op]) else name


def check_answer(node, outputs):
    """Asserts that the outputs of a node are right, as far as the oracle or derivatives can tell."""
    if node.inputs[0].size == 0:
        return  # there is no value, and the ways are compared with each other
    if max(v.size for v in outputs) > MOST_VALUES:
        return
    if not all(np.isfinite(v.astype("float64")).all() for v in node.inputs[1:] if v.dtype.kind not in "iu"):
        return
    if node.op.endswith("Grad"):
        _check_gradient(node, outputs)
    else:
        _check_pooling(node, outputs)


def _check_pooling(node, outputs):
    name, x = base_name(node), node.inputs[0]
    wide = x.astype("float64")
    sizes = np.abs(wide[np.isfinite(wide)])
    if name not in ORACLE or (sizes > (1e4 if x.dtype.itemsize == 2 else 1e30)).any():
        return
    # Results of such parameters overflow. `numbers/` searches among them.
    if any((np.abs(v.astype("float64")) > 1e30).any() for v in node.inputs[1:]):
        return
    if name not in KNOWS_SPECIAL_VALUES and not np.isfinite(wide).all():
        return
    if any((v < 1).any() for v in node.inputs[1:2]) and name in PARAMETERS_FROM_ONE:
        return
    if name == "DetailPreservingPool" and any((v <= 0).any() for v in node.inputs[-2:]):
        return
    expected = _expected(node, ORACLE[name])
    if expected is not None:
        with np.errstate(all="ignore"):
            assert_near(outputs[0], *expected, x.dtype.name)


def _expected(node, function):
    data_format = {"NHWC": "channels_last", "NCHW": "channels_first"}[node.get("data_format", "NHWC")]
    ksize, strides, padding = (
        tuple(node.get("ksize")),
        tuple(node.get("strides")),
        node.get("padding").lower(),
    )
    inputs, positions = list(node.inputs), None
    if is_placed(op_defs()[node.op]):
        *inputs, positions = inputs
        strides = (1,) * len(ksize)
    special = base_name(node) in ("StochasticPool", "LearnedGuide", "DetailPreservingPool")
    if special and (positions is not None or padding == "adaptive"):
        return None  # draws and guides depend on the place of a window among all others
    with np.errstate(all="ignore"):
        if padding == "adaptive":
            return _adaptive(node, function, inputs, data_format)
        pair = function(inputs, node.get, ksize, strides, padding, data_format)
    if positions is None:
        return pair
    return [_at(v, positions, node.get("strides"), 2 if data_format == "channels_first" else 1) for v in pair]


def _at(y, positions, strides, first):
    for axis, stride in enumerate(strides, first):
        count = -(-y.shape[axis] // stride)
        y = np.take(y, positions[:count], axis=axis)
        positions = positions[count:]
    return y


def _adaptive(node, function, inputs, data_format):
    """Pools each window as if it was a tensor of its own."""
    to_last = [np.moveaxis(v, 1, -1) if data_format == "channels_first" and v.ndim > 2 else v for v in inputs]
    x, out = to_last[0], node.get("ksize")
    pair = [np.empty((x.shape[0], *out, x.shape[-1])) for _ in range(2)]
    for position, where in oracle.adaptive_windows(x.shape[1:-1], out):
        parts = [v[(slice(None), *where)] if v.shape == x.shape else v for v in to_last]
        size = tuple(w.stop - w.start for w in where)
        for y, part in zip(
            pair, function(parts, node.get, size, size, "valid", "channels_last"), strict=True
        ):
            y[(slice(None), *position)] = part.reshape(x.shape[0], x.shape[-1])
    return [np.moveaxis(y, -1, 1) for y in pair] if data_format == "channels_first" else pair


def _in_double(node, **changes):
    """Returns a node with the same numbers in float64."""
    attributes = dict(node.attributes)
    for name in ("T", "U"):
        if name in attributes:
            attributes[name] = Attribute("type", "double")
    inputs = [v if v.dtype == np.int32 else v.astype("float64") for v in node.inputs]
    return replace(node, attributes=attributes, inputs=inputs, **changes)


def _check_gradient(node, outputs):
    x = node.inputs[0].astype("float64")
    finite = all((np.abs(v.astype("float64")) < 100).all() for v in node.inputs if v.dtype != np.int32)
    if not finite or x.size == 0:
        return
    double = _in_double(node)
    wide = eager(double)
    for ours, theirs in zip(outputs, wide, strict=True):
        scale = max(1e-3, np.abs(theirs).max(initial=0)) * max(
            1, np.abs(node.inputs[-1].astype("float64")).max()
        )
        dtype = "float32" if ours.dtype == np.float32 else ours.dtype.name
        weakest = node.inputs[0].dtype.name if ours.dtype != node.inputs[0].dtype else dtype
        limit = max(RELATIVE[dtype], RELATIVE[weakest] if dtype != "float64" else 0)
        np.testing.assert_allclose(ours.astype("float64"), theirs, rtol=limit, atol=limit * scale)
    if len(np.unique(x)) == x.size and node.get("gradient", "exact") == "exact":
        _check_derivative(double, wide)


def _check_derivative(node, gradients):
    """Compares gradients with differences of the pooling along a random direction."""
    backward = op_defs()[node.op]
    forward = op_defs()[node.op.removesuffix("Grad")]
    *inputs, grad = node.inputs
    count = node.get("N", 0)
    names = [a.name for a in backward.input_arg[:-1] if not a.number_attr or count]
    outputs = [a.name for a in backward.output_arg if not a.number_attr or count]
    of = dict(zip(outputs, gradients, strict=True))
    random, slope, directions = np.random.default_rng(0), 0.0, []
    for i, (name, value) in enumerate(zip(names, inputs, strict=True)):
        # Sorted pooling calls the gradient of its logits by another name.
        own = {"output"} if i == 0 else {f"{name}_grad", "rank_grad" if name == "rank_logits" else ""}
        found = [v for k, v in of.items() if k in own]
        direction = random.normal(size=value.shape) if found else 0 * value
        directions.append(direction)
        slope += sum(float(np.sum(v * direction)) for v in found)
    allowed = {attr.name for attr in forward.attr}
    attributes = {k: v for k, v in node.attributes.items() if k in allowed}

    def total(step):
        moved = [(v + step * d).astype(v.dtype) for v, d in zip(inputs, directions, strict=True)]
        return float(
            np.sum(grad * eager(replace(node, op=forward.name, attributes=attributes, inputs=moved))[0])
        )

    step = 1e-7
    difference = (total(step) - total(-step)) / (2 * step)
    if not np.isfinite(slope) and not np.isfinite(difference):
        return  # such as the power of an exponent of nearly zero
    scale = 1 + sum(float(np.abs(v).sum()) for v in gradients)
    assert abs(slope - difference) <= 1e-4 * scale, f"the slope is {slope}, differences say {difference}"


def same_bits(a, b):
    """Returns whether two lists of arrays have the same shapes, types and bits. NaN equals NaN."""
    return len(a) == len(b) and all(
        x.shape == y.shape and x.dtype == y.dtype and _bytes(x) == _bytes(y)
        for x, y in zip(a, b, strict=True)
    )


def _bytes(array):
    array = np.array(array)
    if type_name(array) in ("half", "bfloat16", "float", "double"):
        array[np.isnan(array.astype("float64"))] = np.nan
    return array.tobytes()


def assert_close(a, b):
    """Asserts that XLA's own operations give what the kernels give."""
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        wide = y.astype("float64")
        finite = np.abs(wide[np.isfinite(wide)])
        limit = float(ml_dtypes.finfo(y.dtype).eps) ** (1.0 if y.dtype.itemsize == 2 else 0.75) * 8
        np.testing.assert_allclose(
            x.astype("float64"), wide, rtol=limit, atol=limit * max(1.0, finite.max(initial=0))
        )
