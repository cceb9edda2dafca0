"""OpenVINO's intermediate representation: an .xml file and a .bin file beside it."""

import logging
import threading

from tf_softpool.serving.packages import described, require
from tf_softpool.serving.served import Served, TensorInfo

NAME = "openvino"
SUFFIX = ".xml"
EXTRA = "openvino"
_TYPES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "boolean": "bool"}


def check():
    """Raises an ImportError where what writes the format is missing."""
    require(EXTRA, "openvino", purpose="Exporting to OpenVINO")


def convert(saved_model, path):
    """Writes the default signature of a SavedModel.

    Raises:
        RuntimeError: it contains operations that OpenVINO does not have.
    """
    import openvino

    root = logging.getLogger()
    level = root.level
    try:
        model = openvino.convert_model(str(saved_model))
    except Exception as error:
        raise RuntimeError(f"The model cannot be made of OpenVINO's operations: {error}") from error
    finally:
        # The converter sets it for the whole process.
        root.setLevel(level)
    openvino.save_model(model, path, compress_to_fp16=False)


class Runner(Served):
    """A model run by OpenVINO on the CPU, in float32.

    Where a processor has instructions for bfloat16 OpenVINO uses them, unless it is told not to.
    """

    def __init__(self, path):
        openvino = require(EXTRA, "openvino", purpose="Running OpenVINO")
        self._model = openvino.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self.inputs = {port.get_any_name(): _info(port) for port in self._model.inputs}
        self.outputs = {port.get_any_name(): _info(port) for port in self._model.outputs}
        # Calls share one request, which does one thing at a time.
        self._turn = threading.Lock()
        self.runtime = described("openvino")

    def run(self, arrays):
        """Runs the model."""
        with self._turn:
            results = self._model(arrays)
            return {name: results[name] for name in self.outputs}


def _info(port):
    found, name = port.get_partial_shape(), port.get_element_type().get_type_name()
    shape = None
    if not found.rank.is_dynamic:
        shape = tuple(None if length.is_dynamic else length.get_length() for length in found)
    for prefix, kind in (("i", "int"), ("u", "uint")):
        if name[0] == prefix and name[1:].isdigit():
            name = kind + name[1:]
    return TensorInfo(_TYPES.get(name, name), shape)
