"""TensorFlow's SavedModel, native (with the compiled ops of tf_softpool) or portable."""

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_softpool.effects import check_loading
from tf_softpool.folders import check_saved_model_folder
from tf_softpool.keras_versions import write_out
from tf_softpool.ops import native
from tf_softpool.packages import plain
from tf_softpool.serving.endpoints import Endpoint
from tf_softpool.serving.served import Served, TensorInfo
from tf_softpool.sessions import load_into

NAME = "tf_saved_model"
SUFFIX = ""
DEFAULT_SIGNATURE = "serving_default"
# The tag of a graph that is for serving.
SERVE = "serve"
# TensorFlow reserves this folder of a SavedModel for other programs' files, and servers copy it along.
_NOTE = Path("assets.extra") / "tf_softpool.txt"
_NEEDS = """This model contains operations of tf_softpool: {0}.
It was exported on TensorFlow {tensorflow}. A program must have these operations before it loads the model:
- a Python process calls import tf_softpool, or tf.load_op_library(path). The path of the library is
  tf_softpool.build_info()["library"]. The library must be built for the TensorFlow that runs;
- a C program calls TF_LoadLibrary(path);
- a model server has them linked in.
If none of this is possible, export the model with portable=True.
"""


def check() -> None:
    """Raises a RuntimeError if Keras does not run on TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Exporting needs Keras on TensorFlow, but Keras runs on {keras.backend.backend()}. "
            "Set KERAS_BACKEND=tensorflow in the environment."
        )


def write(model: keras.Model, endpoints: Sequence[Endpoint], path: str | os.PathLike[str]) -> None:
    """Traces endpoints to a SavedModel, and adds a note if it contains compiled ops."""
    try:
        _write(endpoints, path)
    except AssertionError:
        # Keras finds some parts of a model, such as tables, only if it tracks the model. The first attempt
        # does not track the model, because tracking writes all variables a second time, and nothing uses
        # these copies.
        _write(endpoints, path, tracked=model)
    if needed := custom_ops(path):
        note = Path(path) / _NOTE
        note.parent.mkdir(exist_ok=True)
        note.write_text(_NEEDS.format(", ".join(needed), tensorflow=native.load().running))


def _write(
    endpoints: Iterable[Endpoint], path: str | os.PathLike[str], tracked: keras.Model | None = None
) -> None:
    archive = keras.export.ExportArchive()
    if tracked is not None:
        archive.track(tracked)
    for endpoint in endpoints:
        archive.add_endpoint(endpoint.name, endpoint.function, input_signature=endpoint.signature)
    write_out(archive, path)


def custom_ops(path: str | os.PathLike[str]) -> list[str]:
    """Returns the names of tf_softpool's ops in the graph and the functions of a SavedModel, sorted."""
    return _custom_ops_in(meta_graphs(path))


def _custom_ops_in(graphs: Any) -> list[str]:
    names: set[str] = set()
    for meta_graph in graphs:
        graph = meta_graph.graph_def
        names.update(node.op for node in graph.node)
        for function in graph.library.function:
            names.update(node.op for node in function.node_def)
    return sorted(name for name in names if name.startswith("Softpool>"))


def signature_names(path: str | os.PathLike[str]) -> tuple[list[str], list[str]]:
    """Returns the names of the inputs and of the outputs of a SavedModel's default signature, sorted."""
    (meta_graph,) = meta_graphs(path)
    signature = meta_graph.signature_def[DEFAULT_SIGNATURE]
    return sorted(signature.inputs), sorted(signature.outputs)


def graph_to_serve(path: str | os.PathLike[str]) -> Any:
    """Returns the graph of a SavedModel that is for serving, or its first graph if none is."""
    graphs = meta_graphs(path)
    return next((graph for graph in graphs if list(graph.meta_info_def.tags) == [SERVE]), graphs[0])


def meta_graphs(path: str | os.PathLike[str]) -> Any:
    """Returns the graphs of a SavedModel, as a list of `meta_graph_pb2.MetaGraphDef`.

    Raises:
        ValueError: if the file that holds them is broken.
    """
    from google.protobuf import message, text_format
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        if (file := Path(path) / "saved_model.pb").is_file():
            saved.ParseFromString(file.read_bytes())
        else:
            text_format.Parse((Path(path) / "saved_model.pbtxt").read_text(encoding="utf-8"), saved)
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a SavedModel, or is truncated: {plain(error)}") from error
    if not saved.meta_graphs:
        raise ValueError(f"{path} has no graphs: it is empty, or not a SavedModel.")
    return saved.meta_graphs


