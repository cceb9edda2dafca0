"""Poolings that a layer's own code calls, so that no layer stands for them."""

import re
from collections.abc import Iterator
from types import CodeType

import keras

from tf_softpool.rewriting.keras_model.named_objects import original

# The names of pooling functions and pooling layers in Keras and TensorFlow.
_POOLING_NAME = re.compile(
    "(adaptive_|fractional_)?(max|avg|average)_pool([123]d|_v2|_with_argmax)?"
    "|(Global|Adaptive)?(Max|Average)Pool(ing)?[123]D"
)
# Methods that make layers, because those are found as layers, and methods that only describe.
_MAKING = ("__init__", "build", "get_config", "from_config", "compute_output_shape", "compute_output_spec")


def poolings_in_code(layer: keras.Layer) -> list[str]:
    """Returns the names of the poolings that a layer's own methods, or a Lambda's function, call."""
    functions = [
        function
        for cls in type(layer).__mro__
        if not cls.__module__.startswith(("keras.", "tf_softpool.")) and issubclass(cls, keras.Layer)
        for name, function in vars(cls).items()
        if name not in _MAKING
    ]
    if isinstance(layer, keras.layers.Lambda):
        functions.append(original(layer.function))
    names = {name for f in functions if hasattr(f, "__code__") for name in _names_in(f.__code__)}
    # The name of an attribute that holds a pooling layer occurs in the code too.
    return sorted(filter(_POOLING_NAME.fullmatch, names - vars(layer).keys()))


def is_pooling_name(name: str) -> bool:
    """Returns whether a function of Keras or TensorFlow pools, by its dotted name."""
    return _POOLING_NAME.fullmatch(name.rpartition(".")[2]) is not None


def _names_in(code: CodeType) -> Iterator[str]:
    """Yields the names that a function's code, and the functions inside it, look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
