"""Models in memory, with their pooling replaced."""

import warnings

import keras
import numpy as np

from tf_softpool.rewriting.keras_model.clone import Copying
from tf_softpool.rewriting.keras_model.find import find_poolings
from tf_softpool.rewriting.keras_model.optimizer import compile_alike
from tf_softpool.rewriting.keras_model.parts import bits, is_graph
from tf_softpool.rewriting.policy.plan import plan_of
from tf_softpool.rewriting.policy.report import Check, Report
from tf_softpool.rewriting.policy.rules import rules_of
from tf_softpool.rewriting.policy.selection import Selection


def replace_pooling(model, replacements, where=None, *, first=None, last=None, in_place=False, dry_run=False):
    """Makes a copy of a model that has other pooling layers, and the same weights.

    Layers keep their names, a layer that is used twice stays one layer, and models and layers inside the
    model (`TimeDistributed`, say) are rewritten too, to any depth. The new layers take over the arguments
    that old and new layers share: window, strides, padding, data format, `keepdims`, dtype policy. The
    given model is not changed and shares no variables with the copy. A compiled model's copy is compiled
    alike, and its optimizer goes on where the old one is, for the variables that both have.

    Args:
        model: a built `keras.Model`. Functional and Sequential models are copied layer by layer; other
            models, and layers that hold layers, are made anew from their configs.
        replacements: dict of what to replace by what. A key is a kind (`"max"`, `"average"`, `"soft"`,
            `"sorted"`, `"detail_preserving"`, `"local_importance"`, `"sum"`, `"power_average"`, `"lp"`,
            `"mixed"`, `"gated"`, `"stochastic"`, `"s3"`, `"global_max"`, `"global_average"`,
            `"global_soft"`) or a layer class; a value is a kind, a layer class, or a function from the old
            layer to a new one. The first key that matches a layer is used. Kinds that learn start as near
            to the `"max"` or `"average"` whose place they take as they can while they still learn, and the
            report's notes say how near: `"mixed"` computes the same, and so do `"sorted"` and
            `"local_importance"` for `"average"`; `"gated"`, and `"sorted"` for `"max"`, give 99.9 % of the
            weight to what was there; `"lp"` and `"detail_preserving"` are near it; `"local_importance"` for
            `"max"` is between max and average; `"s3"` takes the old pooling for its first step.
            `keras.ops.max_pool` and `average_pool` as nodes of a model are replaced as the layers that do
            the same.
        where: which may be replaced: a glob (`"conv*"`) that a layer's name or its path in the model has to
            match, a list of globs, or a function from a layer to whether. Default: all may.
        first: replace only the first so many of those, in the model's order.
        last: replace only the last so many; with `first`, both ends.
        in_place: pooling that a layer or model makes itself, so that its config does not describe it, is
            left alone unless this is True. Then it is exchanged in the attributes that hold it: in the copy,
            or, where a class cannot be made from its config, in the given model itself. What Keras saves of
            such a layer is its config, so a `.keras` file has the old pooling again; a SavedModel does not.
        dry_run: True changes nothing, and returns the report alone.

    Returns:
        The new model, and a `Report` of every pooling layer found, what became of it and why, and what
        was seen of the result; the report alone with `dry_run`.

    Raises:
        ValueError: a key, a value or another argument is not one of these, a replacement cannot be made
            from the layer it is for, or the model is none, or has layers that cannot be copied.

    Warns:
        UserWarning: nothing was replaced, or the copy lacks what the model has: a class, its compilation,
            a config that tells of the new pooling.

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
            f"`model` must be a keras.Model, got {model!r}. Models in files: `replace_pooling_in_file`."
        )
    rules, selection = rules_of(replacements), Selection(where, first, last)
    sites = find_poolings(model, rules)
    plan = plan_of(sites, rules, selection, in_place)
    report = Report([plan[site.key].finding for site in sites], dry_run=dry_run)
    if dry_run:
        return report
    new = _rewritten(model, sites, plan, report, in_place)
    if not report.replaced:
        report.notes.insert(0, f"No pooling was replaced in model {model.name!r}.")
    for note in report.notes:
        warnings.warn(note, stacklevel=2)
    return new, report


def _rewritten(model, sites, plan, report, in_place):
    """The new model; the report gets notes and a check."""
    sites = [site for site in sites if plan[site.key].layer is not None]
    chosen = {site.key: plan[site.key].layer for site in sites}
    copying = Copying(chosen, {id(part) for site in sites for part in site.chain}, in_place)
    shapes, variables = _output_shapes(model), list(model.variables)
    new = copying.copy(model)
    pairs = copying.carry_state()
    if copying.changed_in_place:
        # They are traced again, with the new pooling.
        model.train_function = model.test_function = model.predict_function = None
    makers = {type(site.maker).__name__: None for site in sites if site.maker is not None}
    for maker in makers:
        report.notes.append(
            f"{maker} has its pooling exchanged in its attributes: its config does not tell of that, and a "
            ".keras file of this model loads with the old pooling. Export a SavedModel instead."
        )
    report.notes += copying.notes
    if isinstance(new.dtype_policy, keras.DTypePolicy) and new.dtype_policy.name != model.dtype_policy.name:
        new.dtype_policy = model.dtype_policy
    if note := compile_alike(model, new, pairs):
        report.notes.append(note)
    report.check = _check(variables, new, pairs, shapes)
    return new


def _check(variables, new, pairs, shapes):
    """What is seen of a new model: an old model's variables, and pairs of those with the new ones."""
    pairs = {id(copy): variable for variable, copy in pairs}
    pairs = [(pairs[id(v)], v) for v in new.variables if id(v) in pairs]
    same = [copy for old, copy in pairs if np.array_equal(bits(old), bits(copy))]
    kept = {id(old) for old, _ in pairs}
    shapes_now = _output_shapes(new)
    return Check(
        carried=len(same),
        parameters=sum(int(np.prod(variable.shape)) for variable in same),
        added=len(new.variables) - len(pairs),
        dropped=sum(id(variable) not in kept for variable in variables),
        changed=len(pairs) - len(same),
        shapes_equal=None if None in (shapes, shapes_now) else shapes == shapes_now,
    )


def _output_shapes(model):
    """The shapes of a model's outputs, or None where it does not know them."""
    try:
        if is_graph(model):
            outputs = model.outputs
        else:
            shape = model.get_build_config()["input_shape"]
            outputs = keras.tree.flatten(model.compute_output_spec(keras.KerasTensor(shape)))
        return [tuple(output.shape) for output in outputs]
    except Exception:
        return None
