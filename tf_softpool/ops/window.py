"""What every pooling's function is told about its windows, checked and put into one form."""

from dataclasses import dataclass

import keras
from keras import ops

# A window and stride larger than any input: under "same" padding, one window that covers all of it.
WHOLE = 2**31 - 1


def per_dimension(value, rank, name):
    """An int for each of `rank` dimensions, or a ValueError that says what `name` must be."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    whole = all(hasattr(v, "__index__") and not isinstance(v, bool) for v in values)
    if not whole or len(values) != rank or not all(1 <= v <= WHOLE for v in values):
        raise ValueError(f"`{name}` must be an integer or {rank} integers, from 1 to {WHOLE}, got {value!r}.")
    return tuple(int(v) for v in values)


@dataclass(frozen=True)
class PoolWindow:
    """The windows of a pooling of `len(pool_size)` spatial dimensions.

    `padding` may be `"after"` too, for our own use: `"same"` with all of it behind the input.
    """

    pool_size: tuple
    strides: tuple
    padding: str
    data_format: str

    @classmethod
    def of(cls, rank, pool_size, strides=None, padding="valid", data_format=None):
        """Checks the arguments that `keras.ops.max_pool` has too.

        Args:
            rank: number of spatial dimensions, 1 to 3.
            pool_size: int or `rank` ints.
            strides: int or `rank` ints. Default: `pool_size`.
            padding: `"valid"` or `"same"`.
            data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.

        Raises:
            ValueError: an argument is not one of these.
        """
        pool_size = per_dimension(pool_size, rank, "pool_size")
        strides = pool_size if strides is None else per_dimension(strides, rank, "strides")
        lower = padding.lower() if isinstance(padding, str) else padding
        if lower not in ("valid", "same"):
            raise ValueError(f'`padding` must be "valid" or "same", got {padding!r}.')
        data_format = keras.config.image_data_format() if data_format is None else data_format
        if data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                f'`data_format` must be "channels_last" or "channels_first", got {data_format!r}.'
            )
        return cls(pool_size, strides, lower, data_format)

    @classmethod
    def whole(cls, rank, data_format=None):
        """One window over all spatial positions, however many there are."""
        return cls.of(rank, WHOLE, padding="same", data_format=data_format)

    @property
    def rank(self):
        """The number of spatial dimensions."""
        return len(self.pool_size)

    @property
    def is_whole(self):
        """Whether this is one window over all spatial positions."""
        return self.padding == "same" and all(s == WHOLE for s in self.pool_size + self.strides)

    @property
    def spatial_axes(self):
        """The axes of a tensor that are spatial."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def outputs(self, length, size, stride):
        """How many windows there are along a dimension, of a length that is an int or a tensor."""
        # No quotient is negative: in ONNX they are not rounded down.
        if self.padding != "valid":
            return (length - 1) // stride + 1
        outputs = (length - size + stride) // stride
        return outputs if isinstance(outputs, int) else ops.maximum(outputs, 0)

    def positions_before(self, length, size, stride):
        """How many positions of the first window are before the input, along a dimension."""
        if self.padding != "same":
            return 0
        total = (self.outputs(length, size, stride) - 1) * stride + size - length
        return (max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)) // 2

    def attributes(self):
        """The attributes of our ops that say this."""
        return {
            "ksize": list(self.pool_size),
            "strides": list(self.strides),
            "padding": self.padding.upper(),
            "data_format": "NHWC" if self.data_format == "channels_last" else "NCHW",
        }

    @classmethod
    def of_attributes(cls, ksize, strides, padding, data_format):
        """The inverse of `attributes`."""
        data_format = "channels_last" if data_format == "NHWC" else "channels_first"
        return cls.of(len(ksize), ksize, strides, padding, data_format)

    def check_rank(self, shape):
        """Raises a ValueError where a tensor of this shape has another rank."""
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"Pooling over {self.rank} spatial dimensions needs a tensor of rank "
                f"{self.rank + 2}, with batch and channels, got shape {tuple(shape)}."
            )

    def output_shape(self, shape):
        """The shape of the pooled tensor; unknown dimensions are None.

        Raises:
            ValueError: the rank is wrong, or a window is larger than the input under "valid".
        """
        self.check_rank(shape)
        shape = list(shape)
        for axis, size, stride in zip(self.spatial_axes, self.pool_size, self.strides, strict=True):
            length = shape[axis]
            if self.is_whole and length != 0:
                shape[axis] = 1
            elif self.is_whole:
                raise ValueError(f"There is nothing to pool in a tensor of shape {tuple(shape)}.")
            elif length is None:
                continue
            elif self.padding == "valid" and length < size:
                raise ValueError(
                    f"`pool_size` {self.pool_size} is larger than the input, of shape "
                    f'{tuple(shape)}, which `padding="valid"` does not allow.'
                )
            else:
                shape[axis] = self.outputs(length, size, stride)
        return tuple(shape)
