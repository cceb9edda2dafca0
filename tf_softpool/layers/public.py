"""Public layers: a decorator that registers a class, and completes its docstring and its signature."""

import inspect
import re
import textwrap
from typing import Any, TypeVar

import keras

_Class = TypeVar("_Class", bound=type)

# For each number of spatial dimensions: what is pooled, and the names of the dimensions.
_SPATIAL = {1: ("sequences", "steps"), 2: ("images", "height, width"), 3: ("volumes", "depth, height, width")}
# The blocks of text that docstrings refer to by name, as in `{shapes}`.
_BLOCKS = {
    "shapes": """
Input: `[batch, {dimensions}, channels]`, or `[batch, channels, {dimensions}]` with
`"channels_first"`, of type float16, bfloat16, float32 or float64.

Output: a tensor of the same type. Its spatial dimensions are those that `MaxPooling{rank}D` returns
for the same arguments.
""",
    "window_arguments": """
pool_size: int, or an int for each spatial dimension: the size of a window. Default: 2.
strides: int, or an int for each spatial dimension. Default: `pool_size`.
padding: `"valid"` or `"same"`. Padded positions do not count. Default: `"valid"`.
data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
""",
    "layer_arguments": """
**kwargs: the arguments of every Keras layer, such as `name`, `dtype` and `trainable`.
""",
    "errors": """
Raises:
    ValueError: when the layer is made, if an argument is not as described. When it is built, if it has
        weights for each channel and the number of channels is unknown. When it is called, if the input
        has the wrong rank, or is smaller than a window under `"valid"`.
""",
    "example": """
>>> import numpy as np
>>> import tf_softpool as tsp
>>> layer = tsp.layers.{name}(2)
>>> tuple(layer(np.ones({shape}, "float32")).shape)
{pooled}
""",
    "global_shapes": """
Input: `[batch, {dimensions}, channels]`, or `[batch, channels, {dimensions}]` with
`"channels_first"`, of type float16, bfloat16, float32 or float64.

Output: `[batch, channels]`, of the same type. With `keepdims` it has the input's rank, and spatial
dimensions of 1.
""",
    "global_arguments": """
data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
keepdims: bool: whether the spatial dimensions are kept, with length 1. Default: False.
""",
    "global_errors": """
Raises:
    ValueError: when the layer is made, if an argument is not as described. When it is called, if the
        input has the wrong rank, or no spatial positions.
""",
    "global_example": """
>>> import numpy as np
>>> import tf_softpool as tsp
>>> tuple(tsp.layers.{name}()(np.ones({shape}, "float32")).shape)
(4, 8)
""",
}


def public(cls: _Class) -> _Class:
    """Registers a layer class with Keras, and completes its docstring and its signature.

    The docstring is that of the class, or of its base class. A line with only a name in braces, such as
    `{shapes}`, is replaced with the block of that name. Elsewhere, `{rank}` stands for the number of spatial
    dimensions, `{things}` for what the layer pools, and `{dimensions}` for the names of the dimensions.

    The signature joins the constructor's own parameters with those that it passes on as `*args`.
    """
    cls.__doc__ = _filled(inspect.getdoc(cls) or "", cls)
    cls.__signature__ = _SignatureOf(cls)  # type: ignore[attr-defined]
    return keras.saving.register_keras_serializable("tf_softpool")(cls)


class _SignatureOf:
    """The signature of a class, which its instances lack: calling a layer is not calling its class."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls

    def __get__(self, instance: Any, owner: Any) -> Any:
        # A derived class with a constructor of its own has another signature.
        if instance is not None or owner.__init__ is not self.cls.__init__:
            raise AttributeError
        return _signature(self.cls)


def _filled(text: str, cls: Any) -> str:
    things, dimensions = _SPATIAL[cls.rank]
    words = {
        "name": cls.__name__,
        "rank": cls.rank,
        "things": things,
        "dimensions": dimensions,
        "shape": (4, *(10,) * cls.rank, 8),
        "pooled": (4, *(5,) * cls.rank, 8),
    }

    def block(match: re.Match) -> str:
        return textwrap.indent(_BLOCKS[match["name"]].strip(), match["indent"])

    text = re.sub(r"^(?P<indent> *)\{(?P<name>\w+)\}$", block, text, flags=re.MULTILINE)
    return f"{text.format(**words)}\n"


def _signature(cls: Any) -> inspect.Signature:
    """Returns a constructor's signature, with the base class's parameters for `*args`."""
    keywords: list[inspect.Parameter] = []
    constructors = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]
    for constructor in constructors:
        _, *parameters = inspect.signature(constructor).parameters.values()
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY] + keywords
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            break
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    rest = [p for p in parameters if p.kind is p.VAR_KEYWORD]
    return inspect.Signature([*positional, *keywords, *rest])
