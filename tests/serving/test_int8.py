"""Exports for LiteRT that compute in 8-bit integers, compared with max pooling in the same network."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_models import small

import tf_softpool as tsp
from tf_softpool.serving.formats import litert
from tf_softpool_cli.main import main

pytest.importorskip("ai_edge_litert")
layers = tsp.layers
SIZES = {1: (64,), 2: (16, 16), 3: (8, 8, 8)}
# The names of windows: their rank, what stands before the layer's name, and the layer's arguments.
WINDOWS = {
    "2x2": (2, "", {"pool_size": 2}),
    "3x3_same": (2, "", {"pool_size": 3, "strides": 2, "padding": "same"}),
    "1d": (1, "", {"pool_size": 3, "strides": 2, "padding": "same"}),
    "3d": (3, "", {"pool_size": 2}),
    "global": (2, "Global", {}),
    "adaptive": (2, "Adaptive", {"output_size": 5}),
}
# The names of poolings: the layer's name, and the arguments that it has besides those of windows.
POOLINGS = {
    "soft": ("Soft", {}),
    "sorted": ("Sorted", {"pool_range": 3, "rank_initializer": layers.LeadingRank(0.4)}),
    "median": ("Median", {}),
    "details": ("DetailPreserving", {}),
    "details_full": ("DetailPreserving", {"variant": "full", "symmetric": False}),
    "importance": ("LocalImportance", {"kernel_initializer": layers.CenterTap(2.0)}),
    "sum": ("Sum", {}),
    "power_average": ("PowerAverage", {}),
    "lp": ("Lp", {}),
    "mixed": ("Mixed", {}),
    "gated": ("Gated", {}),
    "stochastic": ("Stochastic", {}),
    "s3": ("S3", {}),
}
# Layers that do not exist: windows of gated pooling have one size, and S3Pool needs strides.
MISSING = {(name, window) for name in ("gated", "s3") for window in ("global", "adaptive")}
CASES = [(name, window) for name in POOLINGS for window in WINDOWS if (name, window) not in MISSING]
# Three times the error of max pooling, at most.
MOST = 3.0


def pooling(name, window):
    """Returns the layer of a case."""
    rank, prefix, arguments = WINDOWS[window]
    name, own = POOLINGS[name]
    return getattr(layers, f"{prefix}{name}Pooling{rank}D")(**arguments, **own)


def max_pooling(window):
    """Returns max pooling as a function of a tensor. LiteRT has none in 3D, so it is done in 2D twice."""
    rank, prefix, arguments = WINDOWS[window]
    if prefix == "Global":
        return keras.layers.GlobalMaxPooling2D()
    if prefix == "Adaptive":
        # Five windows of an axis of 16 positions.
        return keras.layers.MaxPooling2D(4, 3)
    if rank < 3:
        return getattr(keras.layers, f"MaxPooling{rank}D")(**arguments)

    def pool(x):
        x = keras.layers.MaxPooling2D(2)(keras.ops.reshape(x, (-1, 8, 8, 8)))
        return keras.layers.MaxPooling2D((2, 1))(keras.ops.reshape(x, (-1, 8, 16, 8)))

    return pool


def network(pool, rank):
    """Returns a network with a pooling. In 3D it has no convolution, because LiteRT's computes in floats."""
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZES[rank], 3), name="image")
    first = {
        1: keras.layers.Conv1D(8, 3, activation="relu", padding="same"),
        2: keras.layers.Conv2D(8, 3, activation="relu", padding="same"),
        3: keras.layers.Dense(8, activation="relu"),
    }
    x = pool(first[rank](image))
    if (left := len(x.shape) - 2) > 0:
        x = getattr(keras.layers, f"GlobalAveragePooling{left}D")()(x)
    return keras.Model(image, keras.layers.Dense(4)(x))


def data_of(rank):
    return np.random.default_rng(0).normal(size=(160, *SIZES[rank], 3)).astype("float32")


def measure(model, rank, folder):
    """Returns the error on data that the export did not see, the largest output, and the report.

    The error is the root of the mean square. A largest error depends on which of the numbers that the export
    did not see are beyond the ranges that it did see.
    """
    data, path = data_of(rank), folder / "model.tflite"
    report = tsp.export(model, path, "litert", quantize="int8", sample=data[:128], check=False)
    found = tsp.serving.load(path)(data[128:])["output_0"]
    true = np.asarray(model(data[128:]))
    return np.sqrt(np.mean((found - true) ** 2)), np.abs(true).max(), report


