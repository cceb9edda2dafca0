"""The layers: shapes, configuration, saving, mixed precision, training."""

import keras
import numpy as np
import pytest
from cases import DATA_FORMATS, PADDINGS

import tf_softpool as tsp

RANKS = (1, 2, 3)


def layer_class(name, rank, module=tsp.layers):
    return getattr(module, f"{name}{rank}D")


def images(rank, data_format="channels_last", size=6, channels=3):
    spatial = (size, size + 1, size - 1)[:rank]
    shape = (2, channels, *spatial) if data_format == "channels_first" else (2, *spatial, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


ARGUMENTS = [
    {},
    {"pool_size": 3},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 1, "strides": 2},
]


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("rank", RANKS)
def test_shapes_are_those_of_max_pooling(rank, arguments, padding, data_format):
    arguments = {**arguments, "padding": padding, "data_format": data_format}
    x = images(rank, data_format)
    layer = layer_class("SoftPooling", rank)(**arguments)
    peer = layer_class("MaxPooling", rank, keras.layers)(**arguments)
    expected = peer.compute_output_shape(x.shape)
    assert layer.compute_output_shape(x.shape) == expected
    assert layer(x).shape == expected
    unknown = (None,) * len(x.shape)
    assert layer.compute_output_shape(unknown) == unknown
    assert layer(keras.Input(x.shape[1:])).shape == (None, *expected[1:])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_global_pooling_is_one_window_over_everything(rank, data_format, keepdims):
    x = images(rank, data_format)
    layer = layer_class("GlobalSoftPooling", rank)(data_format, keepdims)
    peer = layer_class("GlobalMaxPooling", rank, keras.layers)(data_format, keepdims)
    spatial = x.shape[2:] if data_format == "channels_first" else x.shape[1:-1]
    expected = tsp.soft_pool(x, spatial, data_format=data_format)
    for portable in (False, True):
        if portable:
            with tsp.portable():
                y = layer(x)
        else:
            y = layer(x)
        assert y.shape == layer.compute_output_shape(x.shape) == peer(x).shape
        np.testing.assert_allclose(np.ravel(y), np.ravel(expected), rtol=1e-5)
    open_shape = (None, *(None if d in spatial else d for d in x.shape[1:]))
    assert layer.compute_output_shape(open_shape) == peer.compute_output_shape(open_shape)


LAYERS = [
    (layer_class(name, rank), rank, arguments)
    for rank in RANKS
    for name, arguments in [
        ("SoftPooling", {"pool_size": 3, "strides": 2, "padding": "same", "gradient": "weights"}),
        ("GlobalSoftPooling", {"keepdims": True, "gradient": "weights"}),
    ]
]
IDS = [cls.__name__ for cls, _, _ in LAYERS]


@pytest.mark.parametrize(("cls", "rank", "arguments"), LAYERS, ids=IDS)
def test_saved_and_loaded(cls, rank, arguments, tmp_path):
    x = images(rank)
    layer = cls(**arguments, name="pool", dtype="mixed_bfloat16")
    assert cls.from_config(layer.get_config()).get_config() == layer.get_config()
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is cls
    assert loaded.layers[0].get_config() == layer.get_config()
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
    losses = [model.train_on_batch(images(rank), np.ones((2, 1))) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    assert model.predict(images(rank, size=9), verbose=0).shape == (2, 1)


def test_function_in_a_functional_model(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, tsp.soft_pool(inputs, (3, 2), 2, "same", gradient="weights"))
    assert model.output.shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = images(2)
    np.testing.assert_array_equal(loaded(x), tsp.soft_pool(x, (3, 2), 2, "same"))


@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_masked_steps_take_no_part(data_format):
    x = images(1, data_format)
    steps = 2 if data_format == "channels_first" else 1
    layer = tsp.layers.GlobalSoftPooling1D(data_format)
    mask = np.arange(x.shape[steps]) < 4
    part = np.take(x, np.arange(4), axis=steps)
    np.testing.assert_allclose(layer(x, mask=np.stack([mask, mask])), layer(part), rtol=1e-6)
    words = keras.Sequential(
        [keras.layers.Embedding(9, 3, mask_zero=True), layer_class("GlobalSoftPooling", 1)()]
    )
    np.testing.assert_allclose(words(np.array([[1, 2, 3, 0, 0]])), words(np.array([[1, 2, 3]])), rtol=1e-6)


def test_the_function_keeps_the_type_and_tells_keras_about_xla():
    inputs = keras.Input((8, 8, 3), dtype="float64")
    model = keras.Model(inputs, tsp.soft_pool(inputs, 2))
    assert model.output.dtype == "float64"
    assert not model.layers[-1].supports_jit


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tsp.layers.SoftPooling2D(0), "pool_size"),
        (lambda: tsp.layers.SoftPooling2D((2, 2, 2)), "pool_size"),
        (lambda: tsp.layers.SoftPooling2D(2, strides=-1), "strides"),
        (lambda: tsp.layers.SoftPooling2D(padding="reflect"), "padding"),
        (lambda: tsp.layers.SoftPooling2D(data_format="last"), "data_format"),
        (lambda: tsp.layers.SoftPooling2D(gradient="none"), "gradient"),
        (lambda: tsp.layers.GlobalSoftPooling1D("first"), "data_format"),
        (lambda: tsp.layers.SoftPooling2D()(np.zeros((1, 4, 4), "f4")), "ndim"),
        (lambda: tsp.layers.SoftPooling2D(5)(np.zeros((1, 4, 4, 1), "f4")), "larger"),
        (lambda: tsp.layers.SoftPooling2D(5)(keras.Input((4, 4, 1))), "larger"),
        (lambda: tsp.layers.GlobalSoftPooling2D()(np.zeros((1, 0, 4, 1), "f4")), "nothing"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_model_with_it_compiles_without_being_told_about_xla():
    model = keras.Sequential([keras.Input((8, 8, 3)), tsp.layers.SoftPooling2D()])
    assert not model.layers[0].supports_jit
    model.compile("sgd", "mse")
    assert not model.jit_compile
