"""ONNX: written by tf2onnx, run by ONNX Runtime."""

import os
from typing import Any

import numpy as np

from tf_softpool.packages import described, plain, require
from tf_softpool.serving.formats.tf_saved_model import DEFAULT_SIGNATURE
from tf_softpool.serving.served import Served, TensorInfo

NAME = "onnx"
SUFFIX = ".onnx"
SHARED_NAMES = True
OPSET = 18
_SILENT = "ORT_DISABLE_TELEMETRY"
_TYPES = {"float": "float32", "double": "float64"}


def check() -> None:
    """Raises an ImportError if a package that writes ONNX is missing."""
    _send_nothing()
    require(NAME, "tf2onnx", "onnx", purpose="Exporting to ONNX")


def _send_nothing() -> None:
    """Keeps ONNX Runtime from reporting to its makers and leaving files for it, unless the user wants that.

    ONNX Runtime looks at the variable as soon as it is imported. tf2onnx imports it for some models.
    """
    if not os.environ.get(_SILENT):
        os.environ[_SILENT] = "1"


def convert(saved_model: str | os.PathLike[str], path: str) -> None:
    """Writes the default signature of a SavedModel.

    Raises:
        RuntimeError: if the SavedModel contains operations that ONNX does not have, or bfloat16.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    loaded = tf.saved_model.load(str(saved_model))
    graph, inputs, outputs = _frozen(loaded.signatures[DEFAULT_SIGNATURE])
    if any(attr.type == tf.bfloat16.as_datatype_enum for node in graph.node for attr in node.attr.values()):
        raise RuntimeError(
            "The model cannot be exported to ONNX: its bfloat16 values would become float16. "
            "Give the model's layers another `dtype`."
        )
    if tables := [node.name for node in graph.node if node.op.startswith("LookupTable")]:
        raise RuntimeError(
            f"The model cannot be exported to ONNX: it looks values up in a table (at {tables[0]!r}), and "
            "ONNX has no tables. Look them up before the model, and export the rest of it."
        )
    model, _ = tf2onnx.convert.from_graph_def(
        graph,
        input_names=list(inputs),
        output_names=list(outputs),
        opset=OPSET,
        custom_op_handlers={"SelectV2": (_select, [])},
        tensors_to_rename={**inputs, **outputs},
    )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        # tf2onnx leaves an operation that it does not know unchanged, and the checker rejects it.
        raise RuntimeError(f"The model cannot be converted to ONNX's operations: {plain(error)}") from error
    onnx.save(model, path)


def _frozen(signature: Any) -> tuple[Any, dict[str, str], dict[str, str]]:
    """Turns the variables and captured tensors of a signature into constants.

    Args:
        signature: a concrete function.

    Returns:
        A `GraphDef`, and two dicts that map the names of the graph's inputs and of its outputs to the names
        that the signature gives them.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # The graph's inputs are in the sorted order of their names. The dict may be in another order.
    names = sorted(signature.structured_input_signature[1])
    frozen = convert_variables_to_constants_v2(signature, lower_control_flow=False, aggressive_inlining=True)
    graph = frozen.graph.as_graph_def()
    captured = {
        inner.op.name: outer for outer, inner in signature.graph.captures if outer.dtype != "resource"
    }
    for node in graph.node:
        if node.op == "Placeholder" and node.name in captured:
            _make_constant(node, captured[node.name].numpy())
    inputs = [t.name for t in frozen.inputs if t.op.name not in captured and t.dtype != "resource"]
    outputs = dict(zip([t.name for t in frozen.outputs], sorted(signature.structured_outputs), strict=True))
    return graph, dict(zip(inputs, names, strict=True)), outputs


def _make_constant(node: Any, value: np.ndarray) -> None:
    import tensorflow as tf

    node.op = "Const"
    tensor = tf.make_tensor_proto(value)
    node.attr.clear()
    node.attr["value"].tensor.CopyFrom(tensor)
    node.attr["dtype"].type = tensor.dtype


def _select(graph: Any, node: Any, name: str, args: list[Any]) -> None:
    """Converts `SelectV2` to `Where`.

    tf2onnx's own conversion may multiply by zero and one instead, which turns infinities into NaN.
    """
    node.type = "Where"


class Runner(Served):
    """A model run by ONNX Runtime on the CPU."""

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        _send_nothing()
        runtime = require(NAME, "onnxruntime", purpose="Running ONNX")
        options = runtime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = {tensor.name: _info(tensor) for tensor in self._session.get_inputs()}
        self.outputs = {tensor.name: _info(tensor) for tensor in self._session.get_outputs()}
        self.runtime = described("onnxruntime")

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the session."""
        return dict(zip(self.outputs, self._session.run(list(self.outputs), arrays), strict=True))


def _info(tensor: Any) -> TensorInfo:
    dtype = tensor.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(length if isinstance(length, int) else None for length in tensor.shape)
    return TensorInfo(_TYPES.get(dtype, dtype), shape)
