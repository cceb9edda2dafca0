"""S3Pool as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import Pooling, PoolingLayer
from tf_softpool.layers.mixed_pooling import MixedPooling1D, MixedPooling2D, MixedPooling3D
from tf_softpool.layers.public import public
from tf_softpool.ops import s3_pool
from tf_softpool.ops.portable.sampling import check_grid_size

# The names of first steps, and the mix of max and average pooling that computes each of them.
_MIXES = {"max": 1.0, "average": 0.0}
_MIXED = {1: MixedPooling1D, 2: MixedPooling2D, 3: MixedPooling3D}


def _has_gpu() -> bool:
    """Returns whether poolings may run on a GPU, where no compiled op has its windows at given positions."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "gpu"
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


class _S3Pooling(Pooling):
    """S3Pool {of_things}.

    {shapes}

    The first step is another pooling with strides of 1. The second step keeps one of every `strides`
    positions of each spatial axis. In training, these positions are drawn at random. Each axis is cut into
    grids, and a grid keeps `grid_size / strides` of its positions, in their order. All choices are equally
    likely, and all examples of a batch share one choice. The last grid may be shorter: with r positions it
    keeps `ceil(r / strides)`. At inference, the second step averages each cell of `strides` positions.
    It needs strides, so there is no global or adaptive form. It heeds no masks of sequences and passes none
    on, because a mask cannot follow the random draws. Keras then warns.
    Source: Zhai et al., "S3Pool: Pooling with stochastic spatial sampling".

    Args:
        {window_arguments}
        grid_size: int, or an int for each spatial dimension: a multiple of `strides`. Larger grids distort
            the input more. Default: `strides`.
        pooling: the first step: `"max"`, `"average"`, a class of pooling layers, or a layer with the same
            window arguments and strides of 1. Default: `"max"`.
        seed: int: the seed of the draws. Default: random, unless `keras.utils.set_random_seed` was called.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(
        self,
        *args: Any,
        grid_size: int | Sequence[int] | None = None,
        pooling: Any = "max",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.grid_size = check_grid_size(self.strides if grid_size is None else grid_size, self.strides)
        self.pooling = self._first_step(pooling)
        self.supports_jit = self.supports_jit and self.pooling.supports_jit
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = False

    def _first_step(self, pooling: Any) -> keras.Layer:
        arguments: dict[str, Any] = {
            "pool_size": self.pool_size,
            "strides": (1,) * self.rank,
            "padding": self.padding,
            "data_format": self.data_format,
        }
        if isinstance(pooling, str) and pooling in _MIXES:
            return _MIXED[self.rank](**arguments, mix=_MIXES[pooling], dtype=self.dtype_policy)
        if isinstance(pooling, type) and issubclass(pooling, keras.Layer):
            pooling = pooling(**arguments, dtype=self.dtype_policy)
        if not isinstance(pooling, keras.Layer):
            raise ValueError(
                f"`pooling` must be one of {sorted(_MIXES)}, a class of pooling layers, or a layer, got "
                f"{pooling!r}."
            )
        for name, value in arguments.items():
            given = getattr(pooling, name, None)
            given = tuple(given) if isinstance(given, list | tuple) else given
            if given != value:
                raise ValueError(f"`pooling` must be a layer with {name}={value!r}, got one with {given!r}.")
        return pooling

    def build(self, input_shape: Sequence) -> None:
        """Builds the first step."""
        if not self.pooling.built:
            self.pooling.build(input_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Pools a tensor: with random draws in training, and to averages otherwise. It heeds no mask."""
        self.check_dense(inputs)
        if mask is not None:
            # Keras gives the first step the mask that is attached to a tensor, but not to its copy.
            inputs = keras.ops.copy(inputs)
        # Keras passes `training` on to the layers inside a layer.
        seed = self.seed_generator if training else None
        grid = self.strides, self.grid_size
        if training and isinstance(self.pooling, PoolingLayer) and not _has_gpu():
            with self.pooling.over(s3_pool.placed(self.pooling.window, inputs, *grid, seed)):
                y = self.pooling(inputs)
        else:
            y = s3_pool.downsample(self.pooling(inputs), *grid, self.data_format, seed)
        return keras.ops.cast(y, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        pooling = keras.saving.serialize_keras_object(self.pooling)
        # This layer builds its first step, so its config must not depend on whether that has been built.
        pooling.pop("build_config", None)
        return {
            **super().get_config(),
            "grid_size": self.grid_size,
            "pooling": pooling,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "_S3Pooling":
        """Makes a layer from the result of `get_config`."""
        if isinstance(config.get("pooling"), dict):
            config = {**config, "pooling": keras.saving.deserialize_keras_object(config["pooling"])}
        return super().from_config(config)


@public
class S3Pooling1D(_S3Pooling):
    rank = 1


@public
class S3Pooling2D(_S3Pooling):
    rank = 2


@public
class S3Pooling3D(_S3Pooling):
    rank = 3