class Runner(Served):
    """A signature of a SavedModel, run by TensorFlow.

    Args:
        path: str or path-like. The folder of the SavedModel.
        signature: str. The name of the signature. Default: `"serving_default"`.
        threads: None. Only the whole process can have a number of threads.

    Raises:
        ValueError: if `path` is not a SavedModel or has no such signature, or if `threads` is not None.
        RuntimeError: if the SavedModel contains compiled ops of tf_softpool and their library cannot be
            used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        signature: str = DEFAULT_SIGNATURE,
        *,
        threads: int | None = None,
    ) -> None:
        import tensorflow as tf

        if threads is not None:
            raise ValueError(
                f"`threads` must be None for a SavedModel, got {threads}: TensorFlow's threads belong to the "
                "whole process. Before anything is computed, call "
                "`tf.config.threading.set_intra_op_parallelism_threads`."
            )
        if not (Path(path) / "saved_model.pb").is_file():
            raise ValueError(f"{path} is not a SavedModel: it has no saved_model.pb.")
        _check(path)
        self._signature = _load(path, signature)
        self.inputs, self.outputs = self._signature.inputs, self._signature.outputs
        self.runtime = f"tensorflow {tf.__version__}"

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the signature.

        Raises:
            ValueError: if an operation of the model does not accept the inputs, such as a pooling whose
                window is larger than the image.
        """
        import tensorflow as tf

        try:
            outputs = self._signature.run(arrays)
        except tf.errors.InvalidArgumentError as error:
            # The last line before [[ says what is wrong. The text after [[ describes the graph.
            message: str = error.message
            reason = ["", *message.split("[[")[0].strip().splitlines()][-1]
            raise ValueError(f"The model does not take these inputs: {reason.strip()}") from error
        return {name: np.asarray(value) for name, value in outputs.items()}


def _check(path: str | os.PathLike[str]) -> None:
    """Raises an error if a SavedModel must not be read, cannot be loaded here, or does more than load."""
    check_saved_model_folder(path)
    graphs = meta_graphs(path)
    if (needed := _custom_ops_in(graphs)) and (error := native.load().error):
        raise RuntimeError(
            f"The model at {path} contains {', '.join(needed)}, and the compiled library cannot be used: "
            f"{error}. Or export the model again with portable=True: then it needs no library."
        )
    check_loading(path, graphs)


def _load(path: str | os.PathLike[str], signature: str) -> "_Function | _InSession":
    """Loads a signature of a SavedModel.

    TensorFlow cannot make some objects again, such as the optimizers of Keras 2. Then the signature is loaded
    without the objects, as model servers do.

    Raises:
        ValueError: if there is no such signature.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception:
        with contextlib.suppress(Exception):
            return _InSession(path, signature)
        raise
    if signature not in loaded.signatures:
        found = sorted(loaded.signatures)
        raise ValueError(f"The model at {path} has no signature {signature!r}, it has {found}.")
    return _Function(loaded, signature)


class _Function:
    """A signature that is a function of a loaded model."""

    def __init__(self, loaded: Any, signature: str) -> None:
        # The loaded model is kept because it owns the variables.
        self._loaded = loaded
        self._function = loaded.signatures[signature]
        _, named = self._function.structured_input_signature
        self.inputs = {name: _info(spec) for name, spec in sorted(named.items())}
        outputs = self._function.structured_outputs
        self.outputs = {name: _info(spec) for name, spec in sorted(outputs.items())}

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Returns the outputs by their names."""
        import tensorflow as tf

        outputs: dict[str, Any] = self._function(
            **{name: tf.constant(array) for name, array in arrays.items()}
        )
        return outputs


class _InSession:
    """A signature whose graph is loaded into a session, as model servers do.

    Raises:
        ValueError: if there is no such signature, or it has sparse or ragged tensors.
    """

    def __init__(self, path: str | os.PathLike[str], signature: str) -> None:
        import tensorflow as tf

        graphs = meta_graphs(path)
        tags = [list(each.meta_info_def.tags) for each in graphs if signature in each.signature_def]
        if not tags:
            raise ValueError(f"The model at {path} has no signature {signature!r}.")
        with tf.Graph().as_default() as graph:
            self._session = tf.compat.v1.Session()
            loaded = load_into(self._session, [SERVE] if [SERVE] in tags else tags[0], path)
        found = loaded.signature_def[signature]
        sides = ({name: info.name for name, info in side.items()} for side in (found.inputs, found.outputs))
        self._inputs, self._outputs = sides
        if "" in (*self._inputs.values(), *self._outputs.values()):
            raise ValueError(f"The signature {signature!r} of {path} has sparse or ragged tensors.")

        def infos(names: dict[str, str]) -> dict[str, TensorInfo]:
            return {key: _info(graph.get_tensor_by_name(name)) for key, name in sorted(names.items())}

        self.inputs, self.outputs = infos(self._inputs), infos(self._outputs)

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Returns the outputs by their names."""
        feeds = {self._inputs[name]: array for name, array in arrays.items()}
        outputs: dict[str, Any] = self._session.run(self._outputs, feeds)
        return outputs


def _info(spec: Any) -> TensorInfo:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return TensorInfo(spec.dtype.name, shape)
