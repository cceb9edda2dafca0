"""What the graph of a SavedModel does besides computing, when it is loaded and when it is run.

A SavedModel is a program. TensorFlow runs a part of it as soon as it is loaded.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tf_softpool.graphs import called, needed_nodes, references

# Ops that write files, run Python or reach other machines. Ops that print to stderr or read files are none.
_EFFECTS = re.compile(
    r"WriteFile|Save|SaveV2|SaveSlices|DistributedSave|MergeV2Checkpoints|DumpTensor|(Eager)?PyFunc(Stateless)?"
    r"|Debug(Identity|NanCount|NumericSummary)\w*|(Create|Flush|Close)?Summary\w*Writer|Write\w*Summary"
    r"|(Experimental)?DatasetToTFRecord|(Save|Cache|Snapshot|DataService|Register)\w*Dataset(V\d)?"
    r"|Rpc\w*|RemoteCall|FileSystemSetConfiguration|_Send|Send"
)
_PRINT, _TO_A_FILE = "PrintV2", b"file://"
# What TensorFlow calls of a resource when it makes the resource, and when it does so no more.
_RUN = ("_create_resource", "_initialize", "_destroy_resource")
# What holds the ops that are run when the graph is loaded: a signature and two collections.
_INIT = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")


def effects_of_loading(meta_graph: Any) -> list[str]:
    """Returns the names of the ops with effects that run when a graph of a SavedModel is loaded, sorted."""
    nodes = [meta_graph.saver_def.restore_op_name]
    if _INIT in meta_graph.signature_def:
        nodes += [info.name for info in meta_graph.signature_def[_INIT].outputs.values()]
    for name in _INIT_COLLECTIONS:
        if name in meta_graph.collection_def:
            nodes += meta_graph.collection_def[name].node_list.value
    return _effects(meta_graph, nodes, _functions_that_load(meta_graph.object_graph_def.nodes))


def check_loading(path: str | os.PathLike[str], meta_graphs: Iterable[Any]) -> None:
    """Checks that loading a SavedModel only makes and fills what it computes with, and comes to an end.

    Raises:
        ValueError: if it does more, or if functions call one another in circles or a constant has another
            type than it says, which ends the process.
    """
    meta_graphs = list(meta_graphs)
    for meta_graph in meta_graphs:
        if name := _mistyped(meta_graph.graph_def):
            raise ValueError(
                f"{path} is not loaded, because the constant {name!r} in its graph has another type than it "
                "says."
            )
        if name := _circle(meta_graph.graph_def.library.function):
            raise ValueError(
                f"{path} is not loaded, because the function {name!r} in its graph calls itself."
            )
    if found := sorted({op for meta_graph in meta_graphs for op in effects_of_loading(meta_graph)}):
        raise ValueError(
            f"{path} is not loaded, because its graph runs {', '.join(found)} as soon as it is loaded. That "
            "may write files, run code or reach other machines. If you trust the model, export it without "
            "that."
        )


def effects_of_signature(meta_graph: Any, name: str) -> list[str]:
    """Returns the names of the ops with effects that are run when a signature is called, sorted."""
    outputs = meta_graph.signature_def[name].outputs.values()
    return _effects(meta_graph, [each for info in outputs for each in references(info)])


def _functions_that_load(objects: Any) -> Iterator[str]:
    """Yields the names of the functions that TensorFlow calls when it makes objects again.

    These make and fill resources, and restore what has its own way to be restored.
    """
    numbers = [each.restore_function for found in objects for each in found.saveable_objects.values()]
    children = [child for found in objects for child in found.children]
    numbers += [child.node_id for child in children if child.local_name in _RUN]
    for number in numbers:
        if 0 <= number < len(objects):
            yield from objects[number].function.concrete_functions
            yield objects[number].bare_concrete_function.concrete_function_name


def _effects(meta_graph: Any, outputs: Iterable[str], functions: Iterable[str] = ()) -> list[str]:
    """Returns the names of the ops with effects that nodes and functions need."""
    nodes = needed_nodes(meta_graph.graph_def, outputs, functions)
    return sorted({node.op for node in nodes if _EFFECTS.fullmatch(node.op) or _prints_to_a_file(node)})


def _circle(functions: Iterable[Any]) -> str | None:
    """Returns the name of a function that calls itself, perhaps through others, or None."""
    calls = {
        each.signature.name: {name for node in each.node_def for name in called(node)} for each in functions
    }
    # A function that calls none of those that are left is no part of a circle.
    while leaves := [name for name, found in calls.items() if not found & calls.keys()]:
        for name in leaves:
            del calls[name]
    return min(calls, default=None)


def _mistyped(graph_def: Any) -> str | None:
    """Returns the name of a constant that says another type than that of its value, or None."""
    return next(
        (
            node.name
            for nodes in (graph_def.node, *(each.node_def for each in graph_def.library.function))
            for node in nodes
            if node.op == "Const" and node.attr["dtype"].type != node.attr["value"].tensor.dtype
        ),
        None,
    )


def _prints_to_a_file(node: Any) -> bool:
    return node.op == _PRINT and bool(node.attr["output_stream"].s.startswith(_TO_A_FILE))
