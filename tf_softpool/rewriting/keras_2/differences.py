"""What the configs of Keras 2 say differently from those of Keras 3: a table, each row with its source.

Each row is for the classes in its first column. A row in `KEYS` is for one key of their configs, a row in
`CLASSES` for the class as a whole. "2.x" is a release of Keras, and "tf_keras" is the package of Keras 2 for
TensorFlow 2.16 and later.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tf_softpool.rewriting.keras_2.errors import Keras2Error, shown

Config = dict[str, Any]

ANY: tuple[str, ...] = ()
RECURRENT = ("SimpleRNN", "LSTM", "GRU", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
CELLS = ("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells")
DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
LOOKUP = ("IntegerLookup", "StringLookup", "TextVectorization")
RANDOM = ("Brightness", "Contrast", "Crop", "Flip", "Height", "Rotation", "Translation", "Width", "Zoom")
INITIALIZERS = (
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "VarianceScaling", "Zeros",
)  # fmt: skip


class Key(NamedTuple):
    """A key of the configs of some classes.

    Attributes:
        classes: the names of the classes, or `ANY`.
        key: the key.
        change: a function that takes the value and returns the keys and values in its place.
        source: where Keras 2 writes the key, and what Keras 3 has instead.
    """

    classes: tuple[str, ...]
    key: str
    change: Callable[[Any], Config]
    source: str


def dropped(_: Any) -> Config:
    """Drops a key that says nothing about what is computed."""
    return {}


def only(*values: Any) -> Callable[[Any], Config]:
    """Drops a key if it has one of these values, with which Keras 3 computes the same."""

    def change(value: Any) -> Config:
        if value not in values:
            raise Keras2Error(f"only {' or '.join(map(repr, values))} can be read, got {shown(value)}.")
        return {}

    return change


def renamed(name: str) -> Callable[[Any], Config]:
    """Gives a key another name."""
    return lambda value: {name: value}


def _axis(value: Any) -> Config:
    return {"axis": value[0] if isinstance(value, list) and len(value) == 1 else value}


def _input_type(value: Any) -> Config:
    return {} if value is None else {"dtype": value}


def _distribution(value: Any) -> Config:
    return {"distribution": "truncated_normal" if value == "normal" else value}


def _function(value: Any) -> Config:
    """Returns a Lambda's function as Keras 3 describes it: bytecode, or a name."""
    if not isinstance(value, list):
        return {"function": value}
    code, defaults, closure = value
    lambda_ = {"code": code, "defaults": defaults, "closure": closure}
    return {"function": {"class_name": "__lambda__", "config": lambda_}}


