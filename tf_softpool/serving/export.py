"""Models written for serving, and compared with what was written."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import keras

from tf_softpool.ops.dispatch import portable as use_portable
from tf_softpool.serving import checking
from tf_softpool.serving.endpoints import endpoints_of
from tf_softpool.serving.formats import FORMATS, tf_saved_model
from tf_softpool.serving.packages import plain
from tf_softpool.serving.places import check_place
from tf_softpool.serving.report import ExportReport
from tf_softpool.writing import complete_or_absent


def export(
    model,
    path,
    format="tf_saved_model",
    portable=None,
    *,
    input_signature=None,
    endpoints=None,
    sample=None,
    check=True,
    overwrite=True,
    progress=None,
):
    """Writes a model for serving, and compares what was written with the model.

    What is written is loaded in the runtime of its format, if that is installed, and run on sample input.
    It appears complete or not at all; what was not the same as the model is kept, and warned of.

    Args:
        model: a built `keras.Model`. Preprocessing and postprocessing layers in it are part of the graph.
        path: where to write: a folder for a SavedModel, and else a file that ends in `.onnx`, `.tflite`
            (LiteRT) or `.xml` (OpenVINO, which writes a `.bin` file beside it).
        format: `"tf_saved_model"`, `"onnx"`, `"litert"` or `"openvino"`.
        portable: False keeps our compiled ops in the graph, which only a SavedModel can: it is as fast as
            the model, and whoever loads it loads the op library first. True writes standard operations
            only. Default: True for all formats but a SavedModel.
        input_signature: as of `keras.Model.export`: a list with an item for each argument of the model,
            each a `keras.InputSpec`, `tf.TensorSpec`, `KerasTensor`, or a structure of them. Default: the
            model's inputs, as open or fixed as they are.
        endpoints: dict of names to tuples of a function, which calls the model, and its `input_signature`:
            what is exported in the place of the model itself, with what comes before and after it. The first
            is the signature `serving_default`, and the only one but in a SavedModel.
        sample: what the model is compared on: what it takes, as arrays; a list of arguments where
            the first endpoint has several. Default: random numbers.
        check: False writes it and does not load it.
        overwrite: whether an earlier export at `path` is replaced.
        progress: a function that is called with the name of each step that begins: `"tracing"`,
            `"converting"`, `"checking"`.

    Returns:
        An `ExportReport`: sizes, signature, and the largest difference of each output from the model's.

    Raises:
        ValueError: another format, a path that does not end as its files do, a model that has not been
            built, or a signature or sample that is not one of it.
        ImportError: a package is missing that the format needs: says which to install.
        FileExistsError: something else is at `path`, or `overwrite` is False.
        RuntimeError: Keras does not run on TensorFlow; the model has operations that the format does not
            have; what was written does not load, or has other outputs; or `portable` was asked for and one of
            our ops is in the graph all the same, from a function that was traced before.

    Warns:
        UserWarning: an output differs from the model's by more than rounding explains.

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
        raise ValueError(f"Only a SavedModel has several endpoints, got {[e.name for e in served]}.")
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
                module.convert(folder, str(place))
        report.size = sum(file.stat().st_size for file in place.parent.rglob("*") if file.is_file())
        if check:
            step("checking")
            _check(report, module, place, served, sample, model)
    if not report.passed:
        wrong = ", ".join(str(d) for d in report.differences if not d.passed)
        warnings.warn(f"The exported model at {path} differs from the model: {wrong}.", stacklevel=2)
    return report


def _format(name):
    if name not in FORMATS:
        raise ValueError(f"`format` must be one of {sorted(FORMATS)}, got {name!r}.")
    return FORMATS[name]


def _check_arguments(model, path, module, portable):
    tf_saved_model.check()
    module.check()
    if not isinstance(model, keras.Model):
        raise ValueError(f"What is exported must be a `keras.Model`, got {type(model).__name__}.")
    if module is not tf_saved_model and not portable:
        raise ValueError(
            f"Only a SavedModel can have compiled ops in it: leave out `portable` for {module.NAME}."
        )
    check_place(Path(path), module)


def _trace(model, endpoints, folder, portable, report):
    try:
        with use_portable() if portable else contextlib.nullcontext():
            tf_saved_model.write(model, endpoints, folder)
    except TypeError as error:
        if "required argument" not in str(error):
            raise
        raise ValueError(
            f"The model takes more than its signature has: give `input_signature` ({error})."
        ) from error
    report.custom_ops = tf_saved_model.custom_ops(folder)
    if portable and report.custom_ops:
        raise RuntimeError(
            f"The model is not portable: a function in it was traced before, with {report.custom_ops}."
        )


def _check(report, module, place, endpoints, sample, model):
    try:
        with _as_it_was(model):
            _load_and_compare(report, module, place, endpoints, sample)
    except Exception as error:
        # What it says is of a place that is gone when it is read.
        reason = plain(error).replace(str(place), report.path)
        raise RuntimeError(
            "What was written does not do what the model does, and is removed; check=False keeps it. "
            + reason
        ) from error


def _load_and_compare(report, module, place, endpoints, sample):
    """Loads what was written, and puts what it is, and how it compares, into the report."""
    try:
        served = module.Runner(place)
    except ImportError as error:
        report.notes.append(f"Not loaded as a check. {error}")
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


def _by_name(endpoint, arguments):
    names = [spec.name for spec in endpoint.specs]
    return dict(zip(names, keras.tree.flatten(arguments), strict=True))


@contextlib.contextmanager
def _as_it_was(model):
    """Gives variables that a call changes, as those of layers with a state, the values that they had."""
    values = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)
