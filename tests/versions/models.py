"""Models of every layer and function, to be saved with one version of Keras and loaded with others."""

import keras
import numpy as np

import tf_softpool as tsp

L, K = tsp.layers, keras.layers
# What a layer must be given, or is given so that its config has more than defaults. By the name of a pooling.
ARGUMENTS = {
    "DetailPreserving": {"variant": "full", "symmetric": False},
    "LocalImportance": {"kernel_initializer": L.CenterTap(0.5), "scale_initializer": "ones"},
    "Lp": {"per_channel": True, "initial_p": 3},
    "Mixed": {"per_channel": True, "mix_initializer": keras.initializers.Constant(0.3)},
    "PowerAverage": {"p": 3},
    "S3": {"seed": 3, "padding": "same"},
    "Soft": {"gradient": "weights", "dtype": "mixed_bfloat16"},
    "Sorted": {
        "pool_range": 2,
        "rank_initializer": L.LeadingRank(0.6),
        "rank_regularizer": keras.regularizers.L2(1e-3),
    },
    "Stochastic": {"seed": 3},
}
CHANNELS = 3


def of_layer(cls):
    """Returns a function that makes a model of one layer."""

    def make():
        name = cls.__name__.removeprefix("Global").removeprefix("Adaptive").partition("Pooling")[0]
        arguments = {**ARGUMENTS.get(name, {}), **({"output_size": 2} if "Adaptive" in cls.__name__ else {})}
        i = keras.Input((*(8, 6, 7)[: cls.rank], CHANNELS))
        return keras.Model(i, cls(**arguments, name="pool")(i))

    return make


def functions():
    """Returns a model of functions, each of which is a node."""
    i = keras.Input((8, 8, CHANNELS))
    logits = K.Conv2D(CHANNELS, 3, padding="same", kernel_initializer="ones", name="logits")(i)
    pooled = [
        tsp.soft_pool(i, 2),
        tsp.importance_pool(i, logits, 2),
        tsp.sorted_pool(i, keras.ops.ones((4,)), 2),
        tsp.detail_preserving_pool(i, None, keras.ops.ones((CHANNELS,)), keras.ops.ones((CHANNELS,)), 2),
    ]
    return keras.Model(i, K.Add()(pooled))


def masked():
    """Returns a model that passes a mask through poolings. In it, a pooled mask is a node."""
    i = keras.Input((8,), dtype="int32")
    x = K.Embedding(9, CHANNELS, mask_zero=True, embeddings_initializer="ones")(i)
    x = L.SoftPooling1D(2)(x)
    x = L.AdaptiveSumPooling1D(3)(x)
    return keras.Model(i, K.GlobalAveragePooling1D()(x))


def nested():
    """Returns a model whose layers are in a wrapper, in a model and in a pooling."""
    i = keras.Input((2, 8, 8, CHANNELS))
    inner = keras.Sequential([keras.Input((8, 8, CHANNELS)), L.GatedPooling2D(3, 1), L.SumPooling2D(2)])
    x = K.TimeDistributed(L.MixedPooling2D(1))(i)
    x = K.TimeDistributed(inner)(x)
    return keras.Model(i, K.TimeDistributed(L.S3Pooling2D(2, pooling=L.LpPooling2D(2, 1)))(x))


def replaced(optimizer):
    """Returns a function that makes a model with replaced poolings, and trains it."""

    def make():
        i = keras.Input((8, 8, CHANNELS))
        x = K.Conv2D(4, 3, kernel_initializer="ones", name="conv")(i)
        x = K.MaxPooling2D(2, name="pool")(K.BatchNormalization(name="normal")(x))
        x = K.GlobalAveragePooling2D(name="mean")(x)
        model = keras.Model(i, K.Dense(2, kernel_initializer="ones", name="dense")(x))
        randomize(model)
        model.compile(optimizer(), "mse", metrics=["mae"])
        train(model)
        new, report = tsp.replace_pooling(model, {"max": "local_importance", "global_average": "lp"})
        assert report.check.passed
        train(new)
        return new

    return make


def randomize(model):
    """Gives the variables of a model values that all parameters of poolings may have."""
    random = np.random.default_rng(0)
    for variable in model.weights:
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(random.uniform(0.2, 0.8, variable.shape))


def samples(model):
    """Returns an input for a model."""
    shape, dtype = (4, *model.input_shape[1:]), model.inputs[0].dtype
    if dtype == "int32":
        return np.arange(np.prod(shape), dtype="int32").reshape(shape) % 9
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def train(model):
    """Trains a model for three steps."""
    x = samples(model)
    model.fit(x, np.zeros((len(x), *model.output_shape[1:])), epochs=3, shuffle=False, verbose=0)


def is_trained(name):
    """Returns whether a model is saved with an optimizer."""
    return name.startswith("replaced")


# Every form of every pooling, with the numbers of dimensions in turn.
NAMES = sorted({name[:-2] for name in L.__all__ if name.endswith("D")})
MODELS = {name: of_layer(getattr(L, f"{name}{1 + i % 3}D")) for i, name in enumerate(NAMES)}
MODELS |= {"functions": functions, "masked": masked, "nested": nested}
MODELS |= {
    "replaced, Adam": replaced(lambda: keras.optimizers.Adam(0.01)),
    "replaced, SGD": replaced(lambda: keras.optimizers.SGD(0.01, momentum=0.9, use_ema=True)),
    "replaced, scaled": replaced(lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))),
}
