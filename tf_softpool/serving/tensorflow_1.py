"""Signatures of SavedModels, loaded as TensorFlow 1 does, as functions that converters understand."""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tf_softpool.serving.branches import without_idle_branches
from tf_softpool.sessions import load_into


class CannotFreezeError(ValueError):
    """The error if a signature has a state that no constant can hold."""


def frozen_signature(
    folder: str | os.PathLike[str], tags: list[str], name: str
) -> tuple[Callable[..., dict[str, Any]], list[Any]]:
    """Returns a signature as a function with constants for its variables.

    TensorFlow 2 can run such a model, but the converters do not know the variables of TensorFlow 1.

    Args:
        folder: str or path-like. The folder of the SavedModel.
        tags: list of str. The tags of the graph that has the signature.
        name: str. The name of the signature.

    Returns:
        A function that takes a tensor for each input and returns a dict of tensors, and the specs of the
        inputs in order, which have the names of the signature.

    Raises:
        CannotFreezeError: if the signature needs a table or changes a variable, which no constant can hold.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        signature = load_into(session, tags, folder).signature_def[name]
        inputs, outputs = _places(signature.inputs), _places(signature.outputs)
        tensors = {key: graph.get_tensor_by_name(place) for key, place in inputs.items()}
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype, key) for key, tensor in tensors.items()]
        nodes = sorted({place.split(":")[0] for place in outputs.values()})
        whole = without_idle_branches(graph, inputs.values(), session.run)
        needed = v1.graph_util.extract_sub_graph(whole, nodes)
        _check(needed)
        frozen = v1.graph_util.convert_variables_to_constants(session, needed, nodes)
    _rename_functions(frozen)
    # An input that no output needs is not in the graph any more.
    kept = {node.name for node in frozen.node}
    places = {key: place for key, place in inputs.items() if place.split(":")[0] in kept}
    wrapped = v1.wrap_function(lambda: tf.graph_util.import_graph_def(frozen, name=""), [])
    tensor = wrapped.graph.get_tensor_by_name
    function = wrapped.prune(
        [tensor(place) for place in places.values()], {key: tensor(place) for key, place in outputs.items()}
    )

    def call(*values: Any) -> dict[str, Any]:
        given = dict(zip(inputs, values, strict=True))
        found: dict[str, Any] = function(*(given[key] for key in places))
        return found

    return call, specs


def _places(infos: Any) -> dict[str, str]:
    """Returns the names of a signature's inputs or outputs, sorted, each with the name of its tensor."""
    return {key: info.name for key, info in sorted(infos.items())}


def _check(graph_def: Any) -> None:
    """Raises a CannotFreezeError if a graph has a state that cannot be a constant."""
    for node in _all_nodes(graph_def):
        if "HashTable" in node.op:
            raise CannotFreezeError(
                f"it looks values up in a table ({node.op} {node.name!r}), whose contents would be lost: "
                "look them up before the model, and give a signature that takes the result"
            )
        if node.op.startswith("Assign"):
            raise CannotFreezeError(
                f"it changes a variable while it runs ({node.op} {node.name!r}), which the format cannot: "
                "give a signature without training or states"
            )


def _rename_functions(graph_def: Any) -> None:
    """Gives functions names that no other function has. TensorFlow keeps one list for the whole process."""
    suffix = f"_{uuid.uuid4().hex}"
    library = graph_def.library
    names = {each.signature.name for each in library.function}
    for function in library.function:
        function.signature.name += suffix
    for gradient in library.gradient:
        gradient.function_name += suffix
        gradient.gradient_func += suffix
    for nodes in (graph_def.node, *(each.node_def for each in library.function)):
        for node in nodes:
            if node.op in names:
                node.op += suffix
            for attr in node.attr.values():
                for used in (attr.func, *attr.list.func):
                    if used.name in names:
                        used.name += suffix


def _all_nodes(graph_def: Any) -> Iterator[Any]:
    """Yields the nodes of a graph and of the functions that it calls."""
    functions = {each.signature.name: each.node_def for each in graph_def.library.function}
    waiting = [graph_def.node]
    while waiting:
        for node in waiting.pop():
            yield node
            for attr in node.attr.values():
                for function in (attr.func, *attr.list.func):
                    waiting += [functions.pop(function.name)] if function.name in functions else []
