"""Small models, at least one for each layer of Keras 2, and how each is called. No Keras is imported."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np


class Model(NamedTuple):
    """A model of Keras 2.

    Attributes:
        make: a function that takes the module `tf_keras` and returns the model.
        inputs: the shapes of its inputs without the batch, or arrays of what it is called with.
        labels: the labels that it is evaluated with, or None if it is not compiled.
    """

    make: Callable[[Any], Any]
    inputs: tuple
    labels: Any = None


# The layer that pools first, by the number of dimensions of a layer's input.
_POOLING = {2: "MaxPooling1D", 3: "MaxPooling2D", 4: "MaxPooling3D"}
Layers = Callable[[Any], Any]


def _sequential(shape: tuple, *layers: Layers) -> Model:
    """Returns a Sequential model: pooling if the input has that many dimensions, and then these layers."""

    def make(keras: Any) -> Any:
        first = [getattr(keras.layers, _POOLING[len(shape)])(2)] if len(shape) in _POOLING else []
        rest = [layer(keras.layers) for layer in layers]
        return keras.Sequential([keras.layers.InputLayer(shape), *first, *rest])

    return Model(make, (shape,))


def _functional(shape: tuple, call: Callable[[Any, Any], Any]) -> Model:
    """Returns a Functional model: pooling, and then what `call(layers, x)` computes."""

    def make(keras: Any) -> Any:
        x = keras.Input(shape)
        pooled = getattr(keras.layers, _POOLING[len(shape)])(2)(x) if len(shape) in _POOLING else x
        return keras.Model(x, call(keras.layers, pooled))

    return Model(make, (shape,))


IMAGE, STEPS, VOLUME, FLAT = (8, 8, 3), (12, 3), (6, 6, 6, 2), (7,)
_ONE: dict[str, tuple] = {
    # Convolutions.
    "conv1d": (STEPS, lambda L: L.Conv1D(4, 3, dilation_rate=2, padding="causal", activation="relu")),
    "conv1d_groups": (STEPS, lambda L: L.Conv1D(6, 3, groups=3, kernel_regularizer="l2")),
    "conv2d": (IMAGE, lambda L: L.Conv2D(4, 3, kernel_constraint="max_norm", bias_initializer="ones")),
    "conv3d": (VOLUME, lambda L: L.Conv3D(4, 2, activation="swish")),
    "conv1d_transpose": (STEPS, lambda L: L.Conv1DTranspose(4, 3, strides=2)),
    "conv2d_transpose": (IMAGE, lambda L: L.Conv2DTranspose(4, 3, strides=2, output_padding=1)),
    "conv3d_transpose": (VOLUME, lambda L: L.Conv3DTranspose(4, 2)),
    "depthwise_conv1d": (STEPS, lambda L: L.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise_conv2d": (IMAGE, lambda L: L.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable_conv1d": (STEPS, lambda L: L.SeparableConv1D(4, 3)),
    "separable_conv2d": (IMAGE, lambda L: L.SeparableConv2D(4, 3, depth_multiplier=2)),
    "locally_connected1d": (STEPS, lambda L: L.LocallyConnected1D(4, 3)),
    "locally_connected2d": (IMAGE, lambda L: L.LocallyConnected2D(4, 3)),
    # Pooling, global pooling and what changes shapes.
    "average_pooling1d": (STEPS, lambda L: L.AveragePooling1D(2)),
    "average_pooling2d": (IMAGE, lambda L: L.AveragePooling2D(2, padding="same")),
    "average_pooling3d": (VOLUME, lambda L: L.AveragePooling3D(2)),
    "global_average_pooling1d": (STEPS, lambda L: L.GlobalAveragePooling1D()),
    "global_average_pooling2d": (IMAGE, lambda L: L.GlobalAveragePooling2D(keepdims=True)),
    "global_average_pooling3d": (VOLUME, lambda L: L.GlobalAveragePooling3D()),
    "global_max_pooling1d": (STEPS, lambda L: L.GlobalMaxPooling1D()),
    "global_max_pooling2d": (IMAGE, lambda L: L.GlobalMaxPooling2D()),
    "global_max_pooling3d": (VOLUME, lambda L: L.GlobalMaxPooling3D()),
    "cropping1d": (STEPS, lambda L: L.Cropping1D(1)),
    "cropping2d": (IMAGE, lambda L: L.Cropping2D(1)),
    "cropping3d": (VOLUME, lambda L: L.Cropping3D(1)),
    "up_sampling1d": (STEPS, lambda L: L.UpSampling1D(2)),
    "up_sampling2d": (IMAGE, lambda L: L.UpSampling2D(2, interpolation="bilinear")),
    "up_sampling3d": (VOLUME, lambda L: L.UpSampling3D(2)),
    "zero_padding1d": (STEPS, lambda L: L.ZeroPadding1D(1)),
    "zero_padding2d": (IMAGE, lambda L: L.ZeroPadding2D(((1, 0), (2, 1)))),
    "zero_padding3d": (VOLUME, lambda L: L.ZeroPadding3D(1)),
    "flatten": (IMAGE, lambda L: L.Flatten()),
    "reshape": (IMAGE, lambda L: L.Reshape((-1, 6))),
    "permute": (IMAGE, lambda L: L.Permute((3, 1, 2))),
    "repeat_vector": (FLAT, lambda L: L.RepeatVector(3)),
    # Dense layers, activations, regularization.
    "dense": (FLAT, lambda L: L.Dense(4, activation="softmax", activity_regularizer="l1")),
    "einsum_dense": (STEPS, lambda L: L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")),
    "activation": (IMAGE, lambda L: L.Activation("hard_sigmoid")),
    "activation_gelu": (IMAGE, lambda L: L.Activation("gelu")),
    "activity_regularization": (FLAT, lambda L: L.ActivityRegularization(l1=0.1)),
    "elu": (FLAT, lambda L: L.ELU(0.5)),
    "leaky_re_lu": (IMAGE, lambda L: L.LeakyReLU(0.2)),
    "p_re_lu": (IMAGE, lambda L: L.PReLU(shared_axes=[1, 2])),
    "re_lu": (IMAGE, lambda L: L.ReLU(6.0, negative_slope=0.1, threshold=0.2)),
    "softmax": (FLAT, lambda L: L.Softmax()),
    "softmax_axis": (STEPS, lambda L: L.Softmax(axis=1)),
    "thresholded_re_lu": (FLAT, lambda L: L.ThresholdedReLU(0.5)),
    "dropout": (FLAT, lambda L: L.Dropout(0.5, noise_shape=(None, 7), seed=1)),
    "alpha_dropout": (FLAT, lambda L: L.AlphaDropout(0.5)),
    "gaussian_dropout": (FLAT, lambda L: L.GaussianDropout(0.5)),
    "gaussian_noise": (FLAT, lambda L: L.GaussianNoise(0.5)),
    "spatial_dropout1d": (STEPS, lambda L: L.SpatialDropout1D(0.5)),
    "spatial_dropout2d": (IMAGE, lambda L: L.SpatialDropout2D(0.5)),
    "spatial_dropout3d": (VOLUME, lambda L: L.SpatialDropout3D(0.5)),
    "identity": (FLAT, lambda L: L.Identity()),
    "masking": (STEPS, lambda L: L.Masking(0.0)),
    # Normalization.
    "batch_normalization": (IMAGE, lambda L: L.BatchNormalization()),
    "batch_normalization_axis": (IMAGE, lambda L: L.BatchNormalization(axis=1, scale=False)),
    "batch_normalization_synchronized": (IMAGE, lambda L: L.BatchNormalization(synchronized=True)),
    "group_normalization": ((8, 8, 4), lambda L: L.GroupNormalization(2)),
    "layer_normalization": (STEPS, lambda L: L.LayerNormalization()),
    "layer_normalization_axes": (IMAGE, lambda L: L.LayerNormalization(axis=[-2, -1])),
    "unit_normalization": (STEPS, lambda L: L.UnitNormalization()),
    # Recurrent layers.
    "simple_rnn": (STEPS, lambda L: L.SimpleRNN(4)),
    "lstm": (STEPS, lambda L: L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid")),
    "gru": (STEPS, lambda L: L.GRU(4)),
    "gru_before": (STEPS, lambda L: L.GRU(4, reset_after=False)),
    "rnn_simple": (STEPS, lambda L: L.RNN(L.SimpleRNNCell(4))),
    "rnn_lstm": (STEPS, lambda L: L.RNN(L.LSTMCell(4))),
    "rnn_gru": (STEPS, lambda L: L.RNN(L.GRUCell(4))),
    "stacked_cells": (STEPS, lambda L: L.RNN(L.StackedRNNCells([L.LSTMCell(4), L.GRUCell(3)]))),
    "stacked_cells_in_rnn": (STEPS, lambda L: L.RNN([L.SimpleRNNCell(4), L.LSTMCell(3)])),
    "bidirectional": (STEPS, lambda L: L.Bidirectional(L.LSTM(4))),
    "bidirectional_other": (
        STEPS,
        lambda L: L.Bidirectional(
            L.GRU(4, return_sequences=True),
            merge_mode="sum",
            backward_layer=L.LSTM(4, return_sequences=True, go_backwards=True),
        ),
    ),
    "time_distributed": (IMAGE, lambda L: L.TimeDistributed(L.Dense(4))),
    "time_distributed_pooling": (IMAGE, lambda L: L.TimeDistributed(L.MaxPooling1D(2))),
    "conv_lstm1d": (IMAGE, lambda L: L.ConvLSTM1D(2, 3, padding="same")),
    "conv_lstm2d": (VOLUME, lambda L: L.ConvLSTM2D(2, 2)),
    # Preprocessing.
    "rescaling": (IMAGE, lambda L: L.Rescaling(0.5, offset=1.0)),
    "resizing": (IMAGE, lambda L: L.Resizing(6, 5)),
    "center_crop": (IMAGE, lambda L: L.CenterCrop(2, 3)),
    "random_brightness": (IMAGE, lambda L: L.RandomBrightness(0.2)),
    "random_contrast": (IMAGE, lambda L: L.RandomContrast(0.2)),
    "random_crop": (IMAGE, lambda L: L.RandomCrop(4, 4)),
    "random_flip": (IMAGE, lambda L: L.RandomFlip("horizontal")),
    "random_height": (IMAGE, lambda L: L.RandomHeight(0.2)),
    "random_rotation": (IMAGE, lambda L: L.RandomRotation(0.2)),
    "random_translation": (IMAGE, lambda L: L.RandomTranslation(0.2, 0.2)),
    "random_width": (IMAGE, lambda L: L.RandomWidth(0.2)),
    "random_zoom": (IMAGE, lambda L: L.RandomZoom(0.2)),
}
# Inputs that are not random numbers.
_NUMBERS = np.arange(12).reshape(3, 4) % 7
_WORDS = np.array([["ab"], ["cd"], ["xy"]], object)
_GIVEN: dict[str, tuple] = {
    "embedding": (_NUMBERS, "int32", lambda L: L.Embedding(7, 3, input_length=4)),
    "embedding_mask": (_NUMBERS, "int32", lambda L: L.Embedding(7, 3, mask_zero=True)),
    "category_encoding": (_NUMBERS, "int32", lambda L: L.CategoryEncoding(7, output_mode="multi_hot")),
    "discretization": (
        _NUMBERS.astype("float32"),
        "float32",
        lambda L: L.Discretization(bin_boundaries=[1.5, 3.0]),
    ),
    "hashing": (_NUMBERS, "int32", lambda L: L.Hashing(5)),
    "integer_lookup": (_NUMBERS, "int64", lambda L: L.IntegerLookup(vocabulary=[1, 3, 5])),
    "string_lookup": (_WORDS, "string", lambda L: L.StringLookup(vocabulary=["ab", "cd"])),
    "text_vectorization": (
        _WORDS,
        "string",
        lambda L: L.TextVectorization(vocabulary=["ab", "cd"], output_sequence_length=3),
    ),
    "normalization": (
        _NUMBERS.astype("float32"),
        "float32",
        lambda L: L.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2.0, 1.0, 2.0]),
    ),
}


def _given(array: np.ndarray, dtype: str, layer: Layers) -> Model:
    def make(keras: Any) -> Any:
        return keras.Sequential([keras.Input(array.shape[1:], dtype=dtype), layer(keras.layers)])

    return Model(make, (array,))


def _adapted(keras: Any) -> Any:
    layer = keras.layers.Normalization()
    layer.adapt(np.arange(24, dtype="float32").reshape(4, 6) ** 1.5)
    return keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(2)])


def _merging(name: str, **arguments: Any) -> Model:
    def make(keras: Any) -> Any:
        a, b = keras.Input(STEPS), keras.Input(STEPS)
        pool = keras.layers.MaxPooling1D(2)
        return keras.Model([a, b], getattr(keras.layers, name)(**arguments)([pool(a), pool(b)]))

    return Model(make, (STEPS, STEPS))


def _crossing(keras: Any) -> Any:
    a, b = keras.Input((1,), dtype="int32"), keras.Input((1,), dtype="int32")
    return keras.Model([a, b], keras.layers.HashedCrossing(5)((a, b)))


def _attending(keras: Any, layer: Any) -> Any:
    a, b = keras.Input(STEPS), keras.Input(STEPS)
    return keras.Model([a, b], layer([keras.layers.MaxPooling1D(2)(a), b]))


def _multi_head(keras: Any) -> Any:
    a, b = keras.Input(STEPS), keras.Input(STEPS)
    layer = keras.layers.MultiHeadAttention(2, 4)
    return keras.Model([a, b], layer(query=keras.layers.MaxPooling1D(2)(a), value=b))


def _nested(keras: Any) -> Any:
    """Transfer learning: a Functional model inside a Sequential one."""
    image = keras.Input(IMAGE)
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(image))
    base = keras.Model(image, keras.layers.MaxPooling2D(2)(x))
    base.trainable = False
    return keras.Sequential([base, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])


def _nested_twice(keras: Any) -> Any:
    """A model of two outputs inside a model, which calls it on two inputs."""
    image = keras.Input(IMAGE)
    pooled = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(4, 3)(image))
    base = keras.Model(image, [pooled, keras.layers.GlobalAveragePooling2D()(pooled)], name="base")
    a, b = keras.Input(IMAGE), keras.Input(IMAGE)
    (x, y), (z, w) = base(a), base(b)
    return keras.Model({"a": a, "b": b}, [keras.layers.Add()([x, z]), keras.layers.Dense(2)(y - w)])


def _operators(keras: Any) -> Any:
    """Python's operators and TensorFlow's functions on symbolic tensors: layers of class TFOpLambda."""
    import tensorflow as tf

    x = keras.Input(IMAGE)
    y = keras.layers.MaxPooling2D(2)(x)
    y = tf.nn.relu(tf.concat([y * 2.0 - 1.0, 0.5 / (1.0 + tf.abs(y))], axis=-1))
    y = tf.reshape(y, [-1, 4, 4 * 6])[:, 1:, ::2]
    return keras.Model(x, tf.reduce_mean(y, axis=[1], keepdims=True) ** 2)


def _trained(keras: Any) -> Any:
    model = keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, activation="relu", input_shape=IMAGE),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((4, *IMAGE), "float32"), np.zeros(4), verbose=0)
    return model


def _old_optimizer(keras: Any) -> Any:
    model = _trained(keras)
    model.compile(
        keras.optimizers.legacy.RMSprop(0.01, decay=1e-3),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    model.fit(np.ones((4, *IMAGE), "float32"), np.zeros(4), verbose=0)
    return model


def _legacy_adam(keras: Any) -> Any:
    """Two variables of the same shape, so that their momentums could be exchanged."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])
    model.compile(keras.optimizers.legacy.Adam(0.01), "mse")
    model.fit(np.eye(4), np.eye(4)[::-1], epochs=2, verbose=0)
    return model


