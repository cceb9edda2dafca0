"""The export of models for serving, with a check that the result does what the model does."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from tf_softpool.ops.dispatch import portable as use_portable
from tf_softpool.serving import checking
from tf_softpool.serving.endpoints import Endpoint, endpoints_of
from tf_softpool.serving.formats import CONVERTED_FORMATS, FORMATS, Format, tf_saved_model
from tf_softpool.serving.packages import plain
from tf_softpool.serving.places import check_place
from tf_softpool.serving.report import ExportReport
from tf_softpool.writing import complete_or_absent


def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    format: str = "tf_saved_model",
    portable: bool | None = None,
    *,
    input_signature: Sequence[Any] | None = None,
    endpoints: dict[str, tuple[Callable[..., Any], Sequence[Any]]] | None = None,
    sample: Any = None,
    check: bool = True,
    overwrite: bool = True,
    progress: Callable[[str], object] | None = None,
) -> ExportReport:
    """Writes a model for serving, loads the result, and compares its outputs with the model's.

    The result is loaded into the runtime of its format, if that is installed, and run on sample input. The
    export appears at `path` complete or not at all. If outputs differ from the model's by more than rounding
    explains, the export is kept and a warning is given.

    Args:
        model: `keras.Model`, which must be built. Preprocessing and postprocessing layers in the model
            become part of the exported graph.
        path: str or path-like. Where to write. A SavedModel is a folder. The other formats are files whose
            names end in `.onnx`, `.tflite` (LiteRT) or `.xml` (OpenVINO, which writes a `.bin` file beside
            it).
        format: str. `"tf_saved_model"`, `"onnx"`, `"litert"` or `"openvino"`. Default: `"tf_saved_model"`.
        portable: bool or None. False keeps the compiled ops of tf_softpool in the graph, which only a
            SavedModel can contain. The export is then as fast as the model, and every program that loads
            it must load the op library first. True writes standard operations only. Default: False for a
            SavedModel, True for the other formats.
        input_signature: list, as in `keras.Model.export`: for each argument of the model a
            `keras.InputSpec`, a `tf.TensorSpec`, a `KerasTensor`, or a structure of them. Default: the
            model's inputs, with the dimensions open that are open in the model.
        endpoints: dict that maps names to tuples (function, input_signature). The functions are exported
            instead of the model itself. Each calls the model and may do something before and after. The
            first endpoint is the signature `serving_default`. Only a SavedModel can have more than one.
            Default: one endpoint, which calls the model.
        sample: the input that the outputs are compared on: an array, or a structure of arrays like the
            first endpoint's argument. A list of arguments if the first endpoint takes several. Default:
            random numbers.
        check: bool. False writes the export without loading and comparing it. Default: True.
        overwrite: bool. Whether an earlier export at `path` may be replaced. Default: True.
        progress: callable. Called with the name of each step as the step begins: `"tracing"`,
            `"converting"`, `"checking"`. Default: nothing is called.

    Returns:
        An `ExportReport`: the size, the inputs and outputs, and the largest difference of each output from
        the model's.

    Raises:
        ValueError: if `format` is unknown, if the end of `path` does not suit it, if `model` is not a
            built `keras.Model`, if `portable` or `endpoints` ask for what the format cannot contain, or if
            a signature or `sample` does not fit the model.
        ImportError: if a package that the format needs is missing. The message says what to install.
        FileExistsError: if something that is not an earlier export is at `path`, or if anything is there
            and `overwrite` is False.
        RuntimeError: if Keras does not run on TensorFlow, if the format lacks an operation of the model, if
            the export does not load or its outputs have other names or shapes, if the model cannot be run
            on `sample`, or if `portable` is True and a function in the model was traced with compiled ops
            before.

    Warns:
        UserWarning: if an output differs from the model's by more than rounding explains.

    Example:
        >>> import keras, tempfile
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), tsp.layers.SoftPooling2D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = tsp.export(model, f"{folder}/model", portable=True)
        >>> report.passed, report.custom_ops
        (True, [])
    """
    step = progress or (lambda name: None)
    module = _format(format)
    portable = module is not tf_saved_model if portable is None else bool(portable)
    _check_arguments(model, path, module, portable)
    served = endpoints_of(model, input_signature, endpoints)
    if len(served) > 1 and module is not tf_saved_model:
        raise ValueError(
            f"Only a SavedModel can have more than one endpoint, got {[e.name for e in served]}."
        )
    if sample is not None:
        checking.given_sample(served[0], sample)
    report = ExportReport(str(path), format, portable)
    with complete_or_absent(path, overwrite) as place:
        step("tracing")
        if module is tf_saved_model:
            _trace(model, served, place, portable, report)
        else:
            with tempfile.TemporaryDirectory() as folder:
                _trace(model, served, folder, portable, report)
                step("converting")
                CONVERTED_FORMATS[format].convert(folder, str(place))
        report.size = sum(file.stat().st_size for file in place.parent.rglob("*") if file.is_file())
        if check:
            step("checking")
            _check(report, module, place, served, sample, model)
    if not report.passed:
        wrong = ", ".join(str(d) for d in report.differences if not d.passed)
        warnings.warn(
            f"The exported model at {path} differs from the model by more than rounding explains: {wrong}.",
            stacklevel=2,
        )
    return report


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ValueError(f"`format` must be one of {sorted(FORMATS)}, got {name!r}.")
    return FORMATS[name]


def _check_arguments(
    model: keras.Model, path: str | os.PathLike[str], module: Format, portable: bool
) -> None:
    tf_saved_model.check()
    module.check()
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a `keras.Model`, got {type(model).__name__}.")
    if module is not tf_saved_model and not portable:
        raise ValueError(
            f"Only a SavedModel can contain compiled ops: leave out `portable` for {module.NAME!r}."
        )
    check_place(Path(path), module)


def _trace(
    model: keras.Model,
    endpoints: list[Endpoint],
    folder: str | os.PathLike[str],
    portable: bool,
    report: ExportReport,
) -> None:
    try:
        with use_portable() if portable else contextlib.nullcontext():
            tf_saved_model.write(model, endpoints, folder)
    except TypeError as error:
        if "required argument" not in str(error):
            raise
        raise ValueError(
            "The model takes more arguments than its signature has. Give an `input_signature` with all of "
            f"them. Python says: {error}"
        ) from error
    report.custom_ops = tf_saved_model.custom_ops(folder)
    if portable and report.custom_ops:
        raise RuntimeError(
            "The model cannot be exported with `portable=True`: a function in it was traced before and keeps "
            f"the compiled ops {report.custom_ops}."
        )


def _check(
    report: ExportReport,
    module: Format,
    place: Path,
    endpoints: list[Endpoint],
    sample: Any,
    model: keras.Model,
) -> None:
    try:
        with _as_it_was(model):
            _load_and_compare(report, module, place, endpoints, sample)
    except Exception as error:
        # The message names the temporary path, which is gone when the user reads it.
        reason = plain(error).replace(str(place), report.path)
        raise RuntimeError(
            f"The exported model failed its check and was removed. `check=False` keeps it. {reason}"
        ) from error


def _load_and_compare(
    report: ExportReport, module: Format, place: Path, endpoints: list[Endpoint], sample: Any
) -> None:
    """Loads what was written, and adds its runtime, inputs, outputs and differences to the report."""
    try:
        served = module.Runner(place)
    except ImportError as error:
        report.notes.append(f"The exported model was not checked. {error}")
        return
    report.runtime = served.runtime
    report.inputs = {name: str(info) for name, info in served.inputs.items()}
    report.outputs = {name: str(info) for name, info in served.outputs.items()}
    for number, endpoint in enumerate(endpoints):
        try:
            arguments, expected = checking.outputs_of(endpoint, sample if number == 0 else None)
        except checking.NoSampleError as error:
            report.notes.append(f"The endpoint {endpoint.name!r} was not compared: {error}.")
            continue
        if number:
            served = tf_saved_model.Runner(place, endpoint.name)
        found = served(_by_name(endpoint, arguments))
        report.differences += checking.differences(endpoint, expected, found)


def _by_name(endpoint: Endpoint, arguments: list[Any]) -> dict[str, Any]:
    names = [spec.name for spec in endpoint.specs]
    return dict(zip(names, keras.tree.flatten(arguments), strict=True))


@contextlib.contextmanager
def _as_it_was(model: keras.Model) -> Iterator[None]:
    """Restores the variables that calls in the block may change, such as the states of stateful layers."""
    values = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)
