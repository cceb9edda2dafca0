"""ONNX, written by tf2onnx, run by ONNX Runtime."""

from tf_softpool.serving.formats.tf_saved_model import DEFAULT_SIGNATURE
from tf_softpool.serving.packages import described, plain, require
from tf_softpool.serving.served import Served, TensorInfo

NAME = "onnx"
SUFFIX = ".onnx"
OPSET = 18
_TYPES = {"float": "float32", "double": "float64"}


def check():
    """Raises an ImportError where what writes the format is missing."""
    require(NAME, "tf2onnx", "onnx", purpose="Exporting to ONNX")


def convert(saved_model, path):
    """Writes the default signature of a SavedModel.

    Raises:
        RuntimeError: it contains operations that ONNX does not have.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    loaded = tf.saved_model.load(str(saved_model))
    graph, inputs, outputs = _frozen(loaded.signatures[DEFAULT_SIGNATURE])
    if any(attr.type == tf.bfloat16.as_datatype_enum for node in graph.node for attr in node.attr.values()):
        raise RuntimeError("bfloat16 would become float16 in ONNX: give the model's layers another `dtype`.")
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
        # tf2onnx leaves what it does not know as it is.
        raise RuntimeError(f"The model cannot be made of ONNX's operations: {plain(error)}") from error
    onnx.save(model, path)


def _frozen(signature):
    """A signature's graph with its variables and captured tensors as constants.

    Returns:
        A `GraphDef`, and the names of the graph's inputs and outputs, with those that the signature has.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # The order of a signature's arguments; that of the dict is any.
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


def _make_constant(node, value):
    import tensorflow as tf

    node.op = "Const"
    tensor = tf.make_tensor_proto(value)
    node.attr.clear()
    node.attr["value"].tensor.CopyFrom(tensor)
    node.attr["dtype"].type = tensor.dtype


def _select(graph, node, name, args):
    """`Where`, always: tf2onnx multiplies by zero and one, which makes NaN of infinities."""
    node.type = "Where"


class Runner(Served):
    """A model run by ONNX Runtime on the CPU."""

    def __init__(self, path):
        runtime = require(NAME, "onnxruntime", purpose="Running ONNX")
        self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.inputs = {tensor.name: _info(tensor) for tensor in self._session.get_inputs()}
        self.outputs = {tensor.name: _info(tensor) for tensor in self._session.get_outputs()}
        self.runtime = described("onnxruntime")

    def run(self, arrays):
        """Runs the session."""
        return dict(zip(self.outputs, self._session.run(list(self.outputs), arrays), strict=True))


def _info(tensor):
    dtype = tensor.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(length if isinstance(length, int) else None for length in tensor.shape)
    return TensorInfo(_TYPES.get(dtype, dtype), shape)
