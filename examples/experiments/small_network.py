"""A small convolutional network whose poolings are exchanged, and its training on one core."""

from collections.abc import Callable, Sequence

import keras

layers = keras.layers


def network(
    pooling: Callable[[int], keras.layers.Layer],
    shape: Sequence[int],
    channels: Sequence[int] = (16, 32, 32),
    rate: float = 2e-3,
) -> keras.Model:
    """Returns a compiled network: convolutions of size 3, each with a pooling after it, and a classifier.

    Args:
        pooling: function that makes the pooling after a convolution. Its argument counts them from 0.
        shape: list of three ints, the shape of a picture: height, width, channels.
        channels: list of ints, the channels of the convolutions.
        rate: float, the learning rate of Adam.
    """
    steps: list[keras.layers.Layer] = [keras.Input(tuple(shape))]
    for i, count in enumerate(channels):
        steps += [layers.Conv2D(count, 3, padding="same", activation="relu"), pooling(i)]
    model = keras.Sequential([*steps, layers.Flatten(), layers.Dense(10)])
    compile_for_ten(model, rate)
    return model


def compile_for_ten(model: keras.Model, rate: float = 2e-3) -> None:
    """Compiles a network that returns ten logits. XLA would take longer to compile than these runs take."""
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
