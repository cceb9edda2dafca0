"""LiteRT, which was TensorFlow Lite: written by TensorFlow's converter, run by LiteRT, on phones too."""

import re
import threading

import numpy as np

from tf_softpool.serving.packages import described, plain, require
from tf_softpool.serving.served import Served, TensorInfo

NAME = "litert"
SUFFIX = ".tflite"


def check():
    """TensorFlow has what writes the format."""


def convert(saved_model, path):
    """Writes the signatures of a SavedModel, in LiteRT's built-in operations only.

    Raises:
        RuntimeError: it contains operations that LiteRT does not have.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        content = converter.convert()
    except Exception as error:
        lacking = re.findall(r"(?:TF Select|Custom) ops: (.*)", str(error)) or [plain(error)]
        raise RuntimeError(
            f"The model cannot be made of LiteRT's built-in operations: {'; '.join(lacking)}"
        ) from error
    with open(path, "wb") as file:
        file.write(content)


class Runner(Served):
    """A model run by LiteRT on the CPU."""

    def __init__(self, path):
        interpreter = require(NAME, "ai_edge_litert.interpreter", purpose="Running LiteRT")
        # Kept, for it owns what the signature's runner runs.
        self._interpreter = interpreter.Interpreter(str(path))
        signature, *_ = self._interpreter.get_signature_list()
        self._runner = self._interpreter.get_signature_runner(signature)
        self.inputs = {name: _info(found) for name, found in self._runner.get_input_details().items()}
        self.outputs = {name: _info(found) for name, found in self._runner.get_output_details().items()}
        # An interpreter does one thing at a time.
        self._turn = threading.Lock()
        self.runtime = described("ai-edge-litert")

    def run(self, arrays):
        """Runs the signature, for inputs of these sizes."""
        with self._turn:
            return dict(self._runner(**arrays))


def _info(details):
    shape = tuple(None if length == -1 else int(length) for length in details["shape_signature"])
    dtype = np.dtype(details["dtype"])
    return TensorInfo("string" if dtype.kind in "OS" else dtype.name, shape)
