"""The steps of every export, whatever is exported: tracing, converting, and checking the result."""

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from tf_softpool.packages import plain
from tf_softpool.serving import checking, quantizing
from tf_softpool.serving.endpoints import Endpoint
from tf_softpool.serving.formats import CONVERTED_FORMATS, Format, litert, tf_saved_model
from tf_softpool.serving.report import ExportReport
from tf_softpool.writing import complete_or_absent


@dataclass(frozen=True)
class Source:
    """What is exported.

    Attributes:
        endpoints: list of `Endpoint`. The first is the default signature of the export.
        trace: function that takes endpoints and a folder, and writes the endpoints to a SavedModel there.
        variables: list. The variables that a call of an endpoint may change. They are restored.
    """

    endpoints: list[Endpoint]
    trace: Callable[[list[Endpoint], Path], None]
    variables: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """How an export is written and checked. The attributes are arguments of `tf_softpool.export`.

    Attributes:
        sample: as in `tf_softpool.export`.
        check: as in `tf_softpool.export`.
        overwrite: as in `tf_softpool.export`.
        progress: as in `tf_softpool.export`.
        quantize: as in `tf_softpool.export`.
    """

    sample: Any = None
    check: bool = True
    overwrite: bool = True
    progress: Callable[[str], object] | None = None
    quantize: str | None = None

    def step(self, name: str) -> None:
        """Says that a step begins."""
        if self.progress is not None:
            self.progress(name)


def write_export(source: Source, report: ExportReport, module: Format, options: Options) -> None:
    """Writes and checks an export, and completes its report.

    Args:
        source: `Source`.
        report: `ExportReport` with `path`, `format` and `portable`.
        module: the module of the format.
        options: `Options`.

    Raises:
        ValueError: if the sample does not fit the first endpoint.
        FileExistsError: if anything is at the path and may not be replaced.
        RuntimeError: if the format lacks an operation of the model, or the result fails its check.

    Warns:
        UserWarning: if an output differs by more than rounding explains.
    """
    converted = CONVERTED_FORMATS.get(module.NAME)
    # Some formats give inputs other names when the outputs are known. A sample may have these names.
    if options.sample is not None and not (
        isinstance(options.sample, dict) and converted and converted.SHARED_NAMES
    ):
        _check_sample(source.endpoints[0], options)
    with complete_or_absent(report.path, options.overwrite) as place:
        options.step("tracing")
        if converted is None:
            source.trace(source.endpoints, place)
            report.custom_ops = tf_saved_model.custom_ops(place)
        else:
            with tempfile.TemporaryDirectory() as folder:
                source = _traced(source, Path(folder), converted.SHARED_NAMES)
                if options.sample is not None:
                    _check_sample(source.endpoints[0], options)
                options.step("converting")
                _convert(module.NAME, Path(folder) / "model", place, source.endpoints[0], options)
        report.notes += _renamed_inputs(source.endpoints)
        if options.quantize:
            report.notes += quantizing.notes(place)
        report.size = sum(file.stat().st_size for file in place.parent.rglob("*") if file.is_file())
        if options.check:
            options.step("checking")
            _check(report, module, place, source, options)
    if not report.passed:
        wrong = ", ".join(str(d) for d in report.differences if not d.passed)
        warnings.warn(
            f"The exported model at {report.path} differs from the model by more than rounding explains: "
            f"{wrong}.",
            stacklevel=3,
        )


def _traced(source: Source, folder: Path, shared_names: bool) -> Source:
    """Writes a SavedModel for a converter, and returns what it has, perhaps with other names of inputs.

    Args:
        source: `Source`.
        folder: where to write the SavedModel, as `model`.
        shared_names: bool. Whether no input may have the name of an output.
    """
    place = folder / "model"
    source.trace(source.endpoints, place)
    inputs, outputs = tf_saved_model.signature_names(place)
    if not shared_names or set(inputs).isdisjoint(outputs):
        return source
    place.rename(folder / "first")
    source = replace(source, endpoints=[endpoint.without(outputs) for endpoint in source.endpoints])
    source.trace(source.endpoints, place)
    return source


def _check_sample(endpoint: Endpoint, options: Options) -> None:
    """Raises a ValueError if the sample does not fit an endpoint."""
    if options.quantize:
        quantizing.batches(endpoint, options.sample)
    else:
        checking.given_sample(endpoint, options.sample)


def _convert(format: str, folder: Path, place: Path, endpoint: Endpoint, options: Options) -> None:
    """Converts a SavedModel. What a converter raises becomes a RuntimeError."""
    try:
        if options.quantize:
            calls = quantizing.batches(endpoint, options.sample)
            litert.convert(folder, str(place), [quantizing.named(endpoint, call) for call in calls])
        else:
            CONVERTED_FORMATS[format].convert(folder, str(place))
    except (ImportError, OSError, RuntimeError):
        raise
    except Exception as error:
        raise RuntimeError(f"The model cannot be converted to {format}: {plain(error)}") from error


def _renamed_inputs(endpoints: list[Endpoint]) -> list[str]:
    """Returns a note for each input that has another name in the export than in the model."""
    places = [f" of the endpoint {e.name!r}" if len(endpoints) > 1 else "" for e in endpoints]
    return [
        f"The input {old!r}{place} is called {new!r} in the exported model."
        for endpoint, place in zip(endpoints, places, strict=True)
        for old, new in endpoint.renamed
    ]


def _check(report: ExportReport, module: Format, place: Path, source: Source, options: Options) -> None:
    try:
        with _as_they_were(source.variables):
            _load_and_compare(report, module, place, source.endpoints, options)
    except Exception as error:
        # The message names the temporary path, which is gone when the user reads it.
        reason = plain(error).replace(str(place), report.path)
        raise RuntimeError(
            f"The exported model failed its check and was removed. `check=False` keeps it. {reason}"
        ) from error


def _load_and_compare(
    report: ExportReport, module: Format, place: Path, endpoints: list[Endpoint], options: Options
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
    if options.quantize:
        calls = quantizing.batches(endpoints[0], options.sample)
        report.differences += quantizing.differences(endpoints[0], calls, served)
        return
    for number, endpoint in enumerate(endpoints):
        try:
            arguments, expected = checking.outputs_of(endpoint, options.sample if number == 0 else None)
        except checking.NoSampleError as error:
            report.notes.append(f"The endpoint {endpoint.name!r} was not compared: {error}.")
            continue
        if number:
            served = tf_saved_model.Runner(place, endpoint.name)
        found = served(dict(zip(endpoint.names, keras.tree.flatten(arguments), strict=True)))
        report.differences += checking.differences(endpoint, expected, found)


@contextlib.contextmanager
def _as_they_were(variables: list[Any]) -> Iterator[None]:
    """Restores the variables that calls in the block may change, such as the states of stateful layers."""
    values = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)
