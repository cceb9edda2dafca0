"""Tests of what all layers have in common: shapes, configs, saving, mixed precision and training."""

import math

import keras
import numpy as np
import pytest
from cases import DATA_FORMATS, PADDINGS
from keras_versions import losses
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp
from tf_softpool.ops.native.tensorflow import xla

OTHERS = (
    "GatedPooling",
    "LpPooling",
    "MedianPooling",
    "MixedPooling",
    "PowerAveragePooling",
    "S3Pooling",
    "StochasticPooling",
    "SumPooling",
)

ARGUMENTS = [
    {},
    {"pool_size": 3},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 1, "strides": 2},
]
FIRST = ("SoftPooling", "SortedPooling", "DetailPreservingPooling", "LocalImportancePooling")
SHAPED = [(name, arguments) for name in FIRST for arguments in ARGUMENTS]
SHAPED += [("DetailPreservingPooling", {**arguments, "variant": "full"}) for arguments in ARGUMENTS[2:4]]
# All layers share the code that makes windows, so two sets of arguments suffice for the others.
SHAPED += [(name, arguments) for name in OTHERS for arguments in ARGUMENTS[2:4]]


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize(("name", "arguments"), SHAPED, ids=str)
def test_shapes_are_those_of_max_pooling(name, rank, arguments, padding, data_format):
    arguments = {**arguments, "padding": padding, "data_format": data_format}
    x = images(rank, data_format)
    layer = layer_class(name, rank)(**arguments)
    of_peer = {name: value for name, value in arguments.items() if name != "variant"}
    peer = layer_class("MaxPooling", rank, keras.layers)(**of_peer)
    expected = peer.compute_output_shape(x.shape)
    assert layer.compute_output_shape(x.shape) == expected
    assert layer(x).shape == expected
    unknown = (None,) * len(x.shape)
    assert layer.compute_output_shape(unknown) == unknown
    assert layer(keras.Input(x.shape[1:])).shape == (None, *expected[1:])


LAYERS = [
    (layer_class(name, rank), rank, arguments)
    for rank in RANKS
    for name, arguments in [
        ("SoftPooling", {"pool_size": 3, "strides": 2, "padding": "same", "gradient": "weights"}),
        ("GlobalSoftPooling", {"keepdims": True, "gradient": "weights"}),
        (
            "SortedPooling",
            {
                "pool_size": 3,
                "strides": 2,
                "padding": "same",
                "pool_range": 2,
                "per_channel": True,
                "rank_initializer": tsp.layers.LeadingRank(0.6),
                "rank_regularizer": keras.regularizers.L2(1e-3),
                "rank_constraint": keras.constraints.MaxNorm(9.0),
            },
        ),
    ]
]
# The other layers, each with one rank or a few.
LAYERS += [
    (layer_class(name, rank), rank, arguments)
    for name, rank, arguments in [
        ("DetailPreservingPooling", 1, {"pool_size": 3, "strides": 2, "padding": "same", "symmetric": False}),
        (
            "DetailPreservingPooling",
            2,
            {
                "variant": "full",
                "alpha_initializer": keras.initializers.Constant(-1.0),
                "lambda_initializer": keras.initializers.RandomUniform(-0.5, 0.5, seed=1),
            },
        ),
        ("DetailPreservingPooling", 3, {"pool_size": 3, "strides": 1, "variant": "full", "symmetric": False}),
        (
            "LocalImportancePooling",
            1,
            {
                "kernel_size": 2,
                "kernel_initializer": tsp.layers.CenterTap(0.5),
                "scale_initializer": keras.initializers.Constant(2.0),
            },
        ),
        (
            "LocalImportancePooling",
            2,
            {
                "pool_size": 3,
                "strides": 2,
                "padding": "same",
                "kernel_size": (3, 1),
                "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
                "kernel_regularizer": keras.regularizers.L2(1e-3),
            },
        ),
        ("LocalImportancePooling", 3, {}),
        ("SumPooling", 1, {"pool_size": 2, "strides": 1}),
        ("MedianPooling", 2, {"pool_size": 3, "strides": 1, "padding": "same"}),
        ("PowerAveragePooling", 1, {"p": math.inf}),
        ("PowerAveragePooling", 2, {"pool_size": 3, "strides": 2, "padding": "same", "p": 3}),
        ("LpPooling", 3, {"initial_p": 3, "per_channel": True}),
        ("MixedPooling", 1, {"mix": 0.25}),
        (
            "MixedPooling",
            2,
            {"per_channel": True, "mix_initializer": keras.initializers.RandomUniform(0.2, 0.8, seed=1)},
        ),
        ("GatedPooling", 3, {"padding": "same", "per_channel": True, "bias_initializer": "ones"}),
        ("StochasticPooling", 1, {"pool_size": 3, "strides": 1, "seed": 3}),
        ("S3Pooling", 2, {"padding": "same", "grid_size": 4, "seed": 3}),
        ("S3Pooling", 3, {"pooling": tsp.layers.SortedPooling3D, "grid_size": 4}),
        ("S3Pooling", 1, {"pooling": tsp.layers.SoftPooling1D(2, 1, gradient="weights", dtype="float32")}),
    ]
]
# The other forms of each pooling, with one rank each.
LAYERS += [
    (layer_class(form + name, rank), rank, {**arguments, **sizes})
    for i, (name, arguments) in enumerate(
        [
            ("SoftPooling", {"gradient": "weights"}),
            ("SortedPooling", {"pool_range": 4, "per_channel": True, "normalize": "none"}),
            ("DetailPreservingPooling", {"variant": "full", "symmetric": False}),
            ("LocalImportancePooling", {"kernel_initializer": tsp.layers.CenterTap(0.5)}),
            ("SumPooling", {}),
            ("PowerAveragePooling", {"p": 3}),
            ("LpPooling", {"initial_p": 3, "per_channel": True}),
            ("MixedPooling", {"per_channel": True}),
            ("StochasticPooling", {"seed": 3}),
        ]
    )
    for form, rank, sizes in (
        ("Global", RANKS[i % 3], {"keepdims": True}),
        ("Adaptive", RANKS[(i + 1) % 3], {"output_size": 3}),
    )
]
IDS = [cls.__name__ for cls, _, _ in LAYERS]


