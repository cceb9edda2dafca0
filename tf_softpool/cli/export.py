"""`tf-softpool export` writes a Keras file for serving and compares the result with the model."""

import argparse
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tf_softpool.cli.options import add_loading_options, add_output_options, import_modules
from tf_softpool.cli.terminal import Terminal
from tf_softpool.rewriting.keras_model.files import is_keras_file, load_keras_file
from tf_softpool.rewriting.request import KERAS_SUFFIXES
from tf_softpool.serving import export
from tf_softpool.serving.formats import FORMATS
from tf_softpool.writing import check_is_free

if TYPE_CHECKING:
    from tf_softpool.cli.options import Commands

DIFFERS = 3
_EPILOG = (
    "Exit codes: 0 if the export was written and no output that was compared differs from the model's, 1 "
    "after an error, 2 for bad usage, 3 if the export was written but differs from the model by more than "
    "rounding explains."
)


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "export", help="write a model for serving", description=__doc__, epilog=_EPILOG
    )
    parser.add_argument("model", help="the model to export: a .keras or .h5 file")
    parser.add_argument("out", help="where to write: a SavedModel folder, or a .onnx, .tflite or .xml file")
    parser.add_argument(
        "--format",
        choices=sorted(FORMATS),
        help="the format to write. Default: the format that has OUT's ending",
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="write a SavedModel of standard operations, without the compiled ops of tf_softpool",
    )
    parser.add_argument(
        "--sample",
        metavar="FILE",
        help="the input to compare the outputs on: a .npy file, or a .npz file with an array for each input. "
        "Default: random numbers",
    )
    parser.add_argument("--no-check", action="store_true", help="do not load and compare the export")
    add_output_options(parser)
    add_loading_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Exports a Keras file and prints the report."""
    import_modules(options.modules)
    path, name = Path(options.model), options.format or _format_of(options.out)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if not is_keras_file(path):
        raise ValueError(
            f"{path} is not a Keras file ({', '.join(KERAS_SUFFIXES)}). Only a Keras file has layers to "
            "export."
        )
    check_is_free(options.out, options.overwrite)
    with terminal.warnings(), terminal.progress(4 if FORMATS[name].SUFFIX else 3) as step:
        step("reading")
        model, _ = load_keras_file(path, safe_mode=not options.unsafe)
        report = export(
            model,
            options.out,
            name,
            portable=options.portable or None,
            sample=None if options.sample is None else _sample(options.sample, model),
            check=not options.no_check,
            overwrite=options.overwrite,
            progress=step,
        )
    terminal.show(report.to_json(indent=2) if options.json else str(report))
    return 0 if report.passed else DIFFERS


def _format_of(out: str | os.PathLike[str]) -> str:
    """Returns the name of the format whose files end like `out`, or else of the SavedModel."""
    suffix = Path(out).suffix.lower()
    names = [name for name, module in FORMATS.items() if module.SUFFIX and suffix == module.SUFFIX]
    return names[0] if names else "tf_saved_model"


def _sample(path: str | os.PathLike[str], model: keras.Model) -> Any:
    """Returns arrays for the inputs of a model from a .npy or .npz file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a file, or its arrays do not have the names of the inputs.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a .npy or .npz file: {error}") from error
    if isinstance(found, np.ndarray):
        return found
    try:
        inputs = model.input
    except AttributeError:
        raise ValueError(
            f"The inputs of this model have no names, so the sample must be a .npy file, got {path}."
        ) from None
    arrays = {name: found[name] for name in found.files}
    names = [tensor.name for tensor in keras.tree.flatten(inputs)]
    if sorted(arrays) != sorted(names):
        raise ValueError(f"{path} must have an array for each of the inputs {names}, got {list(arrays)}.")
    return keras.tree.map_structure(lambda tensor: arrays[tensor.name], inputs)
