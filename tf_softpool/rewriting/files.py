"""Models on disk, with their pooling replaced."""

import contextlib
import shutil
import warnings
from pathlib import Path

from tf_softpool.ops.dispatch import portable as use_portable
from tf_softpool.rewriting.keras_model.files import (
    SUFFIXES,
    check_keras_file,
    is_keras_file,
    load_keras_file,
    save_keras_file,
)
from tf_softpool.rewriting.models import replace_pooling
from tf_softpool.rewriting.policy.rules import rules_of
from tf_softpool.rewriting.policy.selection import Selection
from tf_softpool.writing import check_is_free, complete_or_absent


def replace_pooling_in_file(
    path,
    out,
    replacements,
    where=None,
    *,
    first=None,
    last=None,
    dry_run=False,
    overwrite=False,
    portable=False,
    custom_objects=None,
    safe_mode=True,
    progress=None,
):
    """Writes a model on disk once more, with other pooling and the same weights.

    A Keras file is loaded, rewritten as by `replace_pooling`, saved, loaded again and compared. Of a
    SavedModel, whoever wrote it, the graphs themselves are rewritten: the nodes `MaxPool`, `AvgPool`,
    `MaxPool3D`, `AvgPool3D` and our own SoftPool, in the main graph and in every function, and their
    gradients with them. Its signatures, variables and assets are copied as they are, and the result is
    loaded as a check. A SavedModel's graph has no place for new variables: only poolings without them can
    be put there. What is read is never changed; what is written appears complete or not at all.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel folder, of TensorFlow 1 or 2.
        out: where to write: a file that ends in `.keras` or `.h5` for a Keras file, a folder for a
            SavedModel. May be None with `dry_run`.
        replacements: as of `replace_pooling`. Nodes of a graph are shown to classes and functions as the
            Keras layers that do the same.
        where: as of `replace_pooling`. The node `model/conv1_pool/MaxPool2d` of function `call` is named
            `conv1_pool`, and its path is `call:model/conv1_pool/MaxPool2d`.
        first: as of `replace_pooling`. A SavedModel's poolings are counted in each function.
        last: the same.
        dry_run: True writes nothing.
        overwrite: True replaces what is at `out`, when the new is complete.
        portable: True puts standard operations in a SavedModel's graph, which load without our library.
        custom_objects: dict of names to classes or functions that a Keras file needs.
        safe_mode: False lets Keras run code that a file holds, in `Lambda` layers.
        progress: a function that is called with the name of each step that begins: `"reading"`,
            `"replacing"`, `"writing"`, `"checking"`.

    Returns:
        A `Report`. Nothing is written where nothing was replaced.

    Raises:
        FileNotFoundError: nothing is at `path`.
        FileExistsError: something is at `out`, and `overwrite` is not given.
        OSError: `out` cannot be written.
        ValueError: what is at `path` is no model, or a broken one, or one that needs code or ops that are
            not here; an argument is not one of these; what was written does not load.

    Warns:
        UserWarning: as `replace_pooling`.

    Example:
        >>> import keras, tempfile
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/max.keras")
        ...     report = tsp.replace_pooling_in_file(
        ...         f"{folder}/max.keras", f"{folder}/soft.keras", {"max": "soft"}
        ...     )
        ...     soft = keras.models.load_model(f"{folder}/soft.keras")
        >>> type(soft.layers[0]).__name__, len(report.replaced)
        ('SoftPooling2D', 1)
    """
    step = progress or (lambda name: None)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if out is None and not dry_run:
        raise ValueError("`out` must say where to write, unless this is a dry run.")
    choice = {"where": where, "first": first, "last": last}
    rules, selection = rules_of(replacements), Selection(**choice)
    if out is not None:
        check_is_free(out, overwrite)
    if is_keras_file(path):
        if portable:
            raise ValueError("`portable` is for SavedModels: a Keras file holds layers.")
        loading = {"custom_objects": custom_objects, "safe_mode": safe_mode}
        return _rewrite_keras(path, out, replacements, choice, dry_run, overwrite, loading, step)
    return _rewrite_saved_model(path, out, rules, selection, dry_run, overwrite, portable, step)


def _rewrite_keras(path, out, replacements, choice, dry_run, overwrite, loading, step):
    if out is not None and Path(out).suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"A Keras model is written to a file that ends in one of {SUFFIXES}, got {out}. For a "
            "SavedModel: `tsp.export(keras.models.load_model(path), out)`, and rewrite that, or the other "
            "way round."
        )
    if out is not None and Path(out).is_dir():
        raise ValueError(f"{out} is a folder, which no file takes the place of.")
    step("reading")
    model, note = load_keras_file(path, **loading)
    step("replacing")
    if dry_run:
        return replace_pooling(model, replacements, dry_run=True, **choice)
    new, report = replace_pooling(model, replacements, **choice)
    if note:
        report.notes.append(note)
        warnings.warn(note, stacklevel=3)
    if report.replaced:
        with complete_or_absent(out, overwrite, path) as place:
            step("writing")
            save_keras_file(new, place)
            if path.is_file():
                shutil.copymode(path, place)
            step("checking")
            check_keras_file(new, place, **loading)
    return report


def _rewrite_saved_model(path, out, rules, selection, dry_run, overwrite, portable, step):
    from tf_softpool.rewriting.saved_model.files import SavedModel, is_saved_model

    if not is_saved_model(path):
        raise ValueError(f"{path} is neither a Keras file nor a SavedModel folder.")
    if out is not None and Path(out).suffix.lower() in SUFFIXES:
        raise ValueError(f"A SavedModel is written to a folder, got {out}.")
    if out is not None and Path(out).exists() and not is_saved_model(out):
        raise ValueError(f"{out} is not a SavedModel, so none takes its place: remove it yourself.")
    step("reading")
    saved_model = SavedModel(path)
    step("replacing")
    with use_portable() if portable else contextlib.nullcontext():
        report = saved_model.rewrite(rules, selection, dry_run)
    if report.replaced and not dry_run:
        with complete_or_absent(out, overwrite, path) as place:
            step("writing")
            saved_model.write(place)
            step("checking")
            report.check = saved_model.check(place)
    elif not dry_run:
        report.notes.append(f"No pooling was replaced in {path}.")
    for note in report.notes:
        warnings.warn(note, stacklevel=3)
    return report
