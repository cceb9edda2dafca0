"""OpenVINO's intermediate representation: an .xml file and a .bin file beside it."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

from tf_softpool.packages import described, plain, require
from tf_softpool.serving.formats.tf_saved_model import signature_names
from tf_softpool.serving.served import Served, TensorInfo

NAME = "openvino"
SUFFIX = ".xml"
SHARED_NAMES = True
_NAMES = ("tf_softpool", "names")
_TYPES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "boolean": "bool"}


def check() -> None:
    """Raises an ImportError if the package that writes the format is missing."""
    _required("Exporting to OpenVINO")


def convert(saved_model: str | os.PathLike[str], path: str) -> None:
    """Writes the default signature of a SavedModel.

    Raises:
        RuntimeError: if the SavedModel contains operations that OpenVINO does not have.
    """
    openvino = _required("Exporting to OpenVINO")
    root = logging.getLogger()
    level = root.level
    try:
        with _sending_nothing():
            model = openvino.convert_model(str(saved_model))
    except Exception as error:
        raise RuntimeError(
            f"The model cannot be converted to OpenVINO's operations: {plain(error)}"
        ) from error
    finally:
        # The converter changes the level of the root logger for the whole process.
        root.setLevel(level)
    # A tensor that is both an input and an output, or two outputs at once, carries all of their names. The
    # signature's own names are stored in the model so that each input and output can be found again.
    inputs, outputs = signature_names(saved_model)
    model.set_rt_info("\n".join(inputs), [*_NAMES, "inputs"])
    model.set_rt_info("\n".join(outputs), [*_NAMES, "outputs"])
    openvino.save_model(model, path, compress_to_fp16=False)


def _required(purpose: str) -> Any:
    """Returns the package, or raises an ImportError if it is missing."""
    with _sending_nothing():
        return require(NAME, "openvino", purpose=purpose)


@contextlib.contextmanager
def _sending_nothing() -> Iterator[None]:
    """Keeps OpenVINO from reporting to its makers, and from leaving files for that in the user's folder.

    OpenVINO reports that it is imported, and what it converts. It does not do so in automated builds, which
    it knows by this variable. It has no other switch that leaves no file.
    """
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before


class Runner(Served):
    """A model run by OpenVINO on the CPU, in float32.

    Without the precision hint, OpenVINO computes in bfloat16 on processors with instructions for it.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        openvino = _required("Running OpenVINO")
        core = openvino.Core()
        read = core.read_model(str(path))
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        self._model = core.compile_model(read, "CPU", settings)
        inputs = _by_names(self._model.inputs, _names(read, "inputs"))
        self._outputs = _by_names(self._model.outputs, _names(read, "outputs"))
        self.inputs = {name: _info(port) for name, port in inputs.items()}
        self.outputs = {name: _info(port) for name, port in self._outputs.items()}
        # All calls share one inference request, which can run only one call at a time.
        self._turn = threading.Lock()
        self.runtime = described("openvino")

    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model."""
        with self._turn:
            results = self._model(arrays)
            return {name: _array(results[port], self.outputs[name]) for name, port in self._outputs.items()}


def _names(model: Any, which: str) -> list[str] | None:
    """Returns the names that `convert` stored, or None if another program wrote the model.

    Args:
        model: an `openvino.Model`.
        which: str. `"inputs"` or `"outputs"`.
    """
    if not model.has_rt_info([*_NAMES, which]):
        return None
    names: list[str] = model.get_rt_info([*_NAMES, which]).astype(str).split("\n")
    return names


def _by_names(ports: Iterable[Any], names: list[str] | None) -> dict[str, Any]:
    if names is None:
        return {port.get_any_name(): port for port in ports}
    found = {name: port for port in ports for name in port.get_names()}
    if lost := [name for name in names if name not in found]:
        raise ValueError(f"OpenVINO does not keep the names {lost} of inputs or outputs.")
    return {name: found[name] for name in names}


def _array(found: np.ndarray, info: TensorInfo) -> np.ndarray:
    # OpenVINO returns a bfloat16 output as a float16 array with the bits of the bfloat16 numbers.
    is_other = info.dtype == "bfloat16" and found.dtype.name == "float16"
    return found.view(ml_dtypes.bfloat16) if is_other else found


def _info(port: Any) -> TensorInfo:
    found, name = port.get_partial_shape(), port.get_element_type().get_type_name()
    shape = None
    if not found.rank.is_dynamic:
        shape = tuple(None if length.is_dynamic else length.get_length() for length in found)
    for prefix, kind in (("i", "int"), ("u", "uint")):
        if name[0] == prefix and name[1:].isdigit():
            name = kind + name[1:]
    return TensorInfo(_TYPES.get(name, name), shape)
