"""Faults in reading and rewriting what people bring."""

from fault import REWRITING, Fault

KERAS_2, KERAS_MODEL, SAVED_MODEL = (
    f"{REWRITING}/{name}" for name in ("keras_2", "keras_model", "saved_model")
)
FAULTS = [
    Fault(
        "hard-sigmoid-of-keras-3",
        "a function of the same name that computes something else",
        f"{KERAS_2}/objects.py",
        'ACTIVATIONS = {"hard_sigmoid": keras_2_hard_sigmoid}',
        "ACTIVATIONS: dict = {}",
        ("tests/rewriting/test_keras_2.py",),
    ),
    Fault(
        "one-output-in-a-list",
        "a list of one tensor in the place of the tensor",
        f"{KERAS_2}/graphs.py",
        "return found[0] if len(found) == 1 else found",
        "return found",
        ("tests/rewriting/test_keras_2.py",),
    ),
    Fault(
        "calls-counted-from-0",
        "an off-by-one error",
        f"{KERAS_2}/graphs.py",
        "node = max(node - 1, 0) if name in self._models else node",
        "node = node",
        ("tests/rewriting/test_keras_2.py",),
    ),
    Fault(
        "first-shape-lost",
        "an input shape that is ignored",
        f"{KERAS_2}/graphs.py",
        'if layers and layers[0]["class_name"] != "InputLayer" and',
        "if False and",
        ("tests/rewriting/test_keras_2.py",),
    ),
    Fault(
        "momentums-in-turn",
        "values in another order",
        f"{KERAS_2}/compilation.py",
        "values = [values[0], *(each for pair in zip(first, second, strict=True) for each in pair)]",
        "values = [values[0], *first, *second]",
        ("tests/rewriting/test_keras_2.py",),
    ),
    Fault(
        "mask-pooled",
        "a mask taken for what is pooled",
        f"{KERAS_MODEL}/internals.py",
        "tensors = keras.tree.flatten(arguments[:1] or keywords)",
        "tensors = [*node.input_tensors]",
        ("tests/rewriting/test_calls.py",),
    ),
    Fault(
        "first-width-alone",
        "only the first call looked at",
        f"{KERAS_MODEL}/find.py",
        "if len(shapes) > 1 and len(",
        "if len(shapes) > 2 and len(",
        ("tests/rewriting/test_calls.py",),
    ),
    Fault(
        "optimizer-of-old-variables",
        "a state that is not renewed",
        f"{KERAS_MODEL}/compilation.py",
        "or (new is model and _knows(optimizer, model.trainable_variables))",
        "or new is model",
        ("tests/rewriting/test_in_place.py",),
    ),
    Fault(
        "copies-counted-as-dropped",
        "a count of the wrong objects",
        f"{KERAS_MODEL}/carry.py",
        "carrying.pairs.setdefault(id(variable), (variable, variable))",
        "carrying.pairs[id(variable)] = (variable, variable)",
        ("tests/rewriting/test_in_place.py",),
    ),
    Fault(
        "functions-by-their-own-names",
        "two functions of one name",
        f"{KERAS_MODEL}/named_objects.py",
        "if _is_function(value):",
        "if False:",
        ("tests/rewriting/test_objects.py",),
    ),
    Fault(
        "metric-with-defaults",
        "an argument that is lost",
        f"{KERAS_MODEL}/compilation.py",
        "others = {} if is_of_keras(cls) else unlike(argument, new)",
        "others: dict = {}",
        ("tests/rewriting/test_objects.py",),
    ),
    Fault(
        "outside-the-strategy",
        "a scope that is not entered",
        f"{KERAS_MODEL}/rewrite.py",
        "    with _scope_of(model), _clear_errors(model):",
        "    with contextlib.nullcontext(), _clear_errors(model):",
        ("tests/rewriting/test_strategy.py",),
    ),
    Fault(
        "colocated-with-nothing",
        "a name that is not renamed",
        f"{SAVED_MODEL}/splice.py",
        "value.s = kept[0]",
        "pass",
        ("tests/rewriting/test_graphs_people_bring.py",),
    ),
]
