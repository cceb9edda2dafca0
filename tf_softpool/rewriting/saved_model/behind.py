"""What a mean or a maximum is taken of: whether that is an image, and in which format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tensorflow as tf

from tf_softpool.rewriting.saved_model.flow import Flow, Place
from tf_softpool.rewriting.saved_model.nodes import SOFT, data_format_of, rank_of

# Nodes whose output is their input, or is chosen from their inputs.
_IDENTITIES = {
    *("Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot", "Cast"),
    *("PlaceholderWithDefault", "Switch", "Merge", "RefSwitch", "RefMerge"),
}
ACTIVATIONS = {
    *("Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Softplus", "Softsign", "Sigmoid", "Tanh", "BiasAdd"),
    *("Erf", "Erfc", "ClipByValue"),
}
# Nodes whose output has the format of an image among their inputs: parts of activations, norms, residual
# connections and branches.
THROUGH = {
    *_IDENTITIES,
    *ACTIVATIONS,
    *("Mul", "AddV2", "Add", "AddN", "RealDiv", "Maximum", "Minimum", "ConcatV2", "Select", "SelectV2"),
    *("Pad", "PadV2", "MirrorPad", "BatchToSpaceND", "FakeQuantWithMinMaxArgs"),
    *("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "QuantizeAndDequantizeV2"),
    *("QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4"),
}
# Other nodes that compute with numbers one by one.
ONE_BY_ONE = {
    *("Sub", "SquaredDifference", "Square", "Rsqrt", "Sqrt", "Neg", "Reciprocal", "Exp", "Log", "Pow", "Abs"),
}
# Nodes that compare or weight the numbers of one image with those of another.
COMPARISONS = {
    *("Mul", "MulNoNan", "Sub", "RealDiv", "Div", "DivNoNan", "Xdivy", "Pow"),
    "SquaredDifference",
}
# Nodes that have values between two bounds, as the gates in swish, hard swish, GELU and mish have.
_GATES = {"Sigmoid", "Tanh", "Erf", "Erfc", "Relu6", "ClipByValue", "Minimum"}
# Nodes after which an image's positions are no more, and nodes that read nothing but a shape.
_REDUCTIONS = {"Mean", "Max", "Min", "Sum", "Prod", "EuclideanNorm", "All", "Any"}
SHAPES = {"Shape", "ShapeN", "Size", "Rank"}
# Nodes that only images go through.
_OF_IMAGES = {
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"),
    *("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedConv2D"),
    *("MaxPool", "MaxPool3D", "AvgPool", "AvgPool3D", "ResizeBilinear", "ResizeNearestNeighbor"),
    *("ResizeBicubic", "DepthToSpace", "SpaceToDepth", SOFT),
}
# Permutations from channels at the end to channels in front, and back.
_TURNS = {(0, 3, 1, 2), (0, 2, 3, 1), (0, 4, 1, 2, 3), (0, 2, 3, 4, 1)}


class Format(NamedTuple):
    """The number of dimensions of an image, and whether its channels come before its positions."""

    rank: int
    channels_first: bool


@dataclass
class Behind:
    """What is behind a place in a graph.

    Attributes:
        formats: the formats of the images there. They all have the format of the tensor at the place.
        passed: the places between these images and the place, and the images.
        is_plain: whether one of these images comes without a comparison with another image on the way.
        is_open: whether an argument is there that no call in the graph gives.
        is_mixed: whether a function is there that is called with images and with something else.
    """

    formats: set[Format] = field(default_factory=set)
    passed: set[Place] = field(default_factory=set)
    is_plain: bool = False
    is_open: bool = False
    is_mixed: bool = False


def behind(flow: Flow, place: Place, calls: frozenset[Place] = frozenset()) -> Behind:
    """Returns what the tensor at a place is made from, as far as that is the same image.

    Args:
        flow: a graph.
        place: where to start. The place itself counts.
        calls: arguments that have been passed on the way here. They are not passed again, because functions
            may call themselves.
    """
    found = Behind()
    todo, seen = [(place, False, True)], set()
    while todo:
        at, turned, plain = step = todo.pop()
        if step in seen:
            continue
        seen.add(step)
        found.passed.add(at)
        node, before = flow.nodes.get(at), flow.before(at)
        if node is None and flow.is_argument(at):
            found.is_open |= not before
            if at not in calls:
                _add_callers(found, [behind(flow, each, calls | {at}) for each in before], turned, plain)
        elif node is None or node.op in THROUGH:
            plain = plain and not is_comparison(flow, at)
            todo += [(each, turned, plain) for each in before]
        elif node.op in _OF_IMAGES:
            found.formats.add(_format(node, turned))
            found.is_plain |= plain
        elif node.op == "Transpose" and tuple(constant(flow, before[1])) in _TURNS:
            todo.append((before[0], not turned, plain))
    return found


def nearest(flow: Flow, place: Place) -> str:
    """Returns the op of the last node that did something to the tensor at a place, or an empty string."""
    todo, seen = [place], set()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        node = flow.nodes.get(at)
        if node is not None and node.op not in _IDENTITIES:
            return str(node.op)
        # An argument comes from several calls, and an identity has one input that counts.
        before = flow.before(at)
        todo += reversed(before if node is None else before[:1])
    return ""


def origin(flow: Flow, place: Place, past_reductions: bool = False) -> set[Place]:
    """Returns the places of data that the tensor at a place is made from.

    Args:
        flow: a graph.
        place: where to start. The place itself counts.
        past_reductions: whether reductions count, and what is behind them. Without them, all that is found
            still has positions, so a gate that is made from means has nothing in common with an image.
    """
    ends = SHAPES if past_reductions else SHAPES | _REDUCTIONS
    todo, seen = [place], set()
    while todo:
        at = todo.pop()
        node = flow.nodes.get(at)
        if at in seen or at not in flow.varying or (node is not None and node.op in ends):
            continue
        seen.add(at)
        todo += flow.before(at)
    return seen


def is_extended(flow: Flow, place: Place) -> bool:
    """Returns whether a tensor has four or more dimensions, of which more than the channels' are not one.

    It is also taken to have them if its shape is not known.
    """
    node = flow.nodes.get(place)
    if node is None or not node.attr["_output_shapes"].list.shape:
        return True
    shape = node.attr["_output_shapes"].list.shape[0]
    return shape.unknown_rank or (len(shape.dim) > 3 and sum(each.size != 1 for each in shape.dim[1:]) > 1)


def is_comparison(flow: Flow, place: Place) -> bool:
    """Returns whether a node compares or weights an image with another one.

    Activations such as swish multiply an image with a gate that is made from nothing but the same image,
    number by number. These do not count.
    """
    node = flow.nodes.get(place)
    if node is None or node.op not in COMPARISONS:
        return False
    first, second = flow.before(place)[:2]
    one, other = origin(flow, first), origin(flow, second)
    both = bool(one & flow.sources) and bool(other & flow.sources)
    same = bool(one & other)
    if not same and not (both and is_extended(flow, first) and is_extended(flow, second)):
        return False
    return not (node.op == "Mul" and _is_gated(flow, first, second))


def compares(flow: Flow, place: Place) -> bool:
    """Returns whether the tensor at a place is, number by number, made from a comparison of images."""
    return any(is_comparison(flow, each) for each in _one_by_one(flow, place)[0])


def _is_gated(flow: Flow, first: Place, second: Place) -> bool:
    """Returns whether one of two tensors is a gate of the other, as in swish."""
    (one, its_ends), (other, ends) = (_one_by_one(flow, each) for each in (first, second))
    return its_ends == ends and any(flow.nodes[each].op in _GATES for each in one ^ other)


def _one_by_one(flow: Flow, place: Place) -> tuple[set[Place], set[Place]]:
    """Returns the nodes that a tensor comes through number by number, and the places behind these."""
    todo, through, ends = [place], set(), set()
    while todo:
        at = todo.pop()
        node = flow.nodes.get(at)
        if at in through or at not in flow.varying:
            continue
        if node is not None and node.op in THROUGH | ONE_BY_ONE:
            through.add(at)
            todo += flow.before(at)
        elif node is None and flow.before(at):
            # Calls are no computation. `ends` keeps one that comes back to itself from going on forever.
            todo += [each for each in flow.before(at) if at not in ends]
            ends.add(at)
        else:
            ends.add(at)
    return through, {each for each in ends if each in flow.nodes or not flow.before(each)}


def gradients_through(flow: Flow, found: Behind) -> Iterator[str]:
    """Yields the names of gradients that come back to the images behind a place."""
    for place in found.passed:
        node = flow.nodes.get(place)
        is_image = node is not None and node.op in _OF_IMAGES
        # The gradient of a convolution takes the convolution's input and its kernel.
        sources = [place, *flow.before(place)[:2]] if is_image else [place]
        for user in (user for source in sources for user in flow.users(source)):
            op = flow.nodes[user].op if user in flow.nodes else ""
            again = is_image and op.endswith("BackpropInput") and user != place
            if again or is_gradient(op):
                yield user.name


def is_gradient(op: str) -> bool:
    """Returns whether an op computes the gradient of another one, and nothing else."""
    return bool(re.search(r"Grad(V\d+)?$|BackpropFilter", op))


def constant(flow: Flow, place: Place) -> list[int]:
    """Returns the whole numbers of a constant, or an empty list if they are not known."""
    node = flow.nodes.get(place)
    while node is not None and node.op == "Identity":
        place = flow.before(place)[0]
        node = flow.nodes.get(place)
    if node is None or node.op != "Const":
        return []
    return [int(number) for number in tf.make_ndarray(node.attr["value"].tensor).ravel()]


def _add_callers(found: Behind, callers: list[Behind], turned: bool, plain: bool) -> None:
    """Adds what is behind an argument in every call of its function."""
    for each in callers:
        found.formats |= {Format(rank, first != turned) for rank, first in each.formats}
        found.passed |= each.passed
        found.is_plain |= each.is_plain and plain
        found.is_open |= each.is_open
        found.is_mixed |= each.is_mixed
    strangers = [each for each in callers if not each.formats and not each.is_open]
    found.is_mixed |= bool(strangers) and len(strangers) < len(callers)


def _format(node: Any, turned: bool) -> Format:
    data_format = data_format_of(node)
    rank = rank_of(node) if node.op == SOFT else len(data_format)
    return Format(rank, data_format.startswith("NC") != turned)
