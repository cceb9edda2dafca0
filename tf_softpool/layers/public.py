"""Public layers: a decorator that registers a class, and completes its docstring and its signature."""

import inspect
import re
import textwrap
from typing import Any, TypeVar

import keras

_Class = TypeVar("_Class", bound=type)

# For each number of spatial dimensions: what is pooled, and the names of the dimensions.
_SPATIAL = {1: ("sequences", "steps"), 2: ("images", "height, width"), 3: ("volumes", "depth, height, width")}
# By the form of a layer: what it does with what it pools, and the Keras layer that it takes the place of.
_TITLES = {
    "windows": "for {things}, to use instead of `keras.layers.MaxPooling{rank}D`",
    "global": "of whole {things}, to use instead of `keras.layers.GlobalAveragePooling{rank}D`",
    "adaptive": "of {things} to a size, to use instead of `keras.layers.AdaptiveAveragePooling{rank}D`",
}
_INPUT = """
Input: `[batch, {dimensions}, channels]`, or `[batch, channels, {dimensions}]` with
`"channels_first"`, of type float16, bfloat16, float32 or float64.
"""
_MASKS = """
In 1D, the layer takes a Keras mask. A step that it is False for takes no part, as if it were padding. A
window whose steps are all masked gives 0, and has no gradient."""
_EXAMPLE = """
>>> import numpy as np
>>> import tf_softpool as tsp
>>> layer = tsp.layers.{name}({arguments})
>>> tuple(layer(np.ones({shape}, "float32")).shape)
{pooled}
"""
# The blocks of text that docstrings refer to by name, as in `{shapes}`, by the form of a layer.
_BLOCKS = {
    "shapes": {
        "windows": f"""{_INPUT}
Output: a tensor of the same type. Its spatial dimensions are those that `MaxPooling{{rank}}D` returns
for the same arguments.
""",
        "global": f"""{_INPUT}
Output: `[batch, channels]`, of the same type. With `keepdims` it has the input's rank, and spatial
dimensions of 1. There is one window, which covers all spatial positions.
""",
        "adaptive": f"""{_INPUT}
Output: a tensor of the same type, with spatial dimensions of `output_size`. Along an axis of length n
with m windows, window o has the positions from `floor(o n / m)` to before `ceil((o + 1) n / m)`. So
windows cover all positions, and may overlap by one position.
""",
    },
    "masks": {
        "windows": f"""{_MASKS}
It also passes a mask on, which is True for windows with at least one step.
""",
        "global": f"""{_MASKS}
A ragged tensor `[batch, (steps), channels]` is pooled as a tensor with a mask.
""",
        "adaptive": f"""{_MASKS}
Windows divide the masked steps too. A mask is passed on, which is True for windows with at least one step.
""",
    },
    "window_arguments": {
        "windows": """
pool_size: int, or an int for each spatial dimension: the size of a window. Default: 2.
strides: int, or an int for each spatial dimension. Default: `pool_size`.
padding: `"valid"` or `"same"`. Padded positions do not count. Default: `"valid"`.
data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
""",
        "global": """
data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
keepdims: bool: whether the spatial dimensions are kept, with length 1. Default: False.
""",
        "adaptive": """
output_size: int, or an int for each spatial dimension: the number of windows.
data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
""",
    },
    "layer_arguments": dict.fromkeys(
        _TITLES,
        """
**kwargs: the arguments of every Keras layer, such as `name`, `dtype` and `trainable`.
""",
    ),
    "errors": {
        "windows": """
Raises:
    ValueError: when the layer is made, if an argument is not as described. When it is built, if it has
        weights for each channel and the number of channels is unknown. When it is called, if the input
        has the wrong rank, or is smaller than a window under `"valid"`.
""",
    }
    | dict.fromkeys(
        ("global", "adaptive"),
        """
Raises:
    ValueError: when the layer is made, if an argument is not as described. When it is built, if it has
        weights for each channel and the number of channels is unknown. When it is called, if the input
        has the wrong rank, or no spatial positions.
""",
    ),
    "example": dict.fromkeys(_TITLES, _EXAMPLE),
}
# By the form of a layer: the size that its example has as an argument, and the lengths of the axes that it
# leaves.
_EXAMPLES: dict[str, tuple[str, tuple[int, ...]]] = {
    "windows": ("2", (5,)),
    "global": ("", ()),
    "adaptive": ("3", (3,)),
}


def public(cls: _Class) -> _Class:
    """Registers a layer class with Keras, and completes its docstring and its signature.

    The docstring is that of the class, or of its pooling. A line with only a name in braces, such as
    `{shapes}`, is replaced with the block of that name for the layer's form. Elsewhere, `{of_things}` stands
    for what the layer pools and which layer of Keras it takes the place of, `{things}` for what it pools,
    `{rank}` for the number of spatial dimensions, and `{dimensions}` for their names. For examples, `{name}`
    is the name of the class, `{arguments}` what it must be given, `{shape}` the shape of an input, and
    `{pooled}` that of its output.

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
    size, left = _EXAMPLES[cls.form]
    words = {
        "name": cls.__name__,
        "rank": cls.rank,
        "things": things,
        "dimensions": dimensions,
        "shape": (4, *(10,) * cls.rank, 8),
        "arguments": ", ".join(filter(None, (size, cls.needed.get(cls.form)))),
        "pooled": (4, *left * cls.rank, 8),
        "of_things": _TITLES[cls.form].format(things=things, rank=cls.rank),
    }

    def block(match: re.Match) -> str:
        return textwrap.indent(_BLOCKS[match["name"]][cls.form].strip(), match["indent"])

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