def floats(path):
    """Returns the names of the operations with floats, without those where integers begin or end."""
    return {name for name, types in litert.operations(path) if "float32" in types} - {
        "QUANTIZE",
        "DEQUANTIZE",
    }


@pytest.fixture(scope="module")
def of_max_pooling(tmp_path_factory):
    """A function that returns the error and the largest output of max pooling over windows."""

    @functools.cache
    def of(window):
        rank = WINDOWS[window][0]
        folder = tmp_path_factory.mktemp("max")
        error, largest, _ = measure(network(max_pooling(window), rank), rank, folder)
        return error, largest

    return of


@pytest.mark.each_value
@pytest.mark.parametrize(("name", "window"), CASES)
def test_errors_are_near_those_of_max_pooling(name, window, of_max_pooling, tmp_path):
    """Errors are shares of the larger of the two networks' outputs.

    What comes before the pooling has the same integers in both. A pooling whose results are smaller than
    those of max pooling does not make their steps smaller, and one whose results are larger makes them
    larger.
    """
    rank = WINDOWS[window][0]
    error, largest, report = measure(network(pooling(name, window), rank), rank, tmp_path)
    of_max, largest_of_max = of_max_pooling(window)
    assert error / max(largest, largest_of_max) <= MOST * of_max / largest_of_max
    # LiteRT has no convolution in 3D in integers, and local importance pooling has one in its network.
    own = {"CONV_3D"} if (name, window) == ("importance", "3d") else set()
    assert floats(report.path) == own
    assert any("CONV_3D" in note for note in report.notes) == bool(own)


# Layers after no other, each with what its input is multiplied by. Errors are shares of the largest output.
BARE = {
    "soft_same": (layers.SoftPooling2D(3, 2, "same"), 1.0),
    "details_same": (layers.DetailPreservingPooling2D(3, 2, "same"), 1.0),
    "sum_same": (layers.SumPooling2D(3, 2, "same"), 1.0),
    "mixed_same": (layers.MixedPooling2D(3, 2, "same"), 1.0),
    "soft_channels_first": (layers.SoftPooling2D(2, data_format="channels_first"), 1.0),
    "full_channels_first": (
        layers.DetailPreservingPooling2D(2, variant="full", data_format="channels_first"),
        1.0,
    ),
    "global_full": (layers.GlobalDetailPreservingPooling2D(variant="full"), 1.0),
    "sorted_per_channel": (layers.SortedPooling2D(3, 2, "same", per_channel=True), 1.0),
    "sorted_none": (
        layers.SortedPooling2D(3, 2, "same", pool_range=5, normalize="none", rank_initializer="ones"),
        1.0,
    ),
    "power_average_1": (layers.PowerAveragePooling2D(2, p=1), 1.0),
    "power_average_inf": (layers.PowerAveragePooling2D(2, p=float("inf")), 1.0),
    "lp_small": (layers.LpPooling2D(3, 2, "same"), 0.01),
    "lp_large": (layers.LpPooling2D(3, 2, "same"), 100.0),
    "gated_large": (layers.GatedPooling2D(3, 2, "same", per_channel=True, bias_initializer="ones"), 100.0),
    "details_sharp": (layers.DetailPreservingPooling2D(2, lambda_initializer="ones"), 1.0),
    "details_without_alpha": (
        layers.DetailPreservingPooling2D(2, alpha_initializer=keras.initializers.Constant(-200.0)),
        1.0,
    ),
}


@pytest.mark.parametrize("name", BARE)
def test_arguments_of_layers(name, tmp_path):
    layer, factor = BARE[name]
    x = keras.Input((12, 12, 12), name="x")
    model = keras.Model(x, layer(x * factor))
    data = np.random.default_rng(0).normal(size=(16, 12, 12, 12)).astype("float32")
    report = tsp.export(model, tmp_path / "model.tflite", "litert", quantize="int8", sample=data)
    assert report.largest_difference < 0.05
    assert floats(report.path) == set()


