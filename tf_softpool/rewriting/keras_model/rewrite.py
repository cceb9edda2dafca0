"""All steps of a model in memory: read, find, plan, clone, carry over, compile, check."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from tf_softpool.packages import plain
from tf_softpool.rewriting.keras_model.carry import carry_state
from tf_softpool.rewriting.keras_model.check import Before, check_model
from tf_softpool.rewriting.keras_model.clone import Cloner
from tf_softpool.rewriting.keras_model.compilation import compile_alike
from tf_softpool.rewriting.keras_model.find import ModelSite, find_poolings
from tf_softpool.rewriting.keras_model.named_objects import give_back, objects_by_name
from tf_softpool.rewriting.keras_model.structure import Structure, structure_of
from tf_softpool.rewriting.policy.plan import plan_of
from tf_softpool.rewriting.policy.report import Report
from tf_softpool.rewriting.request import Request


class NotCopiedError(ValueError):
    """The error if a model cannot be copied. Its text does not name the model's file."""


def rewrite_model(model: keras.Model, request: Request) -> tuple[keras.Model, Report]:
    """Returns a copy of a model with other poolings, and a report. A dry run returns the model itself.

    Raises:
        ValueError: if a replacement cannot be made.
        NotCopiedError: if the model has layers that cannot be copied.
    """
    structure = structure_of(model)
    with objects_by_name(structure.operations):
        try:
            new, report = _rewrite(model, structure, request)
        finally:
            give_back(structure.operations)
    give_back(structure_of(new).operations if new is not model else ())
    return new, report


def _rewrite(model: keras.Model, structure: Structure, request: Request) -> tuple[keras.Model, Report]:
    sites = find_poolings(structure, request.rules)
    plan = plan_of(sites, request)
    report = Report(plan.findings, dry_run=request.dry_run)
    if request.dry_run:
        return model, report
    if not plan.replacements:
        report.notes.append(f"No pooling was replaced in model {model.name!r}.")
    with _scope_of(model), _clear_errors(model):
        new = _copy(model, structure, plan.replacements, request, report)
    report.notes = list(dict.fromkeys(report.notes))
    return new, report


def _copy(
    model: keras.Model,
    structure: Structure,
    replacements: dict[ModelSite, keras.Layer],
    request: Request,
    report: Report,
) -> keras.Model:
    """Makes the new model, and adds its check and notes to the report."""
    before = Before.of(model)
    cloner = Cloner(structure, replacements, request.in_place)
    new = cloner.copy(structure.root)
    makers = {site.maker.class_name: None for site in replacements if site.maker is not None}
    report.notes += [
        f"The pooling of {maker} is exchanged in its attributes. Its config does not contain that, so a "
        ".keras file of this model loads with the old pooling. Export a SavedModel instead."
        for maker in makers
    ]
    report.notes += cloner.notes
    pairs = before.pairs_of(carry_state(cloner.kept, list(replacements), report.notes))
    if cloner.changed_in_place:
        # Keras then traces these functions again, with the new pooling.
        model.train_function = model.test_function = model.predict_function = None
    if isinstance(new.dtype_policy, keras.DTypePolicy) and new.dtype_policy.name != model.dtype_policy.name:
        new.dtype_policy = model.dtype_policy
    # The check calls the new model on symbolic input, which builds new poolings that Keras has not built yet.
    report.check = check_model(before, new, pairs, report.notes)
    compile_alike(model, new, pairs, report.notes)
    return new


@contextlib.contextmanager
def _clear_errors(model: keras.Model) -> Iterator[None]:
    """Raises a NotCopiedError for whatever Keras and its layers raise, if it is not about the system.

    Keras builds layers anew, also those of a file that names shapes which they were not built with.
    """
    try:
        yield
    except (OSError, Warning):
        raise
    except ValueError as error:
        raise NotCopiedError(str(error)) from error
    except Exception as error:
        raise NotCopiedError(f"Model {model.name!r} cannot be copied: {plain(error)}") from error


def _scope_of(model: keras.Model) -> Any:
    """Returns the scope of the strategy that a model was made in. Its copy must be made there too."""
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None:
        # Keras does not run on TensorFlow.
        return contextlib.nullcontext()
    import tensorflow as tf

    return contextlib.nullcontext() if strategy is tf.distribute.get_strategy() else strategy.scope()