def _unfrozen(keras: Any) -> Any:
    """Transfer learning with the last layer of the base unfrozen again."""
    model = _nested(keras)
    model.layers[0].layers[1].trainable = True
    return model


def _states(keras: Any) -> Any:
    """An encoder and a decoder that starts from its states."""
    a, b = keras.Input(STEPS), keras.Input(STEPS)
    _, h, c = keras.layers.LSTM(4, return_state=True)(keras.layers.MaxPooling1D(2)(a))
    return keras.Model([a, b], keras.layers.LSTM(4, return_sequences=True)(b, initial_state=[h, c]))


def _joined_masks(keras: Any) -> Any:
    """A masked and an unmasked input, joined."""
    a, b = keras.Input((4,), dtype="int32"), keras.Input((4,), dtype="int32")
    masked, unmasked = keras.layers.Embedding(7, 3, mask_zero=True)(a), keras.layers.Embedding(7, 2)(b)
    joined = keras.layers.Concatenate()([masked, unmasked])
    return keras.Model([a, b], keras.layers.LSTM(4)(joined))


def _ellipsis(keras: Any) -> Any:
    """The preprocessing of VGG and ResNet, inside a model."""
    x = keras.Input(IMAGE)
    return keras.Model(x, keras.layers.MaxPooling2D(2)(keras.applications.vgg16.preprocess_input(x)))


