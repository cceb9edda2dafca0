"""The public functions: models in memory and on disk, with their pooling replaced."""

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import keras

from tf_softpool.rewriting.identify import KERAS, identify
from tf_softpool.rewriting.keras_model.files import rewrite_keras_file
from tf_softpool.rewriting.keras_model.rewrite import rewrite_model
from tf_softpool.rewriting.policy.report import Report
from tf_softpool.rewriting.policy.rules import Replacement
from tf_softpool.rewriting.request import FileRequest, Request
from tf_softpool.writing import check_is_free

Replacements = dict[str | type[keras.Layer], Replacement]
Where = str | Collection[str] | Callable[[keras.Layer], bool] | None


@overload
def replace_pooling(
    model: keras.Model,
    replacements: Replacements,
    where: Where = None,
    *,
    first: int | None = None,
    last: int | None = None,
    in_place: bool = False,
    dry_run: Literal[False] = False,
) -> tuple[keras.Model, Report]: ...


@overload
def replace_pooling(
    model: keras.Model,
    replacements: Replacements,
    where: Where = None,
    *,
    first: int | None = None,
    last: int | None = None,
    in_place: bool = False,
    dry_run: Literal[True],
) -> Report: ...


def replace_pooling(
    model: keras.Model,
    replacements: Replacements,
    where: Where = None,
    *,
    first: int | None = None,
    last: int | None = None,
    in_place: bool = False,
    dry_run: bool = False,
) -> tuple[keras.Model, Report] | Report:
    """Makes a copy of a model with other pooling layers and the same weights.

    Layers keep their names. A layer that is used twice stays one layer. Models and layers inside the model,
    such as `TimeDistributed`, are rewritten too, to any depth. A new layer takes over the arguments that it
    shares with the old one: window, strides, padding, output size, data format, `keepdims`, dtype policy. The
    given model is not changed, and shares no variables with the copy. The copy of a compiled model is
    compiled in the same way. Its optimizer continues from the state of the old one, for the variables that
    both models have.

    Args:
        model: a built `keras.Model`. Functional and Sequential models are copied layer by layer. Other
            models, and layers that hold layers, are made anew from their configs.
        replacements: dict. A key says what to replace, and its value what to replace it with. A key is a
            layer class or a kind: `"max"`, `"average"`, `"soft"`, `"sorted"`, `"detail_preserving"`,
            `"local_importance"`, `"sum"`, `"power_average"`, `"lp"`, `"mixed"`, `"gated"`, `"stochastic"`,
            `"s3"`, `"median"`. Global and adaptive poolings are other kinds, such as `"global_max"` and
            `"adaptive_max"`; `"gated"` and `"s3"` have none. A value is a kind, a layer class, or
            a function that takes the old layer and returns a new one. As a value, `"soft"` also stands for
            `"global_soft"` and `"adaptive_soft"`, whichever the old layer needs. The first key that matches
            a layer counts. Pooling operations in a model, such as `keras.ops.max_pool`, match like the layers
            that do the same.
        where: a glob such as `"conv*"`, a list of globs, or a function that takes a layer and returns True if
            it may be replaced. A glob must match the layer's name or its path in the model. Default: every
            layer.
        first: int: replace only the first N of the poolings that `replacements` and `where` allow, in the
            model's order.
        last: int: replace only the last N of these poolings. With `first`, both ends are replaced.
        in_place: bool: whether to replace poolings that a layer or model makes itself, without a description
            in its config. True exchanges them in the attributes of the copy. If a layer or model cannot be
            made anew from its config, True exchanges them in the given model itself. Keras saves such a layer
            as its config, so a `.keras` file of the new model loads with the old pooling. A SavedModel keeps
            the new one. Default: False.
        dry_run: bool: True changes nothing, and returns only the report. Default: False.

    Returns:
        The new model and a `Report`, or only the report with `dry_run`. The report lists every pooling that
        was found, what became of it and why, and a comparison of the new model with the old one.

        Kinds that learn start as near as they can to the `"max"` or `"average"` that they replace, and the
        report's notes say how near. `"mixed"` starts exactly as the old pooling, and so do `"sorted"` and
        `"local_importance"` for `"average"`. `"gated"`, and `"sorted"` for `"max"`, start with 99.9 % of the
        weight on the old pooling. `"lp"` and `"detail_preserving"` start near it. `"local_importance"` for
        `"max"` starts between max and average. `"s3"` has the old pooling as its first step.

    Raises:
        ValueError: if an argument is not as described, a replacement cannot be made from the layer that it is
            for, or the model has layers that cannot be copied.

    Warns:
        UserWarning: if nothing was replaced, or the copy lacks something that the model has, such as its
            class, its compilation, or a config that describes the new pooling.

    Example:
        >>> import keras
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
        >>> new, report = tsp.replace_pooling(model, {"max": "soft"})
        >>> type(new.layers[0]).__name__, len(report.replaced)
        ('SoftPooling2D', 1)
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a keras.Model, got {model!r}. For a model on disk, call "
            "`replace_pooling_in_file`."
        )
    request = Request.of(replacements, where, first, last, in_place=in_place, dry_run=dry_run)
    new, report = rewrite_model(model, request)
    report.warn(stacklevel=3)
    return report if dry_run else (new, report)


def replace_pooling_in_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    replacements: Replacements,
    where: Where = None,
    *,
    first: int | None = None,
    last: int | None = None,
    dry_run: bool = False,
    overwrite: bool = False,
    portable: bool = False,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Writes a copy of a model on disk, with other pooling and the same weights.

    A Keras file is loaded, rewritten as by `replace_pooling`, saved, loaded again and compared. A SavedModel
    of any program is rewritten in its graphs: the nodes `MaxPool`, `AvgPool`, `MaxPool3D`, `AvgPool3D` and
    our own SoftPool, in the main graph and in every function, with their gradients. Its signatures, variables
    and assets are copied unchanged, and the result is loaded as a check. New variables cannot be added to a
    SavedModel's graph, so it can only get poolings without variables. The original is never changed. The
    result appears complete or not at all.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel folder of TensorFlow 1 or 2.
        out: where to write. For a Keras file: a file that ends in `.keras` or `.h5`. For a SavedModel: a
            folder. It may be None with `dry_run`.
        replacements: as for `replace_pooling`. Classes and functions see a node of a graph as the Keras layer
            that does the same.
        where: as for `replace_pooling`. The node `model/conv1_pool/MaxPool2d` of function `call` has the name
            `conv1_pool` and the path `call:model/conv1_pool/MaxPool2d`.
        first: as for `replace_pooling`. A SavedModel's poolings are counted in each function.
        last: as `first`.
        dry_run: bool: True writes nothing.
        overwrite: bool: True replaces what is at `out`, once the result is complete.
        portable: bool: True puts standard operations in a SavedModel's graph, so that it loads without our
            library.
        custom_objects: dict of names to classes or functions that a Keras file needs.
        safe_mode: bool: False lets Keras run code in the file's `Lambda` layers.
        progress: a function that is called with the name of each step when it begins: `"reading"`,
            `"replacing"`, `"writing"`, `"checking"`.

    Returns:
        A `Report`. Nothing is written if nothing was replaced.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        FileExistsError: if there is something at `out`, and `overwrite` is False.
        OSError: if `out` cannot be written.
        ValueError: if there is no model at `path`, or a broken one, or one that needs code or ops that are
            not loaded; if an argument is not as described; if the result cannot be loaded.

    Warns:
        UserWarning: as for `replace_pooling`.

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
    path, out = Path(path), None if out is None else Path(out)
    _check_places(path, out, dry_run)
    options = {} if progress is None else {"step": progress}
    request = FileRequest.of(
        replacements,
        where,
        first,
        last,
        path=path,
        out=out,
        dry_run=dry_run,
        overwrite=overwrite,
        portable=portable,
        custom_objects=custom_objects,
        safe_mode=safe_mode,
        **options,
    )
    return rewrite_file(request)


def rewrite_file(request: FileRequest) -> Report:
    """Does what `replace_pooling_in_file` describes, for a request that has been built."""
    _check_places(request.path, request.out, request.dry_run)
    if request.out is not None:
        check_is_free(request.out, request.overwrite)
    found = identify(request.path)
    request = replace(request, path=found.path)
    if found.kind == KERAS:
        return rewrite_keras_file(request)
    # It imports TensorFlow, which other backends of Keras do without.
    from tf_softpool.rewriting.saved_model.files import rewrite_saved_model

    return rewrite_saved_model(request)


def _check_places(path: Path, out: Path | None, dry_run: bool) -> None:
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if out is None and not dry_run:
        raise ValueError("`out` must say where to write, unless this is a dry run.")
