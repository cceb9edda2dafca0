"""Models in memory, with their pooling replaced."""

import contextlib
import tempfile
import warnings
from dataclasses import replace

import keras

from tf_softpool.ops.dispatch import PoolNode
from tf_softpool.ops.soft_pool import SoftPool
from tf_softpool.rewriting.report import Finding, Report
from tf_softpool.rewriting.rules import Rule, kind_of


def replace_pooling(model, replacements, where=None):
    """Makes a copy of a model that has other pooling layers, and the same weights.

    Layers keep their names, a layer that is used twice stays one layer, and models inside the model
    are rewritten too, to any depth. The new layers take over the arguments that old and new layers
    share: window, strides, padding, data format, `keepdims`, dtype policy. The given model is not
    changed and shares no variables with the copy. A compiled model's copy is compiled alike, with a
    fresh optimizer.

    Args:
        model: a Functional or Sequential `keras.Model`.
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
        where: a function from a layer to whether it may be replaced. Default: all may.

    Returns:
        The new model, and a `Report` of every pooling layer found, what became of it and why.

    Raises:
        ValueError: a key or value is not one of these, a replacement cannot be made from the layer
            it is for, or the model is neither Functional nor Sequential, or of a class of its own
            that defines more than its layers (`call`, `train_step`, ...).

    Warns:
        UserWarning: nothing was replaced, or Keras could not compile the copy as the model is.

    Example:
        >>> import keras
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
        >>> new, report = tsp.replace_pooling(model, {"max": "soft"})
        >>> type(new.layers[0]).__name__, len(report.replaced)
        ('SoftPooling2D', 1)
    """
    if not _is_graph(model):
        raise ValueError(
            "A Functional or Sequential model can be rewritten, whose class adds no behaviour of its "
            f"own, got {type(model).__name__}."
        )
    if not isinstance(replacements, dict):
        raise ValueError(f"Replacements must be a dict of what to replace by what, got {replacements!r}.")
    rewriting = _Rewriting([Rule(*item) for item in replacements.items()], where)
    rewriting.find(model, "")
    new = rewriting.copy(model)
    rewriting.copy_state()
    _compile_alike(model, new)
    if not rewriting.report.replaced:
        warnings.warn(
            f"No pooling was replaced in model {model.name!r}: {rewriting.report}.",
            stacklevel=2,
        )
    return new, rewriting.report


# What a class must not define for its instances to be no more than the layers they hold.
_BEHAVIOUR = ("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


def _is_graph(layer):
    """Whether a layer is a model that can be copied layer by layer: Functional or Sequential, and not
    of a class that adds behaviour of its own.
    """
    if not isinstance(layer, keras.Model):
        return False
    for cls in type(layer).__mro__:
        if cls is keras.Sequential or (cls.__module__.startswith("keras.") and hasattr(layer, "operations")):
            return True
        if any(name in vars(cls) for name in _BEHAVIOUR):
            return False
    return False


def _inner_layers(layer):
    """The layers that a layer keeps in its attributes, alone or in lists and dicts."""
    values = list(vars(layer).values())
    seen = set()
    while values:
        value = values.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, keras.Layer):
            yield value
        elif isinstance(value, list | tuple):
            values.extend(value)
        elif isinstance(value, dict):
            values.extend(value.values())


