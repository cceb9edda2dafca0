"""`tf-softpool export` writes a model for serving and compares the result with the model."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tf_softpool.cli.modules import import_modules
from tf_softpool.cli.sample import read_sample
from tf_softpool.rewriting.identify import SAVED_MODEL, identify
from tf_softpool.rewriting.keras_model.files import load_keras_file
from tf_softpool.serving import export
from tf_softpool.serving.formats import FORMATS
from tf_softpool.serving.from_saved_model import export_saved_model
from tf_softpool.serving.steps import Options
from tf_softpool.writing import check_is_free
from tf_softpool_cli.switches import with_switches
from tf_softpool_cli.terminal import Terminal

DIFFERS = 3


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Exports a model and prints the report."""
    import_modules(options.modules)
    name, found = options.format or _format_of(options.out), identify(options.model)
    check_is_free(options.out, options.overwrite)
    # A SavedModel is read while it is traced again.
    steps = 3 if FORMATS[name].SUFFIX == "" or found.kind == SAVED_MODEL else 4
    with terminal.warnings(), terminal.progress(steps) as step:
        sample = None if options.sample is None else read_sample(options.sample)
        common = Options(sample, not options.no_check, options.overwrite, step, options.quantize)
        with _naming(found.path):
            if found.kind == SAVED_MODEL:
                report = export_saved_model(found.path, options.out, name, common)
            else:
                step("reading")
                model, *_ = load_keras_file(found.path, safe_mode=not options.unsafe)
                report = export(model, options.out, name, options.portable or None, **vars(common))
    terminal.has_written = True
    terminal.show(report.to_json(indent=2) if options.json else with_switches(str(report)))
    return 0 if report.passed else DIFFERS


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Names the model's file in errors that do not, because a model in memory has none."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def _format_of(out: str | os.PathLike[str]) -> str:
    """Returns the name of the format whose files end like `out`, or else of the SavedModel."""
    suffix = Path(out).suffix.lower()
    names = [name for name, module in FORMATS.items() if module.SUFFIX and suffix == module.SUFFIX]
    return names[0] if names else "tf_saved_model"
