"""Models as TensorFlow SavedModels, with our ops or without."""

import contextlib
from pathlib import Path

import keras

from tf_softpool.ops.portable import portable as use_portable


def export(model, path, format="tf_saved_model", portable=False):
    """Writes a model for serving.

    Args:
        model: a built `keras.Model`. Its inputs are the signature, with the batch size open.
        path: the folder to write to. An earlier SavedModel there is replaced.
        format: `"tf_saved_model"`.
        portable: False keeps our compiled ops in the graph: it is as fast as the model, and whoever
            loads it calls `tf.load_op_library(tf_softpool.build_info()["library"])` first. True
            writes standard operations only, which load wherever TensorFlow runs.

    Raises:
        ValueError: another format, or a model that has not been built.
        RuntimeError: Keras does not run on TensorFlow, or `portable` was asked for and one of our ops
            is in the graph all the same, from a function that was traced before.

    Example:
        >>> import keras, tempfile
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), tsp.layers.SoftPooling2D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tsp.export(model, folder, portable=True)
    """
    if format != "tf_saved_model":
        raise ValueError(f'`format` must be "tf_saved_model", got {format!r}.')
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(f"A SavedModel needs TensorFlow, Keras runs on {keras.backend.backend()}.")
    with use_portable() if portable else contextlib.nullcontext():
        model.export(path, format=format, verbose=False)
    if portable and (found := custom_ops(path)):
        raise RuntimeError(f"The model at {path} is not portable: it contains {sorted(found)}.")


def custom_ops(path):
    """The names of our ops in the SavedModel at `path`, in its graph and in all its functions."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
    names = set()
    for meta_graph in saved.meta_graphs:
        graph = meta_graph.graph_def
        names.update(node.op for node in graph.node)
        for function in graph.library.function:
            names.update(node.op for node in function.node_def)
    return {name for name in names if name.startswith("Softpool>")}
