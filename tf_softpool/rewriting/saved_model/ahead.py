"""What becomes of a mean or a maximum of an image: the end of a network, a part of a norm, or a gate."""

from __future__ import annotations

from dataclasses import dataclass, field

from tf_softpool.rewriting.saved_model.behind import THROUGH, behind, constant, is_gradient
from tf_softpool.rewriting.saved_model.flow import RESULT, Flow, Place

# Nodes that begin what comes after a network's last pooling.
_HEADS = {
    *("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "_FusedMatMul"),
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
    *("Reshape", "Squeeze", "ExpandDims", "Transpose", "Pack", "Softmax", "LogSoftmax", "ArgMax", "TopKV2"),
    *("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"),
}
# Nodes of norms and activations of vectors.
_OF_VECTORS = {
    *THROUGH,
    *("Sub", "SquaredDifference", "Square", "Rsqrt", "Sqrt", "Neg", "Reciprocal", "Exp", "Log", "Pow", "Abs"),
}
# Reductions, as a norm has them, if they are over channels alone.
_REDUCTIONS = {"Sum", "Mean", "Max", "EuclideanNorm"}
_CHANNELS = {-1, 1, 3, 4}
_OUTPUT = "the output"
# Nodes that read nothing but a tensor's shape, and nodes that return nothing.
_NEUTRAL = {"Shape", "ShapeN", "Size", "Rank", "NoOp", "Assert"}
# Nodes that put a gate, a bias or more channels on an image. Others, such as a difference, make a norm.
_JOINS = {
    *("Mul", "AddV2", "Add", "AddN", "BiasAdd", "Concat", "ConcatV2", "Pack", "Select", "SelectV2"),
    *("Maximum", "Minimum"),
}


@dataclass
class Ahead:
    """What comes after a node.

    Attributes:
        heads: the ops that begin the end of the network. `"the output"` comes last.
        strange: ops and nodes that do not come after a global pooling, unless the graph has its gradient.
        joins: nodes that put the values on an image again.
        norms: nodes that compare the values with an image.
    """

    heads: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)


def ahead(flow: Flow, place: Place) -> Ahead:
    """Returns what becomes of the values at a place."""
    found = Ahead()
    reached = flow.reach(place)
    _find_joins(flow, place, reached, found)
    todo, seen = [place], set()
    while todo:
        for user in flow.users(todo.pop()):
            if user in seen:
                continue
            seen.add(user)
            if user not in flow.nodes:
                found.heads += [_OUTPUT] if _is_output(user) else []
                continue
            op = flow.nodes[user].op
            if op in _HEADS:
                found.heads.append(op)
            elif op in _OF_VECTORS or _is_over_channels(flow, user):
                todo.append(user)
            elif op not in _NEUTRAL:
                found.strange.append(op)
    if not (place.body or flow.after(place)):
        # Nothing in the main graph uses it, so a signature returns it.
        found.heads.append(_OUTPUT)
    found.heads.sort(key=_OUTPUT.__eq__)
    return found


def _is_output(place: Place) -> bool:
    """Returns whether a place that leads nowhere is what the graph or a function returns."""
    return place.name == RESULT or (not place.body and place.number >= 0)


def _find_joins(flow: Flow, place: Place, reached: set[Place], found: Ahead) -> None:
    """Finds the first nodes where the values meet an image that does not depend on them."""
    todo, seen = [place], {place}
    while todo:
        for each in flow.after(todo.pop()):
            if each in seen:
                continue
            seen.add(each)
            node = flow.nodes.get(each)
            others = [] if node is None else [b for b in flow.before(each) if b not in reached and b != place]
            if node is not None and any(behind(flow, other).formats for other in others):
                name = node.name if each.body == place.body else f"{each.body}:{node.name}"
                _list_of(found, node.op).append(name)
            else:
                todo.append(each)


def _list_of(found: Ahead, op: str) -> list[str]:
    """Returns the list that a node belongs to which takes the values and an image."""
    if op in _JOINS:
        return found.joins
    # The gradient of a maximum looks for the places of the values.
    return found.strange if is_gradient(op) or op == "Equal" else found.norms


def _is_over_channels(flow: Flow, place: Place) -> bool:
    node = flow.nodes[place]
    if node.op not in _REDUCTIONS:
        return False
    axes = constant(flow, flow.before(place)[1])
    return len(axes) == 1 and axes[0] in _CHANNELS
