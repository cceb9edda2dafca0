"""What models have learned, carried from one to its copy."""

import tempfile
import warnings
from collections import Counter, defaultdict

import keras

from tf_softpool.rewriting.anatomy import inner_layers, is_graph, operations_of, own_variables


def carry_state(old, new, replaced):
    """Gives a copy what a layer has learned, and all inside it.

    Args:
        old: a layer.
        new: its copy.
        replaced: a function from (layer, its holder) to whether another pooling took its place.

    Returns:
        Pairs of variables, old and new.

    Raises:
        ValueError: the copy has not the variables that the layer has.
    """
    if old is new:
        return [(variable, variable) for variable in old.variables]
    pairs = _paired(own_variables(old), own_variables(new), old)
    for variable, copy in pairs:
        copy.assign(variable)
    _carry_assets(old, new)
    for part, copy in _parts(old, new):
        if not replaced(part, None if is_graph(old) else old):
            pairs += carry_state(part, copy, replaced)
        elif part.built and not copy.built:
            # A layer whose class knows the output's shape is not called while a model is made.
            copy.build_from_config(part.get_build_config())
    return pairs


def _paired(old, new, layer):
    if _shapes(old) != _shapes(new):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) holds {_shapes(old)}, "
            f"its copy {_shapes(new)}: it does not make and build itself from its config."
        )
    return list(zip(old, new, strict=True))


def _shapes(parts):
    """The shapes of variables. Layers have none, and count."""
    return [tuple(part.shape) if hasattr(part, "shape") else "layer" for part in parts]


def _parts(old, new):
    """The layers inside a layer and its copy, in pairs."""
    if is_graph(old):
        copies = {operation.name: operation for operation in operations_of(new)}
        layers = [part for part in operations_of(old) if isinstance(part, keras.Layer)]
        return [(part, copies[part.name]) for part in layers]
    return _paired(inner_layers(old), inner_layers(new), old)


def _carry_assets(old, new):
    """Copies what preprocessing layers keep outside of variables, or derive from them."""
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    elif old.variables and hasattr(new, "finalize_state"):
        new.finalize_state()


def compile_alike(model, new, pairs):
    """Compiles a copy as a model is, and gives its optimizer what the old one's has gathered.

    `pairs` are variables of both that are the same, old and new.

    Returns:
        What to tell the user, or nothing.
    """
    if not model.compiled or new is model:
        return ""
    functions = {f.__name__: f for f in _compiled_with(model) if hasattr(f, "__name__")}
    compiling = f"Compile the copy of model {model.name!r} before you train it"
    try:
        with keras.saving.custom_object_scope(functions), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new.compile_from_config(model.get_compile_config())
    except Exception as error:
        return f"{compiling}: Keras could not do so ({error})."
    if not new.compiled:
        return f"{compiling}: its `compile` is its own."
    if model.optimizer is not None and new.built:
        _carry_optimizer(model, new, pairs)
    return ""


def _compiled_with(model):
    """The functions a model was compiled with."""
    arguments = getattr(getattr(model, "_compile_config", None), "config", {})
    names = ("loss", "metrics", "weighted_metrics")
    return [f for name in names for f in keras.tree.flatten(arguments.get(name))]


def _carry_optimizer(model, new, pairs):
    """Copies those of an optimizer's variables that belong to variables which both models have."""
    if not new.optimizer.built:
        new.optimizer.build(new.trainable_variables)
    numbers = {id(variable): i for i, pair in enumerate(pairs) for variable in pair}
    copies = _by_owner(new, numbers)
    for owner, variable in _by_owner(model, numbers).items():
        if owner in copies and copies[owner].shape == variable.shape:
            copies[owner].assign(variable)


def _by_owner(model, numbers):
    """The variables of a model's optimizer, by what they are and the number of the variable they are for.

    An optimizer's variable is named after the path of the one it is for, which in another model may be
    another path, and need not be the only one with it.
    """
    by_path = defaultdict(list)
    for variable in model.trainable_variables:
        by_path[variable.path.replace("/", "_") + "_"].append(numbers.get(id(variable), variable.path))
    found, seen = {}, Counter()
    for variable in model.optimizer.variables:
        path = max((path for path in by_path if variable.name.startswith(path)), key=len, default="")
        owners = by_path.get(path, [""])
        owner = owners[min(seen[variable.name], len(owners) - 1)] if path else seen[variable.name]
        seen[variable.name] += 1
        found[owner, variable.name.removeprefix(path)] = variable
    return found