def test_inputs_and_outputs_stay_as_they_are(tmp_path):
    first, second = keras.Input((8, 3), 2, name="zebra"), keras.Input((8, 3), 2, name="ant")
    y = keras.layers.GlobalAveragePooling1D()(layers.SoftPooling1D(2)(first - second))
    model = keras.Model([first, second], y)

    def classify(inputs):
        y = model(inputs)
        return {"pooled": y, "best": tf.argmax(y, axis=-1)}

    a, b = np.random.default_rng(0).normal(size=(2, 40, 8, 3)).astype("float32")
    report = tsp.export(
        model,
        tmp_path / "m.tflite",
        "litert",
        quantize="int8",
        endpoints={"classify": (classify, [model.input])},
        sample={"ant": b, "zebra": a},
    )
    assert report.inputs == {"zebra": "float32 [2, 8, 3]", "ant": "float32 [2, 8, 3]"}
    assert report.outputs["pooled"] == "float32 [2, 3]"
    # Whole numbers are not near others: what counts is how many are wrong.
    (of_best,) = (d for d in report.differences if d.output == "best")
    assert of_best.magnitude == 1
    assert report.passed
    assert "litert, portable, int8" in str(report)


def test_what_stays_in_floats_is_said(tmp_path):
    x = keras.Input((8, 3))
    model = keras.Model(x, layers.SoftPooling1D(2)(keras.ops.negative(x)))
    sample = np.ones((4, 8, 3))
    report = tsp.export(model, tmp_path / "m.tflite", "litert", quantize="int8", sample=sample)
    assert report.notes == ["These operations compute in floats, because LiteRT has none in integers: NEG."]


def masked():
    x = keras.Input((8, 3))
    return keras.Model(x, layers.SoftPooling1D(2)(keras.layers.Masking()(x)))


def of_layer(layer, *sizes):
    x = keras.Input(sizes or (8, 8, 3))
    return keras.Model(x, layer(x))


def in_training():
    """Returns an endpoint that draws at random."""
    layer = layers.S3Pooling2D(2)
    layer.build((None, 8, 8, 3))
    signature = [keras.InputSpec(shape=(None, 8, 8, 3), dtype="float32")]
    return {"draw": (lambda x: layer(x, training=True), signature)}


SAMPLE = np.ones((4, 8, 3), "float32")
IMAGES = np.ones((4, 8, 8, 3), "float32")
WRONG = {
    "other": (small, {"quantize": "int4", "sample": SAMPLE}, "must be None or 'int8'"),
    "format": (small, {"format": "onnx", "sample": SAMPLE}, "Only 'litert'"),
    "saved_model": (small, {"format": "tf_saved_model", "sample": SAMPLE}, "Only 'litert'"),
    "no_sample": (small, {}, "needs a `sample`"),
    "no_examples": (small, {"sample": SAMPLE[:0]}, "at least one"),
    "nan": (small, {"sample": np.full_like(SAMPLE, np.nan)}, "finite"),
    "inf": (small, {"sample": np.full_like(SAMPLE, np.inf)}, "finite"),
    "shape": (small, {"sample": SAMPLE[:, :4]}, "must fit"),
    "batch": (
        small,
        {"sample": SAMPLE, "input_signature": [keras.InputSpec(shape=(3, 8, 3), dtype="float32")]},
        "batches of 3",
    ),
    "open": (lambda: of_layer(layers.SoftPooling1D(2), None, 3), {"sample": SAMPLE}, "`input_signature`"),
    "mask": (masked, {"sample": SAMPLE}, "mask"),
    "16_bits": (
        lambda: of_layer(layers.SoftPooling2D(2, dtype="mixed_float16")),
        {"sample": IMAGES},
        "float32",
    ),
    "random": (small, {"sample": IMAGES, "endpoints": in_training()}, "random"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_quantized(name, tmp_path):
    make, arguments, message = WRONG[name]
    arguments = {"format": "litert", "quantize": "int8", **arguments}
    suffix = {"litert": ".tflite", "onnx": ".onnx"}.get(arguments["format"], "")
    with pytest.raises(ValueError, match=message):
        tsp.export(make(), tmp_path / f"model{suffix}", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    small().save(tmp_path / "model.keras")
    sample = np.random.default_rng(0).normal(size=(8, 8, 3)).astype("float32")
    np.save(tmp_path / "data.npy", sample)
    command = ["export", str(tmp_path / "model.keras"), str(tmp_path / "model.tflite"), "--quantize", "int8"]
    assert main(command) == 1
    assert "`--quantize` needs a `--sample`" in capsys.readouterr().err
    assert main([*command, "--sample", str(tmp_path / "data.npy"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["format"], report["quantize"], report["passed"]) == ("litert", "int8", True)
    tsp.export(small(), tmp_path / "saved", portable=True)
    command[1] = str(tmp_path / "saved")
    assert main([*command, "--sample", str(tmp_path / "data.npy"), "--overwrite"]) == 1
    assert "`--quantize`" in capsys.readouterr().err