def _slash_beside_underscore(keras: Any) -> Any:
    names = ("conv/a", "conv_a", "conv_a_")
    return keras.Sequential([keras.Input(IMAGE), *(keras.layers.Conv2D(3, 1, name=name) for name in names)])


def _compiled(keras: Any, optimizer: Any, loss: Any, metrics: Any = None) -> Any:
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(3, activation="softmax", name="a")(x))
    model.compile(optimizer, loss, metrics=metrics)
    model.fit(np.eye(4), LABELS, epochs=2, verbose=0)
    return model


def _two_outputs(keras: Any, loss: Any, metrics: Any) -> Any:
    x = keras.Input((4,))
    model = keras.Model(x, [keras.layers.Dense(3, name=name)(x) for name in "ab"])
    model.compile("sgd", loss, metrics=metrics)
    model.fit(np.eye(4), _OF_TWO, verbose=0)
    return model


def _slashes(keras: Any) -> Any:
    return keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, name="conv1/conv", input_shape=IMAGE),
            keras.layers.BatchNormalization(name="conv1/bn"),
            keras.layers.MaxPooling2D(2, name="pool1/max"),
        ],
        name="with/slashes",
    )


def _initialized(keras: Any) -> Any:
    """Initializers, regularizers, constraints and activations as objects."""
    layer = keras.layers.Conv2D(
        4,
        3,
        activation=keras.layers.LeakyReLU(0.1),
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal", seed=3),
        bias_initializer=keras.initializers.Constant(0.5),
        kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
        activity_regularizer=keras.regularizers.L2(0.1),
        kernel_constraint=keras.constraints.MinMaxNorm(0.1, 2.0),
    )
    return keras.Sequential([keras.Input(IMAGE), layer, keras.layers.MaxPooling2D(2)])


