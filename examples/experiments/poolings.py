"""Pooling layers of images by the names that experiments give them."""

from collections.abc import Callable

import keras

import tf_softpool as tsp

_layers = tsp.layers

# Each takes the size of the windows and a seed, which only layers that draw use.
POOLINGS: dict[str, Callable[[int, int], keras.layers.Layer]] = {
    "max": lambda k, seed: keras.layers.MaxPooling2D(k),
    "average": lambda k, seed: keras.layers.AveragePooling2D(k),
    "sum": lambda k, seed: _layers.SumPooling2D(k),
    "soft": lambda k, seed: _layers.SoftPooling2D(k),
    "sorted": lambda k, seed: _layers.SortedPooling2D(k),
    "local importance": lambda k, seed: _layers.LocalImportancePooling2D(k),
    "power average": lambda k, seed: _layers.PowerAveragePooling2D(k),
    "L2": lambda k, seed: _layers.LpPooling2D(k, initial_p=2.0, trainable=False),
    "Lp": lambda k, seed: _layers.LpPooling2D(k, initial_p=2.0),
    "mixed": lambda k, seed: _layers.MixedPooling2D(k),
    "gated": lambda k, seed: _layers.GatedPooling2D(k),
    "stochastic": lambda k, seed: _layers.StochasticPooling2D(k, seed=seed),
    "DPP lite sym": lambda k, seed: _layers.DetailPreservingPooling2D(k),
    "DPP lite asym": lambda k, seed: _layers.DetailPreservingPooling2D(k, symmetric=False),
    "DPP full sym": lambda k, seed: _layers.DetailPreservingPooling2D(k, variant="full"),
    "DPP full asym": lambda k, seed: _layers.DetailPreservingPooling2D(k, variant="full", symmetric=False),
    "S3": lambda k, seed: _layers.S3Pooling2D(k, seed=seed),
    "S3DPP lite sym": lambda k, seed: _layers.S3Pooling2D(k, pooling=_first_step(k), seed=seed),
    "strided convolution": lambda k, seed: _StridedConvolution(k),
}


def _first_step(k: int) -> keras.layers.Layer:
    return _layers.DetailPreservingPooling2D(k, strides=1)


@keras.saving.register_keras_serializable("experiments")
class _StridedConvolution(keras.layers.Layer):
    """A 3x3 convolution to as many channels, with strides in the place of pooling."""

    def __init__(self, k: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.k = k

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.convolution = keras.layers.Conv2D(shape[-1], 3, strides=self.k, padding="same")
        self.convolution.build(shape)
        super().build(shape)

    def call(self, x: object) -> object:
        return self.convolution(x)
