"""LiteRT, formerly TensorFlow Lite: written by TensorFlow's converter, run by LiteRT, also on phones."""

import os
import re
import threading
from typing import Any

import numpy as np

from tf_softpool.serving.packages import described, plain, require
from tf_softpool.serving.served import Served, TensorInfo

NAME = "litert"
SUFFIX = ".tflite"
SHARED_NAMES = False


def check() -> None:
    """Does nothing: TensorFlow itself contains the converter."""


def convert(saved_model: str | os.PathLike[str], path: str) -> None:
    """Writes the signatures of a SavedModel, with LiteRT's built-in operations only.

    Raises:
        RuntimeError: if the SavedModel contains operations that LiteRT does not have.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        content = converter.convert()
    except Exception as error:
        lacking = re.findall(r"(?:TF Select|Custom) ops: (.*)", str(error)) or [plain(error)]
        raise RuntimeError(
            f"The model cannot be converted to LiteRT's built-in operations: {'; '.join(lacking)}"
        ) from error
    with open(path, "wb") as file:
        file.write(content)


class Runner(Served):
    """A model run by LiteRT on the CPU."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        interpreter = require(NAME, "ai_edge_litert.interpreter", purpose="Running LiteRT")
        # The interpreter is kept because it owns what the signature's runner runs.
        self._interpreter = interpreter.Interpreter(str(path))
        signature, *_ = self._interpreter.get_signature_list()
        self._runner = self._interpreter.get_signature_runner(signature)
        self.inputs = {name: _info(found) for name, found in self._runner.get_input_details().items()}
        self.outputs = {name: _info(found) for name, found in self._runner.get_output_details().items()}
        # An interpreter can run only one call at a time.
        self._turn = threading.Lock()
        self.runtime = described("ai-edge-litert")

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the signature. Inputs of open shapes may have other sizes at each call."""
        with self._turn:
            return dict(self._runner(**arrays))


def _info(details: dict[str, Any]) -> TensorInfo:
    shape = tuple(None if length == -1 else int(length) for length in details["shape_signature"])
    dtype = np.dtype(details["dtype"])
    return TensorInfo("string" if dtype.kind in "OS" else dtype.name, shape)
