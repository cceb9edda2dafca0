"""Branches of TensorFlow 1's graphs that no input chooses, such as the one for training."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

# Ops with a state whose value is known before the graph runs.
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable", "ReadVariableOp")
_OF_LOOPS = ("Enter", "NextIteration", "LoopCond", "RefEnter", "RefNextIteration")
_SWITCHES, _MERGES, _IFS = ("Switch", "RefSwitch"), ("Merge", "RefMerge"), ("If", "StatelessIf")


def without_idle_branches(graph: Any, inputs: Iterable[str], value_of: Callable[[str], Any]) -> Any:
    """Returns a graph without choices that are made already, such as by a placeholder's default.

    Training branches change variables, which other formats cannot, even if nothing ever runs them.

    Args:
        graph: `tf.Graph`.
        inputs: the names of the tensors that are fed.
        value_of: function that takes the name of a tensor and returns its value.

    Returns:
        A `GraphDef`.
    """
    import tensorflow as tf

    result = graph.as_graph_def()
    open_ = _dependent(graph, {_node(name) for name in inputs})
    live: dict[str, int] = {}
    for node in result.node:
        if node.op in (*_SWITCHES, *_IFS):
            choice = node.input[1 if node.op in _SWITCHES else 0]
            if _node(choice) not in open_:
                # A choice inside a branch that is not taken has no value.
                with contextlib.suppress(tf.errors.OpError):
                    live[node.name] = int(bool(value_of(choice if ":" in choice else f"{choice}:0")))
    for node in result.node:
        if node.op in _IFS and node.name in live:
            _call(node, "then_branch" if live[node.name] else "else_branch")
    _simplify(result.node, live)
    return result


def _node(name: str) -> str:
    """Returns the name of the node that an input of a node comes from."""
    return name.lstrip("^").split(":")[0]


def _dependent(graph: Any, fed: set[str]) -> set[str]:
    """Returns the names of the nodes whose values are known only when the graph runs."""
    found: set[str] = set()
    waiting = [
        op
        for op in graph.get_operations()
        if op.name in fed
        or op.type in ("Placeholder", *_OF_LOOPS)
        or (op.op_def.is_stateful and op.type not in _VARIABLES)
    ]
    while waiting:
        op = waiting.pop()
        if op.name not in found:
            found.add(op.name)
            waiting += [user for tensor in op.outputs for user in tensor.consumers()]
    return found


def _call(node: Any, branch: str) -> None:
    """Turns an `If` into a call of one of its branches.

    Once variables are constants, the branch has no state. Converters replace such a call by its body.
    """
    node.op = "PartitionedCall"
    node.attr["f"].CopyFrom(node.attr[branch])
    del node.input[0]
    for name in [*node.attr]:
        if name not in ("f", "Tin", "Tout"):
            del node.attr[name]


def _simplify(nodes: Any, live: dict[str, int]) -> None:
    """Lets values pass `Switch` and `Merge` nodes whose choice is known.

    Args:
        nodes: the nodes of a `GraphDef`.
        live: dict. Maps the name of a node to the number of the output that has a value.
    """
    switches = {node.name: live[node.name] for node in nodes if node.op in _SWITCHES and node.name in live}
    dead = _dead(nodes, switches)
    numbered = {each for node in nodes for each in node.input if each.endswith(":1")}
    for node in nodes:
        values = [each for each in node.input if not each.startswith("^")]
        alive = [each for each in values if not _is_dead(each, dead, switches)]
        passes = node.name in switches
        if passes:
            alive = values[:1]
        elif node.op in _MERGES and len(alive) == 1 < len(values) and f"{node.name}:1" not in numbered:
            passes = True
        if passes:
            controls = [each for each in node.input if each.startswith("^") and _node(each) not in dead]
            del node.input[:]
            node.input.extend([*alive, *controls])
            node.op = "Identity"
            node.attr.pop("N", None)
    for node in nodes:
        for i, each in enumerate(node.input):
            if _node(each) in switches and not each.startswith("^"):
                node.input[i] = _node(each)


def _dead(nodes: Any, switches: dict[str, int]) -> set[str]:
    """Returns the names of the nodes that never run."""
    dead: set[str] = set()
    grows = True
    while grows:
        before = len(dead)
        for node in nodes:
            lacks = [_is_dead(each, dead, switches) for each in node.input]
            if lacks and (all(lacks) if node.op in _MERGES else any(lacks)):
                dead.add(node.name)
        grows = len(dead) > before
    return dead


def _is_dead(name: str, dead: set[str], switches: dict[str, int]) -> bool:
    """Returns whether an input of a node never has a value."""
    node = _node(name)
    if node in switches and not name.startswith("^") and switches[node] != int(name.endswith(":1")):
        return True
    return node in dead
