"""The windows of a pooling: size, strides, padding and data format, checked and in one form."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
from keras import ops

# A size and stride larger than any input. With "same" padding they make one window that covers all of it.
WHOLE = 2**31 - 1


def per_dimension(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """Returns an int for each of `rank` dimensions, given one int or `rank` ints.

    Raises:
        ValueError: if the value is neither. The message names the argument `name`.
    """
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    whole = all(hasattr(v, "__index__") and not isinstance(v, bool) for v in values)
    if not whole or len(values) != rank or not all(1 <= v <= WHOLE for v in values):
        raise ValueError(f"`{name}` must be an integer or {rank} integers, from 1 to {WHOLE}, got {value!r}.")
    return tuple(int(v) for v in values)


def _known_data_format(data_format: str | None) -> str:
    """Returns a data format, or Keras's setting for None.

    Raises:
        ValueError: if it is not the name of a data format.
    """
    data_format = keras.config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f'`data_format` must be "channels_last" or "channels_first", got {data_format!r}.')
    return data_format


@dataclass(frozen=True)
class PoolWindow:
    """The windows of a pooling over `len(pool_size)` spatial dimensions.

    `padding` may also be one of two names that are for use inside the package:

    - `"after"` is like `"same"`, but with all padding behind the input.
    - `"adaptive"` divides each axis into windows that cover all of it, whatever its length is. `pool_size` is
      then the number of windows along each axis, and the strides are 1. Window `o` of an axis of length `n`
      with `m` windows has the positions from `floor(o n / m)` to before `ceil((o + 1) n / m)`. `adaptive()`
      makes these windows.
    """

    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    data_format: str
    # For use inside the package: where windows lie, an int32 tensor with the positions along each axis, axis
    # after axis. They number the windows that are one position apart. `strides` then says how many of these
    # there are for each that is pooled. `placed()` makes these windows.
    positions: Any = field(default=None, compare=False)
    # For use inside the package: which positions of the input take part, a bool tensor `[batch, *spatial]`,
    # or None for all of them. `masked()` makes these windows.
    mask: Any = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        rank: int,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
    ) -> "PoolWindow":
        """Makes the windows from arguments like those of `keras.ops.max_pool`.

        Args:
            rank: int: the number of spatial dimensions, 1 to 3.
            pool_size: int or `rank` ints.
            strides: int or `rank` ints. Default: `pool_size`.
            padding: `"valid"` or `"same"`.
            data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.

        Raises:
            ValueError: if an argument is not as described.
        """
        pool_size = per_dimension(pool_size, rank, "pool_size")
        strides = pool_size if strides is None else per_dimension(strides, rank, "strides")
        lower = padding.lower() if isinstance(padding, str) else padding
        if lower not in ("valid", "same"):
            raise ValueError(f'`padding` must be "valid" or "same", got {padding!r}.')
        return cls(pool_size, strides, lower, _known_data_format(data_format))

    @classmethod
    def whole(cls, rank: int, data_format: str | None = None) -> "PoolWindow":
        """Makes one window that covers all spatial positions of any input."""
        return cls.of(rank, WHOLE, padding="same", data_format=data_format)

    @classmethod
    def adaptive(
        cls, rank: int, output_size: int | Sequence[int], data_format: str | None = None
    ) -> "PoolWindow":
        """Makes windows that divide any input into a given number of windows along each axis.

        Args:
            rank: int: the number of spatial dimensions, 1 to 3.
            output_size: int or `rank` ints: the number of windows along each spatial dimension.
            data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.

        Raises:
            ValueError: if an argument is not as described.
        """
        sizes = per_dimension(output_size, rank, "output_size")
        return cls(sizes, (1,) * rank, "adaptive", _known_data_format(data_format))

    def placed(self, positions: Any, strides: Sequence[int]) -> "PoolWindow":
        """Makes windows of the same size at some of the positions of an axis.

        Args:
            positions: int32 tensor with `ceil(n / stride)` of the positions from 0 to `n - 1` for each axis,
                in rising order, axis after axis. `n` is the number of windows along the axis that are one
                position apart.
            strides: an int for each spatial dimension.
        """
        return replace(self, strides=tuple(strides), positions=positions)

    def masked(self, mask: Any) -> "PoolWindow":
        """Makes these windows without the positions that a bool tensor `[batch, *spatial]` is False for."""
        return replace(self, mask=mask)

    @property
    def channel_axis(self) -> int:
        """The axis of a tensor's channels."""
        return -1 if self.data_format == "channels_last" else 1

    @property
    def rank(self) -> int:
        """The number of spatial dimensions."""
        return len(self.pool_size)

    @property
    def is_whole(self) -> bool:
        """Whether this is one window over all spatial positions."""
        return self.padding == "same" and all(s == WHOLE for s in self.pool_size + self.strides)

    @property
    def is_adaptive(self) -> bool:
        """Whether the number of windows is given, and their sizes follow from the input's."""
        return self.padding == "adaptive"

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The spatial axes of a tensor."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def outputs(self, length: Any, size: int, stride: int) -> Any:
        """Returns the number of windows along a dimension, whose length is an int or a tensor."""
        if self.is_adaptive:
            return size
        if self.positions is not None:
            return (self._at_every_position().outputs(length, size, 1) - 1) // stride + 1
        # No dividend is negative, because ONNX rounds quotients towards zero and Python rounds them down.
        if self.padding != "valid":
            return (length - 1) // stride + 1
        outputs = (length - size + stride) // stride
        # Keras takes long to see that a number is no tensor.
        is_tensor = not isinstance(outputs, int) and ops.is_tensor(outputs)
        return ops.maximum(outputs, 0) if is_tensor else outputs

    def positions_before(self, length: Any, size: int, stride: int) -> Any:
        """Returns how far the first window starts before the input, along a dimension."""
        if self.padding != "same":
            return 0
        if self.positions is not None:
            return (size - 1) // 2
        total = (self.outputs(length, size, stride) - 1) * stride + size - length
        return (max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)) // 2

    def _at_every_position(self) -> "PoolWindow":
        return replace(self, strides=(1,) * self.rank, positions=None)

    def attributes(self) -> dict[str, Any]:
        """Returns these windows as attributes of our ops."""
        return {
            "ksize": list(self.pool_size),
            "strides": list(self.strides),
            "padding": self.padding.upper(),
            "data_format": "NHWC" if self.data_format == "channels_last" else "NCHW",
        }

    @classmethod
    def of_attributes(
        cls, ksize: Sequence[int], strides: Sequence[int], padding: str, data_format: str
    ) -> "PoolWindow":
        """Makes the windows from attributes of our ops."""
        data_format = "channels_last" if data_format == "NHWC" else "channels_first"
        if padding.lower() == "adaptive":
            return cls.adaptive(len(ksize), ksize, data_format)
        return cls.of(len(ksize), ksize, strides, padding, data_format)

    def check_rank(self, shape: Sequence) -> None:
        """Raises a ValueError if a tensor of this shape has the wrong number of dimensions."""
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"Pooling over {self.rank} spatial dimensions needs a tensor of rank "
                f"{self.rank + 2}, with batch and channels, got shape {tuple(shape)}."
            )

    def output_shape(self, shape: Sequence) -> tuple[int | None, ...]:
        """Returns the shape of the pooled tensor. Unknown dimensions are None.

        Raises:
            ValueError: if the rank is wrong, or a window is larger than the input under "valid", or there is
                nothing to pool in a window.
        """
        self.check_rank(shape)
        given, shape = tuple(shape), list(shape)
        for axis, size, stride in zip(self.spatial_axes, self.pool_size, self.strides, strict=True):
            length = given[axis]
            if (self.is_whole or self.is_adaptive) and length == 0:
                raise ValueError(
                    f"There is nothing to pool in a tensor of shape {given}: a spatial dimension is 0."
                )
            # JAX has sizes that are not known, and that no number can be compared with.
            if self.padding == "valid" and isinstance(length, int) and length < size:
                raise ValueError(
                    f"`pool_size` {self.pool_size} is larger than the input, of shape {given}, which "
                    '`padding="valid"` does not allow.'
                )
            if self.is_whole:
                shape[axis] = 1
            elif self.is_adaptive or length is not None:
                shape[axis] = self.outputs(length, size, stride)
        return tuple(shape)
