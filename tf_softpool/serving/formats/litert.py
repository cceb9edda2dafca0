"""LiteRT, formerly TensorFlow Lite: written by TensorFlow's converter, run by LiteRT, also on phones."""

import os
import re
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_softpool.packages import described, plain, require
from tf_softpool.serving.formats.tf_saved_model import DEFAULT_SIGNATURE
from tf_softpool.serving.served import Served, TensorInfo

NAME = "litert"
SUFFIX = ".tflite"
SHARED_NAMES = False


def check() -> None:
    """Does nothing: TensorFlow itself contains the converter."""


def convert(
    saved_model: str | os.PathLike[str], path: str, examples: Sequence[dict[str, np.ndarray]] | None = None
) -> None:
    """Writes the signatures of a SavedModel, with LiteRT's built-in operations only.

    Args:
        saved_model: str or path-like. The folder of the SavedModel.
        path: str. Where to write.
        examples: list of dicts. The model is written in 8-bit integers, with the ranges that its numbers have
            on these inputs. Its inputs and outputs stay as they are. Default: all is written as it is.

    Raises:
        RuntimeError: if the SavedModel contains operations that LiteRT does not have.
    """
    import tensorflow as tf

    # An endpoint is a signature by its own name and by the default's. Examples are for one signature.
    keys = None if examples is None else [DEFAULT_SIGNATURE]
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=keys)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if examples is not None:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter(examples)
    try:
        with warnings.catch_warnings():
            # TensorFlow finds ranges with an interpreter of its own, and says that others should not use it.
            warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is dep", UserWarning)
            content = converter.convert()
    except Exception as error:
        lacking = re.findall(r"(?:TF Select|Custom) ops: (.*)", str(error)) or [plain(error)]
        raise RuntimeError(
            f"The model cannot be converted to LiteRT's built-in operations: {'; '.join(lacking)}"
        ) from error
    with open(path, "wb") as file:
        file.write(content)


def operations(path: str | os.PathLike[str]) -> list[tuple[str, set[str]]]:
    """Returns the name of each operation in a file, with the types of the tensors that it takes and makes."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    types = {number: name.lower() for name, number in vars(schema.TensorType).items() if name.isupper()}
    model = flatbuffer_utils.read_model(str(path))
    return [
        (
            flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex),
            {types[graph.tensors[i].type] for i in [*operator.inputs, *operator.outputs] if i >= 0},
        )
        for graph in model.subgraphs
        for operator in graph.operators
    ]


class Runner(Served):
    """A model run by LiteRT on the CPU."""

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        interpreter = require(NAME, "ai_edge_litert.interpreter", purpose="Running LiteRT")
        # The interpreter is kept because it owns what the signature's runner runs.
        self._interpreter = interpreter.Interpreter(str(path), num_threads=threads)
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
