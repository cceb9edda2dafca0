"""Nodes of a graph exchanged for others that compute something else from the same inputs."""

import tensorflow as tf

from tf_softpool.rewriting.saved_model.find import producer


def splice(body, node, fragment, inputs):
    """Puts a fragment's nodes in the place of a node, whose name its output gets.

    Args:
        body: the `Body` that has the node.
        node: a node with one output, which is called "output" in a function.
        fragment: a `Fragment` made for a body of this sort.
        inputs: what the fragment's inputs are, as the node's inputs name it.
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
    # What has no input would be outside the loops of TensorFlow 1, which are in no function of their own.
    outside = None if body.is_function else f"^{producer(inputs[0])}"
    new = [_copy(each, names, renamed, controls, node.device, outside) for each in nodes]
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


def _needed(fragment):
    """The nodes of a fragment that its output needs, and the output, less what only passes that on."""
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


def _free_prefix(body, node):
    """A scope for new nodes, in which there are no others."""
    taken = [each.name for each in body.nodes]
    scope, i = node.name, 0
    while any(name.startswith(scope + "/") for name in taken):
        i += 1
        scope = f"{node.name}_{i}"
    return scope + "/"


def _copy(node, names, renamed, controls, device, outside):
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


def _rename(reference, names, renamed):
    """An input of a fragment's node, as it is called where the fragment goes."""
    if reference in renamed:
        return renamed[reference]
    name = producer(reference)
    mark = "^" if reference.startswith("^") else ""
    if name in renamed:
        return mark + producer(renamed[name])
    return mark + names[name] + reference.removeprefix("^").removeprefix(name)


def _type_of(node):
    return node.attr["T"] if "T" in node.attr else tf.compat.v1.AttrValue(type=tf.float32.as_datatype_enum)