KEYS: tuple[Key, ...] = (
    Key(ANY, "batch_input_shape", dropped, "Layer.get_config of 2.x; Keras 3 has an InputLayer instead"),
    Key(ANY, "input_dtype", dropped, "Layer.get_config of 2.0; as batch_input_shape"),
    Key(ANY, "batch_size", dropped, "Layer arguments of 2.x; as batch_input_shape"),
    Key(("InputLayer",), "batch_input_shape", renamed("batch_shape"), "InputLayer.get_config of 2.x"),
    Key(("InputLayer",), "input_dtype", _input_type, "InputLayer.get_config of 2.0"),
    Key(("InputLayer",), "type_spec", only(None), "InputLayer.get_config since 2.5"),
    Key(DEPTHWISE + SEPARABLE + TRANSPOSED, "groups", only(1, None), "Conv.get_config since 2.3"),
    Key(DEPTHWISE, "filters", only(None), "Conv.get_config of 2.x"),
    Key(DEPTHWISE + SEPARABLE, "kernel_initializer", dropped, "Conv.get_config since 2.13; not used"),
    Key(DEPTHWISE + SEPARABLE, "kernel_regularizer", only(None), "Conv.get_config since 2.13"),
    Key(DEPTHWISE + SEPARABLE, "kernel_constraint", only(None), "Conv.get_config since 2.13"),
    Key(RECURRENT, "time_major", only(False, None), "RNN.get_config of tf.keras"),
    Key(RECURRENT + CELLS, "implementation", dropped, "LSTM.get_config of 2.x: how, and not what"),
    Key(RECURRENT, "input_dim", dropped, "Recurrent.get_config of 2.0"),
    Key(RECURRENT, "input_length", dropped, "Recurrent.get_config of 2.0"),
    Key(("Embedding",), "input_length", dropped, "Embedding.get_config of 2.x"),
    Key(("Embedding",), "dropout", only(0, 0.0, None), "Embedding.get_config of 1.x"),
    Key(("LeakyReLU",), "alpha", renamed("negative_slope"), "LeakyReLU.get_config of 2.x"),
    Key(
        ("ThresholdedReLU",), "theta", renamed("threshold"), "ThresholdedReLU of 2.x; ReLU of 3 does the same"
    ),
    Key(("BatchNormalization",), "axis", _axis, "BatchNormalization.get_config of tf.keras: a list"),
    Key(("BatchNormalization",), "fused", dropped, "BatchNormalization of TensorFlow 1: how, and not what"),
    Key(("BatchNormalization",), "renorm", only(False, None), "BatchNormalization of TensorFlow 1"),
    Key(
        ("BatchNormalization",), "renorm_clipping", dropped, "BatchNormalization of TensorFlow 1, with renorm"
    ),
    Key(
        ("BatchNormalization",), "renorm_momentum", dropped, "BatchNormalization of TensorFlow 1, with renorm"
    ),
    Key(("BatchNormalization",), "virtual_batch_size", only(None), "BatchNormalization of TensorFlow 1"),
    Key(("BatchNormalization",), "adjustment", only(None), "BatchNormalization of TensorFlow 1"),
    Key(("BatchNormalization",), "mode", only(0), "BatchNormalization of 1.x"),
    Key(
        ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
        "noise_shape",
        dropped,
        "Dropout.get_config of 2.x: the layer computes it",
    ),
    Key(LOOKUP, "vocabulary_size", dropped, "IndexLookup.get_config since 2.9: the vocabulary has it"),
    Key(("CategoryEncoding",), "max_tokens", renamed("num_tokens"), "CategoryEncoding of 2.4"),
    Key(("Attention", "AdditiveAttention"), "causal", only(False), "BaseDenseAttention until 2.10"),
    Key(
        ("MultiHeadAttention",),
        "query_shape",
        dropped,
        "MultiHeadAttention of 2.x; Keras 3 builds by calling",
    ),
    Key(("MultiHeadAttention",), "key_shape", dropped, "as query_shape"),
    Key(("MultiHeadAttention",), "value_shape", dropped, "as query_shape"),
    Key(("MultiHeadAttention",), "softmax_robust_masking", only(False), "MultiHeadAttention of tf_keras"),
    Key(tuple("Random" + name for name in RANDOM), "rng_type", dropped, "BaseRandomLayer since 2.9"),
    Key(
        ("Lambda",), "function", _function, "Lambda.get_config of 2.x: a list of bytecode, defaults, closure"
    ),
    Key(("Lambda",), "function_type", dropped, "Lambda.get_config of 2.x"),
    Key(("Lambda",), "module", dropped, "Lambda.get_config of 2.x"),
    Key(("Lambda",), "output_shape_type", dropped, "Lambda.get_config of 2.x"),
    Key(("Lambda",), "output_shape_module", dropped, "Lambda.get_config of 2.x"),
    Key(INITIALIZERS, "dtype", dropped, "initializers of TensorFlow 1"),
    Key(("VarianceScaling",), "distribution", _distribution, 'initializers of 2.x: "normal" is truncated'),
)
# Classes with another name in Keras 3.
CLASSES: dict[str, tuple[str, str]] = {
    "ThresholdedReLU": ("ReLU", "ReLU of Keras 3 has a threshold"),
    "BatchNormalizationV1": ("BatchNormalization", "tf.keras of TensorFlow 1"),
    "BatchNormalizationV2": ("BatchNormalization", "tf.keras of TensorFlow 1"),
    "SyncBatchNormalization": (
        "BatchNormalization",
        "keras.layers.experimental of 2.x; it has `synchronized`",
    ),
    "LSTMV2": ("LSTM", "tf.keras of TensorFlow 1"),
    "GRUV2": ("GRU", "tf.keras of TensorFlow 1"),
    "Convolution2D": ("Conv2D", "the names of 1.x"),
}
# Layers of `keras.applications` that are not public, and the modules that Keras 3 writes for them itself.
OF_APPLICATIONS = {
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
}
# What a layer of an older release does if its config lacks a key, because the release lacked the argument.
DEFAULTS: dict[str, tuple[Config, str]] = {
    "GRU": ({"reset_after": False}, "GRU of 2.0; Keras 3 has True"),
    "GRUCell": ({"reset_after": False}, "GRUCell of 2.0; Keras 3 has True"),
    "ThresholdedReLU": ({"negative_slope": 0.0}, "ReLU of Keras 3"),
}
