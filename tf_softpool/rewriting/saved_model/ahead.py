"""What becomes of a mean or a maximum of an image: the end of a network, a part of a norm, or a gate."""

from __future__ import annotations

from dataclasses import dataclass, field

from tf_softpool.rewriting.saved_model.behind import (
    COMPARISONS,
    ONE_BY_ONE,
    SHAPES,
    THROUGH,
    behind,
    constant,
    is_extended,
    is_gradient,
    origin,
)
from tf_softpool.rewriting.saved_model.flow import RESULT, Flow, Place

# Nodes that begin what comes after a network's last pooling.
_HEADS = {
    *("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "_FusedMatMul"),
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
    *("Reshape", "Squeeze", "ExpandDims", "Transpose", "Pack", "Softmax", "LogSoftmax", "ArgMax", "TopKV2"),
    *("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"),
}
# The part of them that learns. What comes after is made of features, and no more of an image's numbers.
_LEARNED = {
    *("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "_FusedMatMul"),
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative"),
}
# Nodes of norms and activations of vectors.
_OF_VECTORS = THROUGH | ONE_BY_ONE
# Reductions, as a norm has them, if they are over channels alone.
_REDUCTIONS = {"Sum", "Mean", "Max", "EuclideanNorm"}
_CHANNELS = {-1, 1, 3, 4}
_OUTPUT = "the output"
# Nodes that read nothing but a tensor's shape, and nodes that return nothing.
_NEUTRAL = {*SHAPES, "NoOp", "Assert"}
# Nodes that put a gate, a bias or more channels on an image. Others, such as a difference, make a norm.
_JOINS = {
    *("Mul", "AddV2", "Add", "AddN", "BiasAdd", "Concat", "ConcatV2", "Pack", "Select", "SelectV2"),
    *("Maximum", "Minimum", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"),
}


@dataclass
class Ahead:
    """What comes after a node.

    Attributes:
        heads: the ops that begin the end of the network. `"the output"` comes last.
        strange: ops and nodes that do not come after a global pooling, unless the graph has its gradient.
        joins: nodes that put the values on an image again.
        norms: nodes that compare the values with an image.
        mixes: nodes that compare or weight the values with others that are made from the same image.
    """

    heads: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    mixes: list[str] = field(default_factory=list)


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
    """Finds the first nodes where the values meet an image, or values of one, that do not depend on them."""
    image = origin(flow, flow.before(place)[0])
    todo, seen = [(place, False)], set()
    while todo:
        at, learned = todo.pop()
        for each in flow.after(at):
            if (each, learned) in seen:
                continue
            seen.add((each, learned))
            node = flow.nodes.get(each)
            if node is None:
                todo.append((each, learned))
                continue
            others = [b for b in flow.before(each) if b not in reached and b != place]
            name = node.name if each.body == place.body else f"{each.body}:{node.name}"
            if any(_is_image(flow, other, image) for other in others):
                _list_of(found, node.op, learned).append(name)
                continue
            if node.op in COMPARISONS and not learned:
                same = any(origin(flow, other, past_reductions=True) & image for other in others)
                found.mixes += [name] if same else []
            todo.append((each, learned or node.op in _LEARNED))


def _is_image(flow: Flow, place: Place, image: set[Place]) -> bool:
    """Returns whether a tensor is an image, or may be one because it has its positions from the same image.

    Args:
        flow: a graph.
        place: the place of the tensor.
        image: the places that an image is made from.
    """
    if behind(flow, place).formats:
        return True
    own = origin(flow, place)
    known = place in flow.nodes and bool(flow.nodes[place].attr["_output_shapes"].list.shape)
    return bool(own & image) or (known and bool(own & flow.sources) and is_extended(flow, place))


def _list_of(found: Ahead, op: str, learned: bool) -> list[str]:
    """Returns the list that a node belongs to which takes the values and an image."""
    # The gradient of a maximum looks for the places of the values.
    if is_gradient(op) or op == "Equal":
        return found.strange
    return found.joins if op in _JOINS or learned else found.norms


def _is_over_channels(flow: Flow, place: Place) -> bool:
    node = flow.nodes[place]
    if node.op not in _REDUCTIONS:
        return False
    axes = constant(flow, flow.before(place)[1])
    return len(axes) == 1 and axes[0] in _CHANNELS