class _Rewriting:
    """One call of `replace_pooling`: what was found, and the copies made."""

    def __init__(self, rules, where):
        self.rules = rules
        self.where = where
        self.report = Report()
        self.replaced = {}  # old layer's id -> the rule for it
        self.kept = []  # (old, new) layers that are the same but for their variables
        self.copies = {}  # old operation's id -> its copy, one for all models that use it
        self.seen = set()
        self.seen_hidden = set()

    def find(self, model, prefix):
        """Looks at every layer of a model, and decides."""
        for operation in getattr(model, "operations", None) or model.layers:
            if id(operation) in self.seen:
                continue
            self.seen.add(id(operation))
            path = prefix + operation.name
            if isinstance(operation, keras.Layer) and _is_graph(operation):
                self.find(operation, path + "/")
            else:
                self._decide(operation, path)

    def _decide(self, layer, path):
        if not isinstance(layer, keras.Layer):
            if type(layer).__name__ in ("MaxPool", "AveragePool"):
                self._skip(path, layer, "an operation, not a layer")
            return
        if isinstance(layer, PoolNode) and not isinstance(layer, SoftPool):
            self._skip(path, layer, "it has a second input, which no other pooling has")
            return
        rule = next((r for r in self.rules if r.matches(layer)), None)
        if rule is not None and (self.where is None or self.where(layer)):
            self.replaced[id(layer)] = (rule, path)
            self.report.findings.append(Finding(path, type(layer).__name__, "replaced"))
        elif rule is not None:
            self._skip(path, layer, "`where` excludes it")
        elif kind_of(layer)[0] is not None:
            self._skip(path, layer, "no replacement is given for it")
        else:
            self._find_hidden(layer, path)

    def _find_hidden(self, layer, path):
        """Reports pooling inside a layer that is copied as a whole."""
        for inner in _inner_layers(layer):
            if id(inner) in self.seen_hidden:
                continue
            self.seen_hidden.add(id(inner))
            inner_path = f"{path}/{inner.name}"
            if kind_of(inner)[0] is not None or any(r.matches(inner) for r in self.rules):
                self._skip(inner_path, inner, f"inside {type(layer).__name__}, copied as a whole")
            else:
                self._find_hidden(inner, inner_path)

    def _skip(self, path, layer, reason):
        self.report.findings.append(Finding(path, type(layer).__name__, "skipped", reason=reason))

    def copy(self, operation):
        """The new model's layer, model or other operation for one of the old."""
        if id(operation) not in self.copies:
            if id(operation) in self.replaced:
                new = self._make_replacement(operation)
            elif isinstance(operation, keras.Layer) and _is_graph(operation):
                new = self._copy_model(operation)
            else:
                new = self._copy_as_it_is(operation)
            self.copies[id(operation)] = new
        return self.copies[id(operation)]

    def _copy_model(self, model):
        inputs = None
        if not isinstance(model, keras.Sequential):
            # Left to itself, Keras names the copy's inputs after tensors.
            inputs = keras.tree.map_structure(
                lambda tensor: self.copy(tensor._keras_history.operation).output, model.input
            )
        with _not_compiled(model):
            new = keras.models.clone_model(model, input_tensors=inputs, clone_function=self.copy)
        # The layers have flags of their own, which setting the model's would overwrite.
        new._trainable = model._trainable
        return new

    def _copy_as_it_is(self, operation):
        try:
            new = operation.__class__.from_config(operation.get_config())
        except Exception as error:
            if getattr(operation, "variables", []):
                raise ValueError(
                    f"Layer {operation.name!r} ({type(operation).__name__}) cannot be copied: {error}"
                ) from error
            # A layer without variables can serve two models: a Lambda, say, whose function Keras
            # does not load back from a config.
            return operation
        if isinstance(operation, keras.Layer):
            self.kept.append((operation, new))
        return new

    def _make_replacement(self, layer):
        rule, path = self.replaced[id(layer)]
        new, note = rule.make(layer)
        findings = self.report.findings
        i = next(i for i, finding in enumerate(findings) if finding.path == path)
        findings[i] = replace(findings[i], replacement=type(new).__name__, note=note)
        return new

    def copy_state(self):
        """Gives the copies what the old layers have learned."""
        for old, new in self.kept:
            if len(old.variables) != len(new.variables):
                raise ValueError(
                    f"Layer {old.name!r} ({type(old).__name__}) has {len(old.variables)} variables "
                    f"and its copy {len(new.variables)}: it does not build itself from its config."
                )
            for value, variable in zip(old.variables, new.variables, strict=True):
                variable.assign(value)
            _copy_other_state(old, new)


def _copy_other_state(old, new):
    """Copies what preprocessing layers keep outside of variables, or derive from them."""
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    elif old.variables and hasattr(new, "finalize_state"):
        new.finalize_state()
    for old_inner, new_inner in zip(_inner_layers(old), _inner_layers(new), strict=False):
        _copy_other_state(old_inner, new_inner)


@contextlib.contextmanager
def _not_compiled(model):
    """Keeps Keras from compiling the copy of a model, at which it fails where a loss is a function."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled


def _compile_alike(model, new):
    """Compiles a copy as the model is, with a fresh optimizer."""
    if not model.compiled:
        return
    functions = {f.__name__: f for f in keras.tree.flatten(model.loss) if hasattr(f, "__name__")}
    try:
        with keras.saving.custom_object_scope(functions):
            new.compile_from_config(model.get_compile_config())
    except (TypeError, ValueError) as error:
        warnings.warn(
            f"Compile the copy of model {model.name!r} before you train it: Keras could not do so ({error}).",
            stacklevel=3,
        )
