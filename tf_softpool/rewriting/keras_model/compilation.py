"""The compilation of a copy: in the same way as the model, with the state of its optimizer."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.carry import Pair
from tf_softpool.rewriting.keras_model.internals import compile_arguments, variables_optimized_by


def compile_alike(model: keras.Model, new: keras.Model, pairs: Sequence[Pair], notes: list[str]) -> None:
    """Compiles a copy as a model is compiled, and carries the optimizer's state over.

    Args:
        model: the old model.
        new: its copy.
        pairs: pairs of variables, old and new.
        notes: what could not be done is added to these.
    """
    if not model.compiled or new is model:
        return
    advice = f"Compile the copy of model {model.name!r} before you train it"
    try:
        _compile(model, new)
    except Exception as error:
        notes.append(f"{advice}: Keras could not do so ({error}).")
        return
    if not new.compiled:
        notes.append(f"{advice}: its class has a `compile` of its own.")
    elif model.optimizer is not None and new.built:
        _carry_optimizer(model, new, pairs)


def _compile(model: keras.Model, new: keras.Model) -> None:
    """Compiles with the same losses and functions, and with new optimizers and metrics."""
    cls = type(model)
    if cls.compile is keras.Model.compile:
        new.compile(**keras.tree.map_structure(_without_state, compile_arguments(model)))
    elif cls.compile_from_config is not keras.Model.compile_from_config and type(new) is cls:
        new.compile_from_config(model.get_compile_config())


def _without_state(argument: Any) -> Any:
    """Returns an optimizer or metric with the same config and no state, and anything else unchanged."""
    if isinstance(argument, keras.optimizers.Optimizer | keras.metrics.Metric):
        return type(argument).from_config(argument.get_config())
    return argument


def _carry_optimizer(model: keras.Model, new: keras.Model, pairs: Sequence[Pair]) -> None:
    """Copies an optimizer's state for the variables that both models have."""
    numbers = {id(variable): i for i, pair in enumerate(pairs) for variable in pair}
    copies = {id(variable): copy for variable, copy in pairs}
    optimized = variables_optimized_by(model.optimizer)
    # First the copies of the variables that the old optimizer knows, which may be frozen now, and then the
    # new variables.
    known = [copies[id(v)] for v in optimized if id(v) in copies]
    ids = {id(variable) for variable in known}
    known += [variable for variable in new.trainable_variables if id(variable) not in ids]
    if not new.optimizer.built:
        new.optimizer.build(known)
    found = _by_owner(new.optimizer, known, numbers)
    for owner, variable in _by_owner(model.optimizer, optimized, numbers).items():
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
