"""The exchange of a node for other nodes, which compute something else from the same inputs."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_softpool.graphs import producer
from tf_softpool.rewriting.saved_model.nodes import Body
from tf_softpool.rewriting.saved_model.trace import Fragment

# What an attribute with the name of a node begins with. TensorFlow puts both nodes on the same device.
_COLOCATION = b"loc:@"


def splice(body: Body, node: Any, fragment: Fragment, inputs: Sequence[str]) -> None:
    """Exchanges a node for the nodes of a fragment. The fragment's output gets the node's name.

    Args:
        body: the `Body` with the node.
        node: a node with one output. In a function, this output is called "output".
        fragment: a `Fragment`, traced for a function if the body is a function's.
        inputs: the names, in the body, of the fragment's inputs.
    """
    nodes, output = _needed(fragment)
    renamed = dict(zip(fragment.inputs, inputs, strict=True))
    last = producer(output)
    direct = last not in renamed and output in (last, f"{last}:output:0")
    prefix = _free_prefix(body, node)
    names = {each.name: prefix + each.name for each in nodes}
    if direct:
        names[last] = node.name
    controls = [reference for reference in node.input if reference.startswith("^")]
    # A loop of TensorFlow 1 is not a function of its own, so a node without inputs would be outside the loop.
    # A control input keeps the node inside.
    outside = None if body.is_function else f"^{producer(inputs[0])}"
    new = [_copy(each, names, renamed, controls, node.device, outside) for each in nodes]
    known = names | _inputs_that_are_nodes(body, renamed)
    for each in new:
        move_colocations(each, known)
    if not direct:
        reference = _rename(output, names, renamed)
        new.append(tf.compat.v1.NodeDef(name=node.name, op="Identity", input=[reference, *controls]))
        new[-1].attr["T"].CopyFrom(_type_of(node))
        new[-1].device = node.device
    if "_output_shapes" in node.attr:
        named = next(each for each in new if each.name == node.name)
        named.attr["_output_shapes"].CopyFrom(node.attr["_output_shapes"])
    at = next(i for i, each in enumerate(body.nodes) if each.name == node.name)
    rest = list(body.nodes[at + 1 :])
    del body.nodes[at:]
    body.nodes.extend([*new, *rest])


def _needed(fragment: Fragment) -> tuple[list, str]:
    """Returns the nodes that a fragment's output needs, and the output, without trailing Identity nodes."""
    nodes = {node.name: node for node in fragment.nodes}
    output = fragment.output
    while producer(output) in nodes and nodes[producer(output)].op == "Identity":
        output = nodes[producer(output)].input[0]
    needed, wanted = set(), [producer(output)]
    while wanted:
        name = wanted.pop()
        if name in nodes and name not in needed:
            needed.add(name)
            wanted.extend(producer(reference) for reference in nodes[name].input)
    return [node for node in fragment.nodes if node.name in needed], output


def _free_prefix(body: Body, node: Any) -> str:
    """Returns a scope for new nodes that has no other nodes."""
    taken = [each.name for each in body.nodes]
    scope, i = node.name, 0
    while any(name.startswith(scope + "/") for name in taken):
        i += 1
        scope = f"{node.name}_{i}"
    return scope + "/"


def _copy(
    node: Any,
    names: dict[str, str],
    renamed: dict[str, str],
    controls: list[str],
    device: str,
    outside: str | None,
) -> Any:
    copy = tf.compat.v1.NodeDef()
    copy.CopyFrom(node)
    copy.name = names[node.name]
    del copy.input[:]
    copy.input.extend([_rename(reference, names, renamed) for reference in node.input])
    if not copy.input and outside is not None:
        controls = [*controls, outside]
    copy.input.extend(controls)
    copy.device = device
    return copy


def _inputs_that_are_nodes(body: Body, renamed: dict[str, str]) -> dict[str, str]:
    """Returns the nodes of a body that take the places of a fragment's inputs.

    An argument of a function is no node, so nothing can be colocated with it.
    """
    nodes = {each.name for each in body.nodes}
    return {name: producer(new) for name, new in renamed.items() if producer(new) in nodes}


def move_colocations(node: Any, names: dict[str, str]) -> None:
    """Makes the colocations in a copied node's attributes name the nodes around the copy.

    A colocation with a node that was not copied is removed, because TensorFlow would not load the graph.

    Args:
        node: the copy.
        names: the new names of the nodes that may be named, by their old names.
    """
    for attribute, value in list(node.attr.items()):
        kind = value.WhichOneof("value")
        entries = [value.s] if kind == "s" else list(value.list.s) if kind == "list" else []
        if not any(entry.startswith(_COLOCATION) for entry in entries):
            continue
        kept = list(filter(None, (_moved(entry, names) for entry in entries)))
        if not kept:
            del node.attr[attribute]
        elif kind == "s":
            value.s = kept[0]
        else:
            value.list.s[:] = kept


def _moved(entry: bytes, names: dict[str, str]) -> bytes:
    """Returns an entry of an attribute with the new name of the node that it names, or nothing."""
    if not entry.startswith(_COLOCATION):
        return entry
    name = entry.removeprefix(_COLOCATION).decode()
    return _COLOCATION + names[name].encode() if name in names else b""


def _rename(reference: str, names: dict[str, str], renamed: dict[str, str]) -> str:
    """Returns the name, in the body, of an input of a fragment's node."""
    if reference in renamed:
        return renamed[reference]
    name = producer(reference)
    mark = "^" if reference.startswith("^") else ""
    if name in renamed:
        return mark + producer(renamed[name])
    return mark + names[name] + reference.removeprefix("^").removeprefix(name)


def _type_of(node: Any) -> Any:
    return node.attr["T"] if "T" in node.attr else tf.compat.v1.AttrValue(type=tf.float32.as_datatype_enum)