def _mixed_precision(keras: Any) -> Any:
    policy = keras.mixed_precision.Policy("mixed_float16")
    return keras.Sequential(
        [keras.Input(IMAGE), keras.layers.Conv2D(4, 3, dtype=policy), keras.layers.MaxPooling2D(2)]
    )


LABELS = np.full((4, 3), 1 / 3, "float32")
_OF_TWO = [LABELS, LABELS]
_COMPILED: dict[str, Callable[[Any], Any]] = {
    "schedule": lambda k: _compiled(
        k, k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.1, 1, 0.9)), "mse"
    ),
    "kld": lambda k: _compiled(k, "sgd", "kld", ["mse"]),
    "logcosh": lambda k: _compiled(k, "sgd", "logcosh", ["mse"]),
    "cosine": lambda k: _compiled(k, "sgd", "cosine_similarity", ["cosine_similarity"]),
    "adamw": lambda k: _compiled(
        k, k.optimizers.AdamW(0.01), k.losses.KLDivergence(), [k.metrics.AUC(name="auc")]
    ),
}
_TWO: dict[str, Callable[[Any], Any]] = {
    "metrics_of_one": lambda k: _two_outputs(k, "mse", {"a": ["mae"]}),
    "metrics_of_all": lambda k: _two_outputs(k, "mse", ["mae"]),
    "loss_of_one": lambda k: _two_outputs(k, {"a": "mse"}, None),
}
MODELS: dict[str, Model] = (
    {name: _sequential(*row) for name, row in _ONE.items()}
    | {
        f"{name}_functional": _functional(row[0], lambda L, x, f=row[1]: f(L)(x))
        for name, row in _ONE.items()
    }
    | {name: _given(*row) for name, row in _GIVEN.items()}
    | {
        name.lower(): _merging(name, **arguments)
        for name, arguments in {
            "Add": {},
            "Average": {},
            "Concatenate": {"axis": 1},
            "Dot": {"axes": (2, 2)},
            "Maximum": {},
            "Minimum": {},
            "Multiply": {},
            "Subtract": {},
        }.items()
    }
    | {
        "hashed_crossing": Model(_crossing, (_NUMBERS[:, :1], _NUMBERS[:, 1:2])),
        "attention": Model(lambda k: _attending(k, k.layers.Attention(use_scale=True)), (STEPS, STEPS)),
        "additive_attention": Model(lambda k: _attending(k, k.layers.AdditiveAttention()), (STEPS, STEPS)),
        "multi_head_attention": Model(_multi_head, (STEPS, STEPS)),
        "conv_lstm3d": _sequential((2, 6, 6, 6, 1), lambda L: L.ConvLSTM3D(2, 2)),
        "normalization_adapted": Model(_adapted, ((6,),)),
        "nested": Model(_nested, (IMAGE,)),
        "nested_twice": Model(_nested_twice, (IMAGE, IMAGE)),
        "operators": Model(_operators, (IMAGE,)),
        "trained": Model(_trained, (IMAGE,)),
        "old_optimizer": Model(_old_optimizer, (IMAGE,)),
        "identity_initializer": _sequential(FLAT, lambda L: L.Dense(7, kernel_initializer="identity")),
        "unfrozen": Model(_unfrozen, (IMAGE,)),
        "states": Model(_states, (STEPS, STEPS)),
        "joined_masks": Model(_joined_masks, (_NUMBERS, _NUMBERS[::-1])),
        "ellipsis": Model(_ellipsis, (IMAGE,)),
        "slash_beside_underscore": Model(_slash_beside_underscore, (IMAGE,)),
        "legacy_adam": Model(_legacy_adam, ((4,),)),
        "slashes": Model(_slashes, (IMAGE,)),
        "initialized": Model(_initialized, (IMAGE,)),
        "mixed_precision": Model(_mixed_precision, (IMAGE,)),
    }
    | {name: Model(make, (np.eye(4, dtype="float32"),), LABELS) for name, make in _COMPILED.items()}
    | {name: Model(make, (np.eye(4, dtype="float32"),), _OF_TWO) for name, make in _TWO.items()}
)


# The layers that Keras 3 lacks.
LACKING = ("locally_connected1d", "locally_connected2d", "random_height", "random_width")


def formats_of(name: str) -> tuple[str, ...]:
    """Returns the formats that a model is saved in. A layer is saved in one, and its twin in the other."""
    if name.removesuffix("_functional") in _ONE:
        return ("keras",) if name.endswith("_functional") else ("h5",)
    # Keras 2 does not write `...` to archives.
    return ("h5",) if name == "ellipsis" else ("h5", "keras")


def samples(inputs: Iterable) -> list[np.ndarray]:
    """Returns what a model is called with: the given arrays, and random numbers for each shape."""
    random = np.random.default_rng(0)
    return [
        each if isinstance(each, np.ndarray) else random.normal(size=(3, *each)).astype("float32")
        for each in inputs
    ]
