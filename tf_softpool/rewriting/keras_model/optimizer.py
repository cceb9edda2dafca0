"""Copies of compiled models, compiled alike, and their optimizers' state."""

from collections import Counter, defaultdict

import keras


def compile_alike(model, new, pairs):
    """Compiles a copy as a model is, and gives its optimizer what the old one's has gathered.

    `pairs` are variables of both that are the same, old and new.

    Returns:
        What to tell the user, or nothing.
    """
    if not model.compiled or new is model:
        return ""
    compiling = f"Compile the copy of model {model.name!r} before you train it"
    try:
        _compile(model, new)
    except Exception as error:
        return f"{compiling}: Keras could not do so ({error})."
    if not new.compiled:
        return f"{compiling}: its `compile` is its own."
    if model.optimizer is not None and new.built:
        _carry_optimizer(model, new, pairs)
    return ""


def _compile(model, new):
    """Compiles with what the model was compiled with: losses and functions themselves, copies of all that
    has a state.
    """
    cls = type(model)
    if cls.compile is keras.Model.compile:
        arguments = keras.tree.map_structure(_without_state, dict(model._compile_config.config))
        new.compile(**arguments)
    elif cls.compile_from_config is not keras.Model.compile_from_config and type(new) is cls:
        new.compile_from_config(model.get_compile_config())


def _without_state(argument):
    """An optimizer or metric like one, from its beginning; anything else as it is."""
    if isinstance(argument, keras.optimizers.Optimizer | keras.metrics.Metric):
        return type(argument).from_config(argument.get_config())
    return argument


def _carry_optimizer(model, new, pairs):
    """Copies those of an optimizer's variables that belong to variables which both models have."""
    numbers = {id(variable): i for i, pair in enumerate(pairs) for variable in pair}
    copies = {id(variable): copy for variable, copy in pairs}
    # Those that the old optimizer knows, though they may be frozen since, and what is new.
    known = [copies[id(v)] for v in model.optimizer._trainable_variables if id(v) in copies]
    ids = {id(variable) for variable in known}
    known += [variable for variable in new.trainable_variables if id(variable) not in ids]
    if not new.optimizer.built:
        new.optimizer.build(known)
    found = _by_owner(new.optimizer, known, numbers)
    for owner, variable in _by_owner(model.optimizer, model.optimizer._trainable_variables, numbers).items():
        if owner in found and found[owner].shape == variable.shape:
            found[owner].assign(variable)


def _by_owner(optimizer, trained, numbers):
    """An optimizer's variables, by what they are and the number of the variable they are for.

    A variable is named after the path of the one it is for, which in another model may be another path,
    and need not be the only one with it. Those for none are told apart by their order.
    """
    by_path = defaultdict(list)
    for variable in trained:
        by_path[variable.path.replace("/", "_") + "_"].append(numbers.get(id(variable), variable.path))
    found, seen = {}, Counter()
    for variable in optimizer.variables:
        path = max((path for path in by_path if variable.name.startswith(path)), key=len, default="")
        name = variable.name if path else ""
        owners = by_path.get(path)
        owner = owners[min(seen[name], len(owners) - 1)] if path else seen[name]
        found[owner, name.removeprefix(path)] = variable
        seen[name] += 1
    return found
