"""TensorFlow's SavedModel, native or portable."""

from pathlib import Path

import keras
import numpy as np

from tf_softpool.ops import native
from tf_softpool.serving.served import Served, TensorInfo

NAME = "tf_saved_model"
SUFFIX = ""
DEFAULT_SIGNATURE = "serving_default"
# A folder that TensorFlow keeps free for others, and that servers copy along.
_NOTE = Path("assets.extra") / "tf_softpool.txt"
_NEEDS = """This model contains operations of tf_softpool: {0}.
It was exported on TensorFlow {tensorflow}. Whoever loads it has these operations first:
- a Python process: import tf_softpool, or tf.load_op_library(path), with the path of its library, which
  tf_softpool.build_info()["library"] gives, built for the TensorFlow that runs;
- a C program: TF_LoadLibrary(path);
- a model server: they are linked in.
Where none of that can be done, export the model with portable=True.
"""


def check():
    """Raises a RuntimeError where Keras does not run on TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(f"Exporting needs TensorFlow, and Keras runs on {keras.backend.backend()}.")


def write(model, endpoints, path):
    """Traces endpoints to a SavedModel."""
    try:
        _write(endpoints, path)
    except AssertionError:
        # Something in the model, such as a table, is found only if the model is tracked. That is not done
        # at once, for Keras then writes all variables a second time, of which nothing makes use.
        _write(endpoints, path, tracked=model)
    if needed := custom_ops(path):
        note = Path(path) / _NOTE
        note.parent.mkdir(exist_ok=True)
        note.write_text(_NEEDS.format(", ".join(needed), tensorflow=native.load().running))


def _write(endpoints, path, tracked=None):
    archive = keras.export.ExportArchive()
    if tracked is not None:
        archive.track(tracked)
    for endpoint in endpoints:
        archive.add_endpoint(endpoint.name, endpoint.function, input_signature=endpoint.signature)
    archive.write_out(path, verbose=False)


def custom_ops(path):
    """The names of our ops in the SavedModel at `path`, in its graph and in all its functions."""
    names = set()
    for meta_graph in _meta_graphs(path):
        graph = meta_graph.graph_def
        names.update(node.op for node in graph.node)
        for function in graph.library.function:
            names.update(node.op for node in function.node_def)
    return sorted(name for name in names if name.startswith("Softpool>"))


def signature_names(path):
    """The names of the default signature's inputs and outputs, sorted."""
    (meta_graph,) = _meta_graphs(path)
    signature = meta_graph.signature_def[DEFAULT_SIGNATURE]
    return sorted(signature.inputs), sorted(signature.outputs)


def _meta_graphs(path):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
    return saved.meta_graphs


class Runner(Served):
    """A signature of a SavedModel, run by TensorFlow.

    Raises:
        ValueError: it has no such signature.
        RuntimeError: it needs our compiled ops, and they cannot be used here.
    """

    def __init__(self, path, signature=DEFAULT_SIGNATURE):
        import tensorflow as tf

        if not (Path(path) / "saved_model.pb").is_file():
            raise ValueError(f"{path} is not a SavedModel: it has no saved_model.pb.")
        if (needed := custom_ops(path)) and (error := native.load().error):
            raise RuntimeError(
                f"The model at {path} contains {', '.join(needed)}, and the compiled library cannot be used: "
                f"{error}. Or export it again with portable=True, which needs no library."
            )
        # Kept, for it owns the variables.
        self._loaded = tf.saved_model.load(str(path))
        if signature not in self._loaded.signatures:
            found = sorted(self._loaded.signatures)
            raise ValueError(f"The model at {path} has the signatures {found}, not {signature!r}.")
        self._function = self._loaded.signatures[signature]
        _, named = self._function.structured_input_signature
        self.inputs = {name: _info(spec) for name, spec in sorted(named.items())}
        outputs = self._function.structured_outputs
        self.outputs = {name: _info(spec) for name, spec in sorted(outputs.items())}
        self.runtime = f"tensorflow {tf.__version__}"

    def run(self, arrays):
        """Runs the signature."""
        import tensorflow as tf

        try:
            outputs = self._function(**{name: tf.constant(array) for name, array in arrays.items()})
        except tf.errors.InvalidArgumentError as error:
            # Such as an image smaller than a window. What follows [[ is about the graph.
            *_, reason = ["", *error.message.split("[[")[0].strip().splitlines()]
            raise ValueError(f"The model does not take these inputs: {reason.strip()}") from error
        return {name: np.asarray(value) for name, value in outputs.items()}


def _info(spec):
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return TensorInfo(spec.dtype.name, shape)