@pytest.mark.parametrize(("cls", "rank", "arguments"), LAYERS, ids=IDS)
def test_saved_and_loaded(cls, rank, arguments, tmp_path):
    x = images(rank)
    layer = cls(**arguments, name="pool", dtype="mixed_bfloat16")
    # An argument that the config lost would become the default in both configs below, which would then be
    # equal.
    assert set(arguments) <= set(layer.get_config())
    assert cls.from_config(layer.get_config()).get_config() == layer.get_config()
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is cls
    assert loaded.layers[0].get_config() == layer.get_config()
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    model.save_weights(tmp_path / "model.weights.h5")
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64", "float32"])
@pytest.mark.parametrize(("cls", "rank", "arguments"), LAYERS, ids=IDS)
def test_dtype_policies(cls, rank, arguments, policy):
    layer = cls(**arguments, dtype=policy)
    y = layer(images(rank))
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert layer(keras.Input(images(rank).shape[1:])).dtype == layer.compute_dtype


@pytest.mark.parametrize(("cls", "rank", "arguments"), LAYERS, ids=IDS)
def test_trains_with_sizes_that_vary(cls, rank, arguments):
    inputs = keras.Input((None,) * rank + (3,))
    x = layer_class("Conv", rank, keras.layers)(4, 3, padding="same")(inputs)
    x = cls(**arguments)(x)
    x = layer_class("GlobalAveragePooling", rank, keras.layers)()(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    history = losses(model, images(rank), np.full((2, 1), 5.0), 20)
    assert history[-1] < 0.5 * history[0]
    assert model.predict(images(rank, size=9), verbose=0).shape == (2, 1)


def test_function_in_a_functional_model(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, tsp.soft_pool(inputs, (3, 2), 2, "same", gradient="weights"))
    assert model.output.shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = images(2)
    np.testing.assert_array_equal(loaded(x), tsp.soft_pool(x, (3, 2), 2, "same"))


def test_the_function_keeps_the_type_and_tells_keras_about_xla():
    inputs = keras.Input((8, 8, 3), dtype="float64")
    model = keras.Model(inputs, tsp.soft_pool(inputs, 2))
    assert model.output.dtype == "float64"
    assert model.layers[-1].supports_jit == tsp.build_info()["xla"]["available"]


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("error", [None, "it is not there"])
def test_layers_tell_keras_whether_xla_can_compile_them(error, monkeypatch):
    monkeypatch.setattr(xla, "load", lambda: xla.Xla(error=error))
    inputs = keras.Input((8, 8, 3))
    outputs = tsp.soft_pool(tsp.layers.SoftPooling2D()(inputs), 2)
    outputs = tsp.layers.S3Pooling2D(1, pooling=tsp.layers.SoftPooling2D)(outputs)
    outputs = tsp.layers.GlobalSoftPooling2D()(outputs)
    model = keras.Model(inputs, outputs)
    assert [layer.supports_jit for layer in model.layers[1:]] == [error is None] * 4
    # By default, Keras compiles a model for XLA on GPUs if all of its layers support that.
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(np.ones((2, 8, 8, 3)), np.ones((2, 3))))
    assert tsp.layers.S3Pooling2D(pooling="max").supports_jit == (error is None)
    # At inference, S3Pool averages with our op, whatever its first step is.
    assert tsp.layers.S3Pooling2D(pooling=keras.layers.MaxPooling2D).supports_jit == (error is None)
