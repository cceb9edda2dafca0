"""The compilation of a copy: in the same way as the model, with the state of its optimizer."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.carry import Pair
from tf_softpool.rewriting.keras_model.internals import compile_arguments, variables_optimized_by
from tf_softpool.rewriting.keras_model.named_objects import is_of_keras, unlike


def compile_alike(model: keras.Model, new: keras.Model, pairs: Sequence[Pair], notes: list[str]) -> None:
    """Compiles a copy as a model is compiled, and carries the optimizer's state over.

    A model that was changed in place is compiled anew if its optimizer does not know all of its variables.

    Args:
        model: the old model.
        new: its copy, or the old model itself.
        pairs: pairs of variables, old and new.
        notes: what could not be done is added to these.
    """
    optimizer = getattr(model, "optimizer", None)
    if new is model and _are_stale(_own_optimizers(model), model):
        notes.append(
            f"Compile model {model.name!r} before you train it: its own optimizers know old variables."
        )
    if not model.compiled or (new is model and _knows(optimizer, model.trainable_variables)):
        return
    advice = f"Compile {'' if new is model else 'the copy of '}model {model.name!r} before you train it"
    try:
        _compile(model, new, notes)
    except Exception as error:
        notes.append(f"{advice}: Keras could not do so ({error}).")
        return
    if not new.compiled or (new is model and new.optimizer is optimizer):
        notes.append(f"{advice}: its class has a `compile` of its own.")
    elif optimizer is not None and (new.built or new.trainable_variables):
        _carry_optimizer(optimizer, new, pairs)


def _own_optimizers(model: keras.Model) -> list[Any]:
    """Returns the optimizers that a model of the user's own class has beside Keras's."""
    values = (value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer))
    return [each for each in values if each is not getattr(model, "optimizer", None) and each.built]


def _are_stale(optimizers: Sequence[Any], model: keras.Model) -> bool:
    """Returns whether optimizers know variables that a model lacks, or do not know all that it trains."""
    known = {id(variable) for each in optimizers for variable in variables_optimized_by(each)}
    trained = {id(variable) for variable in model.trainable_variables}
    return bool(optimizers) and (not known <= {id(v) for v in model.variables} or not trained <= known)


def _knows(optimizer: Any, variables: Sequence[keras.Variable]) -> bool:
    """Returns whether an optimizer was built for these variables, and maybe others, or is not built yet."""
    if optimizer is None or not optimizer.built:
        return True
    return {id(v) for v in variables} <= {id(v) for v in variables_optimized_by(optimizer)}


def _compile(model: keras.Model, new: keras.Model, notes: list[str]) -> None:
    """Compiles with the same losses and functions, and with new optimizers and metrics."""
    cls = type(model)
    if cls.compile is keras.Model.compile:
        arguments = compile_arguments(model)
        new.compile(**keras.tree.map_structure(lambda each: _without_state(each, notes), arguments))
    elif cls.compile_from_config is not keras.Model.compile_from_config and type(new) is cls:
        new.compile_from_config(model.get_compile_config())


def _without_state(argument: Any, notes: list[str]) -> Any:
    """Returns an optimizer or metric with the same config and no state, and anything else unchanged.

    If the config leaves out an argument, the metric itself is returned, and the optimizer gets the argument.
    """
    if not isinstance(argument, keras.optimizers.Optimizer | keras.metrics.Metric):
        return argument
    is_metric, cls = isinstance(argument, keras.metrics.Metric), type(argument)
    try:
        new = cls.from_config(argument.get_config())
    except Exception as error:
        if not is_metric:
            raise
        notes.append(
            f"No {cls.__name__} can be made from its config ({error}), so both models share the metric "
            f"{argument.name!r}."
        )
        return argument
    others = {} if is_of_keras(cls) else unlike(argument, new)
    if not others:
        return new
    what = f"The config of {cls.__name__} does not contain {', '.join(others)}"
    if is_metric:
        notes.append(f"{what}, so both models share the metric {argument.name!r}.")
        return argument
    notes.append(f"{what}, so the new optimizer got them as attributes.")
    for name, value in others.items():
        setattr(new, name, value)
    return new


def _carry_optimizer(old: Any, new: keras.Model, pairs: Sequence[Pair]) -> None:
    """Copies an optimizer's state for the variables that both models have."""
    numbers = {id(variable): i for i, pair in enumerate(pairs) for variable in pair}
    copies = {id(variable): copy for variable, copy in pairs}
    optimized = variables_optimized_by(old)
    known = [copies[id(v)] for v in optimized if id(v) in copies]
    if not {id(v) for v in new.trainable_variables} <= {id(v) for v in known}:
        # Keras loads the state, and averages variables, in the order of the trainable ones. Behind them are
        # those that the old optimizer knows, and that are frozen now.
        ids = {id(v) for v in new.trainable_variables}
        known = [*new.trainable_variables, *(v for v in known if id(v) not in ids)]
    if not new.optimizer.built:
        new.optimizer.build(known)
    found = _by_owner(new.optimizer, known, numbers)
    for owner, variable in _by_owner(old, optimized, numbers).items():
        if owner in found and found[owner].shape == variable.shape:
            found[owner].assign(variable)


def _by_owner(optimizer: Any, trained: Sequence[keras.Variable], numbers: dict[int, int]) -> dict:
    """Returns an optimizer's variables by their role and the number of the variable that they belong to.

    An optimizer names its variables after the paths of the trained ones. In another model these paths may
    differ, and several variables may have the same path. Variables of the optimizer that belong to no trained
    variable are told apart by their order.
    """
    by_path: dict[str, list] = defaultdict(list)
    for variable in trained:
        by_path[variable.path.replace("/", "_") + "_"].append(numbers.get(id(variable), variable.path))
    found: dict[tuple, Any] = {}
    seen: Counter = Counter()
    for variable in optimizer.variables:
        path = max((path for path in by_path if variable.name.startswith(path)), key=len, default="")
        name = variable.name if path else ""
        owners = by_path.get(path, [])
        owner = owners[min(seen[name], len(owners) - 1)] if path else seen[name]
        found[owner, name.removeprefix(path)] = variable
        seen[name] += 1
    return found
