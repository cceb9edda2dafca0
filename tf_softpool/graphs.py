"""Graphs of SavedModels, as TensorFlow writes them: which nodes are needed for an output."""

from collections.abc import Iterable
from typing import Any


def producer(reference: str) -> str:
    """Returns the name of the node that produces an input of a node."""
    return reference.removeprefix("^").split(":")[0]


def references(info: Any) -> list[str]:
    """Returns what an input or output of a signature refers to. A sparse or ragged tensor has several names.

    The names are those of tensors, or of nodes in a signature that initialises.
    """
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return [sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name]
    if kind == "composite_tensor":
        return [name for each in info.composite_tensor.components for name in references(each)]
    return [info.name]


def called(node: Any) -> list[str]:
    """Returns the names of what a node may call: functions may have the name of an op."""
    lists = ((value.func, *value.list.func) for value in node.attr.values())
    return [node.op, *(each.name for functions in lists for each in functions)]


def needed_nodes(graph_def: Any, outputs: Iterable[str], functions: Iterable[str] = ()) -> list[Any]:
    """Returns the nodes that run for some outputs of a graph, also those of the functions that are called.

    Args:
        graph_def: the graph, as a `GraphDef`.
        outputs: names of tensors and nodes.
        functions: names of functions that are called too.
    """
    nodes = {node.name: node for node in graph_def.node}
    bodies = {each.signature.name: each.node_def for each in graph_def.library.function}
    todo, found = [producer(each) for each in outputs], []
    while todo:
        # A node or function that was found is not looked for again.
        if node := nodes.pop(todo.pop(), None):
            found.append(node)
            todo += map(producer, node.input)
    for name in functions:
        found += bodies.pop(name, [])
    # The list grows while functions are entered.
    for node in found:
        for name in called(node):
            found += bodies.pop(name, [])
    return found
