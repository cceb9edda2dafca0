"""Ways to run a node. Each takes a node and returns the outputs as arrays, or raises TensorFlow's error."""

import functools
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from node import data_type
from tensorflow.core.framework import graph_pb2, types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.eager import context, execute
from tensorflow.python.framework import op_def_registry

# TensorFlow's own answer to a node that asks for very many tensors is memory for all of them.
MOST_TENSORS = 8


def output_types(node):
    """Returns the names of a node's outputs and their types, by the op's definition."""
    outputs = []
    for argument in op_def_registry.get(node.op).output_arg:
        count, of = node.get(argument.number_attr, 1), node.get(argument.type_attr, "float")
        count = min(max(count, 0), MOST_TENSORS) if isinstance(count, int) else 1
        number = getattr(types_pb2, f"DT_{str(of).upper()}", types_pb2.DT_FLOAT)
        outputs += [(f"{argument.name}:{i}", number) for i in range(count)]
    return outputs


def _check_count(node):
    """Raises an error if there are too many inputs, or if nothing says how many tensors a list has.

    TensorFlow 2.21 itself crashes then, whoever wrote the op: so do `Gather` of three tensors, and `AddN`
    without its attribute N.
    """
    count = node.get("N", 0)
    arguments = op_def_registry.get(node.op).input_arg
    for argument in arguments:
        if argument.number_attr and argument.number_attr not in node.attributes:
            raise ValueError(f"{node.op} needs the attribute {argument.number_attr}")
    most = sum(max(count, 0) if isinstance(count, int) and a.number_attr else 1 for a in arguments)
    if len(node.inputs) > most:
        raise ValueError(f"{node.op} takes at most {most} inputs")


def eager(node):
    """Runs a node at once. No shape function sees it."""
    context.ensure_initialized()
    _check_count(node)
    attributes = []
    for name, attribute in node.attributes.items():
        if name.startswith("_"):
            continue  # only graphs have attributes for TensorFlow's own use
        value = attribute.value
        if attribute.kind == "type":
            value = getattr(types_pb2, f"DT_{value.upper()}")
        if attribute.kind == "shape":
            value = tf.TensorShape(value)
        attributes += [name, value]
    inputs = [tf.constant(v) for v in node.inputs]
    count = len(output_types(node))
    outputs = execute.execute(node.op.encode(), count, inputs, tuple(attributes), context.context())
    return [v.numpy() for v in outputs]


def graph_def(node):
    """Returns a graph of placeholders `input_0` and so on, the node, and its outputs as `output_0` and so on.

    The outputs are identities, so whoever reads the graph needs to know nothing about the node.
    """
    graph = graph_pb2.GraphDef()
    graph.versions.producer = tf.version.GRAPH_DEF_VERSION
    for i, (value, shape) in enumerate(zip(node.inputs, node.declared, strict=True)):
        placeholder = graph.node.add(name=f"input_{i}", op="Placeholder")
        placeholder.attr["dtype"].type = data_type(value)
        declared = placeholder.attr["shape"].shape
        declared.unknown_rank = shape is None
        for size in shape or ():
            declared.dim.add(size=size)
    graph.node.append(node.node_def())
    for i, (_, number) in enumerate(output_types(node)):
        output = graph.node.add(name=f"output_{i}", op="Identity", input=[f"node:{i}"])
        output.attr["T"].type = number
    return graph


def graph(node):
    """Runs a node in a session, from a hand-written GraphDef."""
    outputs = [f"output_{i}:0" for i in range(len(output_types(node)))]
    with tf.Graph().as_default() as g:
        tf.import_graph_def(graph_def(node), name="")
        feeds = {f"input_{i}:0": v for i, v in enumerate(node.inputs)}
        with tf.compat.v1.Session(graph=g) as session:
            return session.run(outputs, feeds)


def compiled(node, kernels=True):
    """Runs a node in an XLA program, which calls our kernels or consists of XLA's own operations."""
    outputs = [f"output_{i}:0" for i in range(len(output_types(node)))]
    definition = graph_def(node)
    del definition.node[: len(node.inputs)]  # XLA compiles no placeholders, and knows the true shapes

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec(None, data_type(v)) for v in node.inputs])
    def program(*tensors):
        feeds = {f"input_{i}:0": t for i, t in enumerate(tensors)}
        return tf.import_graph_def(definition, feeds, outputs, name="")

    with mock.patch.dict(os.environ, TF_SOFTPOOL_XLA_KERNELS=str(int(kernels))):
        return [np.asarray(v) for v in program(*node.inputs)]


@functools.cache
def _saved(inputs, outputs):
    """Returns a folder with a SavedModel of a function that has inputs and outputs of these types."""
    folder = tempfile.mkdtemp(dir=_folder())
    signature = [tf.TensorSpec(None, of, name=f"input_{i}") for i, of in enumerate(inputs)]

    @tf.function(input_signature=signature)
    def call(*tensors):
        # This takes the place of the hostile node, which comes when all is saved. Nobody knows its shape.
        unknown = [tf.raw_ops.PlaceholderWithDefault(input=tf.zeros((), of), shape=None) for of in outputs]
        return {f"output_{i}": v for i, v in enumerate(unknown)}

    module = tf.Module()
    module.call = call
    tf.saved_model.save(module, folder, signatures=call)
    return folder


@functools.cache
def _folder():
    import atexit

    folder = tempfile.mkdtemp(prefix="nodes")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _edited(node):
    """Returns a folder with a SavedModel, into which a node was written after it was saved.

    If a function has a list of fewer tensors than none, TensorFlow itself asks for more memory than there is,
    also for `AddN`.
    """
    if isinstance(count := node.get("N", 0), int) and count < 0:
        raise ValueError("N must not be negative")
    outputs = output_types(node)
    template = _saved(tuple(data_type(v) for v in node.inputs), tuple(number for _, number in outputs))
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    shutil.copytree(template, folder, dirs_exist_ok=True)
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        if not any(n.op == "PlaceholderWithDefault" for n in function.node_def):
            continue
        written = node.node_def()
        del written.input[:]
        written.input.extend(argument.name for argument in function.signature.input_arg)
        function.node_def.append(written)
        for argument, (name, _) in zip(function.signature.output_arg, outputs, strict=True):
            function.ret[argument.name] = f"node:{name}"
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def saved_model(node):
    """Runs a node that was written into a SavedModel after it was saved."""
    folder = _edited(node)
    try:
        call = tf.saved_model.load(str(folder)).signatures["serving_default"]
        results = call(**{f"input_{i}": tf.constant(v) for i, v in enumerate(node.inputs)})
        return [results[f"output_{i}"].numpy() for i in range(len(results))]
    finally:
        shutil.rmtree(folder)


def saved_model_1(node):
    """Does the same with the loader of TensorFlow 1."""
    folder = _edited(node)
    try:
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
            signature = loaded.signature_def["serving_default"]
            feeds = {signature.inputs[f"input_{i}"].name: v for i, v in enumerate(node.inputs)}
            names = [signature.outputs[f"output_{i}"].name for i in range(len(signature.outputs))]
            return session.run(names, feeds)
    finally:
        shutil.rmtree(folder)
