"""A model with layers of every kind, for both frameworks to build, train, save and load."""

import keras

import tf_softpool as tsp


def model():
    """Returns a compiled model whose poolings are all compiled ones."""
    layers = tsp.layers
    inputs = keras.Input((14, 13, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.SoftPooling2D(3, 2, "same")(x)
    x = layers.SortedPooling2D(2, 1, pool_range=3)(x)
    x = layers.DetailPreservingPooling2D(2, 1, "same", variant="full")(x)
    x = layers.LocalImportancePooling2D(2, 1, "same")(x)
    x = layers.LpPooling2D(2, 1)(x)
    x = layers.GatedPooling2D(2, 1, "same")(x)
    x = layers.MixedPooling2D(2, 1)(x)
    x = keras.layers.Concatenate()([layers.GlobalSoftPooling2D()(x), layers.GlobalSumPooling2D()(x)])
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model
