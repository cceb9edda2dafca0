"""`tf-softpool export`: a Keras file, written for serving, and compared with what was written."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from tf_softpool.cli.options import add_loading_options, add_output_options, import_modules
from tf_softpool.rewriting.keras_model.files import is_keras_file, load_keras_file
from tf_softpool.rewriting.request import KERAS_SUFFIXES
from tf_softpool.serving import export
from tf_softpool.serving.formats import FORMATS
from tf_softpool.writing import check_is_free

DIFFERS = 3
_EPILOG = (
    "Exit codes: 0 it was written, and what was compared is as the model's, 1 an error, 2 bad usage, 3 it "
    "was written, and differs from the model by more than rounding explains."
)


def add_parser(commands):
    """Adds this command to the command line's."""
    parser = commands.add_parser(
        "export", help="write a model for serving", description=__doc__, epilog=_EPILOG
    )
    parser.add_argument("model", help="a .keras or .h5 file")
    parser.add_argument("out", help="where to write: a folder, or a .onnx, .tflite or .xml file")
    parser.add_argument("--format", choices=sorted(FORMATS), help="default: what the end of OUT says")
    parser.add_argument(
        "--portable", action="store_true", help="put standard operations in a SavedModel, not ours"
    )
    parser.add_argument(
        "--sample",
        metavar="FILE",
        help="a .npy file, or .npz with an array for each input, to compare on. Default: random numbers",
    )
    parser.add_argument("--no-check", action="store_true", help="do not compare")
    add_output_options(parser)
    add_loading_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options, terminal):
    """Exports a Keras file, and prints the report."""
    import_modules(options.modules)
    path, name = Path(options.model), options.format or _format_of(options.out)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if not is_keras_file(path):
        raise ValueError(
            f"{path} is no Keras file, of {KERAS_SUFFIXES}: other models have no layers to export."
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


def _format_of(out):
    """The name of the format whose files end as this path does."""
    suffix = Path(out).suffix.lower()
    names = [name for name, module in FORMATS.items() if module.SUFFIX and suffix == module.SUFFIX]
    return names[0] if names else "tf_saved_model"


def _sample(path, model):
    """Arrays for a model's inputs, from a file of NumPy's."""
    try:
        found = np.load(path, allow_pickle=False)
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npy or .npz file: {error}") from error
    if isinstance(found, np.ndarray):
        return found
    try:
        inputs = model.input
    except AttributeError:
        raise ValueError(
            "The inputs of this model have no names: the sample has to be a .npy file."
        ) from None
    arrays = {name: found[name] for name in found.files}
    names = [tensor.name for tensor in keras.tree.flatten(inputs)]
    if sorted(arrays) != sorted(names):
        raise ValueError(f"{path} must have an array for each of the inputs {names}, it has {list(arrays)}.")
    return keras.tree.map_structure(lambda tensor: arrays[tensor.name], inputs)
