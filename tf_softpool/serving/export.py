"""The export of models for serving, with a check that the result does what the model does."""

import contextlib
import functools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from tf_softpool.ops.dispatch import portable as use_portable
from tf_softpool.ops.portable.runtimes import LITERT_INT8, traced_for
from tf_softpool.serving.endpoints import Endpoint, endpoints_of
from tf_softpool.serving.formats import Format, format_named, tf_saved_model
from tf_softpool.serving.places import check_place
from tf_softpool.serving.quantizing import check_quantize, check_sizes
from tf_softpool.serving.report import ExportReport
from tf_softpool.serving.steps import Options, Source, write_export


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
    quantize: str | None = None,
) -> ExportReport:
    """Writes a model for serving, loads the result, and compares its outputs with the model's.

    The result is loaded into the runtime of its format, if that is installed, and run on sample input. The
    export appears at `path` complete or not at all. If outputs differ from the model's by more than rounding
    explains, the export is kept and a warning is given.

    An input keeps its name if this begins with a letter, has only ASCII letters, digits and underscores, and
    is no keyword of Python. Other names are made fit as TensorFlow does it: `my-input` becomes `my_input`,
    and `0_image` becomes `arg_0_image`. Names that would then be equal get a number. The report's notes tell
    the old and the new names.

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
            first endpoint's argument. A list of arguments if the first endpoint takes several. Or a dict with
            an array for each input, by its name in the model or in the export. Default: random numbers.
        check: bool. False writes the export without loading and comparing it. Default: True.
        overwrite: bool. Whether an earlier export at `path` may be replaced. Default: True.
        progress: callable. Called with the name of each step as the step begins: `"tracing"`,
            `"converting"`, `"checking"`. Default: nothing is called.
        quantize: str or None. `"int8"`, only with the format `"litert"`, writes a model that computes in
            8-bit integers. Its inputs and outputs stay as they are. It needs a `sample` of some hundred
            typical inputs, which set the ranges of the integers, and fixed sizes but for the batch. Default:
            None, which keeps the types of the model.

    Returns:
        An `ExportReport`: the size, the inputs and outputs, and the largest difference of each output from
        the model's.

    Raises:
        ValueError: if `format` is unknown, if the end of `path` does not suit it, if `model` is not a
            built `keras.Model`, if `portable` or `endpoints` ask for what the format cannot contain, or if
            a signature or `sample` does not fit the model. If `quantize` is not as described, or a pooling
            of the model cannot be quantized: one of 16-bit types, with a mask, or with open sizes.
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
    module = format_named(format)
    portable = module is not tf_saved_model if portable is None else bool(portable)
    _check_arguments(model, path, module, portable)
    check_quantize(quantize, format, sample)
    served = endpoints_of(model, input_signature, endpoints)
    if len(served) > 1 and module is not tf_saved_model:
        raise ValueError(
            f"Only a SavedModel can have more than one endpoint, got {[e.name for e in served]}."
        )
    if quantize:
        check_sizes(served[0])
    runtime = LITERT_INT8 if quantize else format
    trace = functools.partial(_trace, model, runtime if portable else None)
    source = Source(served, trace, model.non_trainable_variables)
    report = ExportReport(str(path), format, portable, quantize)
    write_export(source, report, module, Options(sample, check, overwrite, progress, quantize))
    return report


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


def _trace(model: keras.Model, runtime: str | None, endpoints: list[Endpoint], folder: Path) -> None:
    """Writes endpoints to a SavedModel, in standard operations that are fit for a runtime if there is one."""
    try:
        with contextlib.ExitStack() as stack:
            if runtime:
                stack.enter_context(use_portable())
                stack.enter_context(traced_for(runtime))
            tf_saved_model.write(model, endpoints, folder)
    except TypeError as error:
        if "required argument" not in str(error):
            raise
        raise ValueError(
            "The model takes more arguments than its signature has. Give an `input_signature` with all of "
            f"them. Python says: {error}"
        ) from error
    except ValueError as error:
        if not (found := re.search(r"'(.*)' is not a valid (?:root )?scope name", str(error))):
            raise
        raise ValueError(
            f"The model cannot be exported: TensorFlow's graphs cannot hold the name {found[1]!r} of a layer "
            "or variable. Make the model with other names of layers: ASCII letters and digits, and after the "
            "first of them also _ . / > or -."
        ) from error
    if runtime and (kept := tf_saved_model.custom_ops(folder)):
        raise RuntimeError(
            "The model cannot be exported with `portable=True`: a function in it was traced before and keeps "
            f"the compiled ops {kept}."
        )
