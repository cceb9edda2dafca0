"""S3Pool as Keras layers."""

import keras

from tf_softpool.layers import mixed_pooling
from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.portable.sampling import check_grid_size, s3_downsample

# The poolings that the first step can be named by: the mix of max and average that they are.
_MIXES = {"max": 1.0, "average": 0.0}


class _S3Pooling(Pooling):
    """S3Pool over windows.

    First another pooling with strides of 1, then, of each spatial axis, one position in `strides`. In
    training these are drawn, the same for the whole batch: each axis is cut into grids, and of each grid
    `grid_size / strides` positions are kept, in their order, every choice equally likely; of a last, shorter
    grid as many as fit. At inference, the average over each cell of `strides` positions.
    Source: Zhai et al., "S3Pool: Pooling with stochastic spatial sampling".

    Args:
        grid_size: int, or an int for each spatial dimension: a multiple of `strides`. The larger, the more
            is distorted. Default: `strides`.
        pooling: what the first step is: `"max"`, `"average"`, a class of pooling layer, or a layer that has
            the same arguments and strides of 1.
        seed: int: what the draws begin from. Default: by chance, or from `keras.utils.set_random_seed`.
    """

    has_compiled_op = False

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        grid_size=None,
        pooling="max",
        seed=None,
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self.grid_size = check_grid_size(self.strides if grid_size is None else grid_size, self.strides)
        self.pooling = self._first_step(pooling)
        self.supports_jit = self.pooling.supports_jit
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def _first_step(self, pooling):
        arguments = {
            "pool_size": self.pool_size,
            "strides": (1,) * self.rank,
            "padding": self.padding,
            "data_format": self.data_format,
        }
        if isinstance(pooling, str) and pooling in _MIXES:
            cls = getattr(mixed_pooling, f"MixedPooling{self.rank}D")
            return cls(**arguments, mix=_MIXES[pooling], dtype=self.dtype_policy)
        if isinstance(pooling, type) and issubclass(pooling, keras.Layer):
            pooling = pooling(**arguments, dtype=self.dtype_policy)
        if not isinstance(pooling, keras.Layer):
            raise ValueError(
                f"`pooling` must be one of {sorted(_MIXES)}, a class of pooling layer, or a layer, got "
                f"{pooling!r}."
            )
        for name, value in arguments.items():
            given = getattr(pooling, name, None)
            given = tuple(given) if isinstance(given, list | tuple) else given
            if given != value:
                raise ValueError(f"`pooling` must be a layer with {name}={value!r}, got one with {given!r}.")
        return pooling

    def build(self, input_shape):
        """Builds the first step."""
        if not self.pooling.built:
            self.pooling.build(input_shape)

    def call(self, inputs, training=None):
        """Pools a tensor: by chance in training, and else to averages."""
        # Keras tells layers inside a layer whether it is training.
        seed = self.seed_generator if training else None
        y = s3_downsample(self.pooling(inputs), self.strides, self.grid_size, self.data_format, seed)
        return keras.ops.cast(y, self.compute_dtype)

    def get_config(self):
        """The arguments that make this layer."""
        pooling = keras.saving.serialize_keras_object(self.pooling)
        # This layer builds it, and is the same layer before and after that.
        pooling.pop("build_config", None)
        return {
            **super().get_config(),
            "grid_size": self.grid_size,
            "pooling": pooling,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` describes."""
        if isinstance(config.get("pooling"), dict):
            config = {**config, "pooling": keras.saving.deserialize_keras_object(config["pooling"])}
        return super().from_config(config)


S3Pooling1D, S3Pooling2D, S3Pooling3D = of_every_rank(_S3Pooling)
