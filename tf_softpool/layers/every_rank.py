"""The 1D, 2D and 3D layers of a pooling, and what is said of each."""

import inspect

import keras

# How many spatial dimensions there are -> what has them, and their names.
_SPATIAL = {1: ("sequences", "steps"), 2: ("images", "height, width"), 3: ("volumes", "depth, height, width")}
# What is said of every layer over windows: name, number of dimensions, what it does, things and dimensions;
# then its own description, its own arguments, and an example's arguments and shapes.
_DESCRIPTION = """{what} for {things}, in the place of `keras.layers.MaxPooling{rank}D`.

Input `[batch, {dimensions}, channels]` (or channels first), float16, bfloat16, float32 or float64;
output alike, with the spatial dimensions that `MaxPooling{rank}D` has for the same arguments.

{body}

Args:
    pool_size: int, or an int for each spatial dimension: the size of a window.
    strides: int, or an int for each spatial dimension. Default: `pool_size`.
    padding: `"valid"` or `"same"`. Padded positions take no part.
    data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
{own}    name: the layer's name.
    **kwargs: what every Keras layer takes: `dtype`, `trainable`.

Raises:
    ValueError: an argument is not one of these; when built, channels are not known of which each has
        weights of its own; when called, the input has another rank, or is smaller than a window under
        `"valid"`.

Example:
    >>> import numpy as np
    >>> import tf_softpool as tsp
    >>> layer = tsp.layers.{name}({arguments})
    >>> tuple(layer(np.ones({shape}, "float32")).shape)
    {pooled}
"""


def of_every_rank(base, arguments="2"):
    """Makes the public 1D, 2D and 3D layers of a pooling.

    Args:
        base: a `Pooling` that is named `_<Name>`. Its description begins with a line `<what> over windows.`,
            and goes on with the formula and its source; `Args:` describes the arguments of its own, if any.
        arguments: what a layer is made with in the example of its description.

    Returns:
        Three registered classes `<Name>1D`, `<Name>2D` and `<Name>3D`, to be bound to these names in the
        module of `base`.
    """
    return tuple(_of_rank(base, rank, arguments) for rank in _SPATIAL)


def _of_rank(base, rank, arguments):
    name = f"{base.__name__.removeprefix('_')}{rank}D"
    things, dimensions = _SPATIAL[rank]
    summary, _, rest = inspect.getdoc(base).partition("\n")
    body, _, own = rest.partition("Args:\n")
    description = _DESCRIPTION.format(
        name=name,
        rank=rank,
        what=summary.removesuffix(" over windows."),
        things=things,
        dimensions=dimensions,
        body=body.strip(),
        own=f"{own.rstrip()}\n" if own else "",
        arguments=arguments,
        shape=(4, *(10,) * rank, 8),
        pooled=(4, *(5,) * rank, 8),
    )
    members = {"rank": rank, "__module__": base.__module__, "__qualname__": name, "__doc__": description}
    return keras.saving.register_keras_serializable("tf_softpool")(type(name, (base,), members))
