"""Signatures of SavedModels that TensorFlow 1 wrote, as functions that converters understand."""

import os
from collections.abc import Callable
from typing import Any


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
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        signature = v1.saved_model.load(session, tags, str(folder)).signature_def[name]
        inputs, outputs = _places(signature.inputs), _places(signature.outputs)
        tensors = {key: graph.get_tensor_by_name(place) for key, place in inputs.items()}
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype, key) for key, tensor in tensors.items()]
        nodes = sorted({place.split(":")[0] for place in outputs.values()})
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), nodes)
    wrapped = v1.wrap_function(lambda: tf.graph_util.import_graph_def(frozen, name=""), [])
    tensor = wrapped.graph.get_tensor_by_name
    function = wrapped.prune(
        [tensor(place) for place in inputs.values()], {key: tensor(place) for key, place in outputs.items()}
    )
    return function, specs


def _places(infos: Any) -> dict[str, str]:
    """Returns the names of a signature's inputs or outputs, sorted, each with the name of its tensor."""
    return {key: info.name for key, info in sorted(infos.items())}
