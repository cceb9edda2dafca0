"""The arguments, reports and errors of `tsp.export`: signatures, endpoints and samples."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_models import PATHS, small

import tf_softpool as tsp
from tf_softpool.serving.checking import differences
from tf_softpool.serving.endpoints import Endpoint

OTHERS = [format for format in PATHS if format != "tf_saved_model"]


def twins():
    """Returns a model with two outputs and two inputs of one shape. The inputs' names are not in order."""
    first, second = keras.Input((8, 3), name="zebra"), keras.Input((8, 3), name="ant")
    pooled = tsp.layers.SoftPooling1D(2)(keras.ops.subtract(first, 2 * second))
    return keras.Model(
        [first, second], {"pooled": pooled, "average": keras.layers.GlobalAveragePooling1D()(second)}
    )


@pytest.mark.parametrize("format", PATHS)
def test_several_inputs_and_outputs_keep_their_names(format, tmp_path):
    model = twins()
    report = tsp.export(model, tmp_path / PATHS[format], format)
    assert report.passed
    assert report.checked
    assert sorted(report.inputs) == ["ant", "zebra"]
    assert sorted(report.outputs) == ["average", "pooled"]
    served = tsp.serving.load(tmp_path / PATHS[format])
    a, b = np.random.default_rng(0).normal(size=(2, 3, 8, 3)).astype("float32")
    y = served({"zebra": a, "ant": b})
    for name, expected in model([a, b]).items():
        np.testing.assert_allclose(y[name], expected, atol=1e-5)
    with pytest.raises(ValueError, match="ant"):
        served({"zebra": a})
    with pytest.raises(ValueError, match="shape"):
        served({"zebra": a, "ant": b[:, :3]})
    with pytest.raises(ValueError, match="type"):
        served({"zebra": a, "ant": b.astype("complex64")})


def test_endpoints_with_what_comes_before_and_after(tmp_path):
    model = small()

    def classify(texts):
        x = tf.io.decode_raw(texts, tf.float32)
        return {"best": tf.argmax(tf.reduce_mean(model(tf.reshape(x, (-1, 8, 3))), axis=1), axis=-1)}

    endpoints = {
        "classify": (classify, [tf.TensorSpec([None], tf.string, "texts")]),
        "pool": (model, [keras.InputSpec(shape=(None, 8, 3), dtype="float32")]),
    }
    x = np.random.default_rng(0).normal(size=(2, 8, 3)).astype("float32")
    texts = np.array([row.tobytes() for row in x])
    report = tsp.export(model, tmp_path / "model", endpoints=endpoints, sample=texts)
    assert {d.endpoint for d in report.differences} == {"classify", "pool"}
    assert report.passed
    best = tsp.serving.load(tmp_path / "model")({"texts": texts})["best"]
    np.testing.assert_array_equal(best, np.argmax(np.mean(model(x), axis=1), axis=-1))
    with pytest.raises(ValueError, match="Only a SavedModel can have more than one"):
        tsp.export(model, tmp_path / "model.onnx", "onnx", endpoints=endpoints)
    # The check cannot make up an input for the first endpoint, because it takes strings of a certain length.
    report = tsp.export(model, tmp_path / "model", endpoints=endpoints)
    assert "give a `sample`" in report.notes[0]


def test_a_signature_of_ones_own(tmp_path):
    x = keras.Input((None, None, 3))
    model = keras.Model(x, tsp.layers.SoftPooling2D(2)(x))
    signature = [tf.TensorSpec((1, 16, None, 3), tf.float32, "image")]
    report = tsp.export(model, tmp_path / "model.onnx", "onnx", input_signature=signature)
    assert report.inputs == {"image": "float32 [1, 16, ?, 3]"}
    assert report.passed


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.pool = tsp.layers.SortedPooling2D(2)

    def call(self, x):
        return self.pool(x)


def test_subclassed_models_are_known_once_they_were_called(tmp_path):
    model = Subclassed()
    with pytest.raises(ValueError, match="call the model once"):
        tsp.export(model, tmp_path / "model")
    model(np.zeros((2, 8, 8, 3), "float32"))
    assert tsp.export(model, tmp_path / "model.tflite", "litert").passed


@pytest.mark.parametrize("format", PATHS)
def test_mixed_precision(format, tmp_path):
    policy = keras.DTypePolicy("mixed_float16")
    x = keras.Input((8, 8, 3), name="x")
    y = tsp.layers.SoftPooling2D(2, dtype=policy)(keras.layers.Conv2D(4, 3, dtype=policy)(x))
    model = keras.Model(x, y)
    if format == "litert":
        # LiteRT's convolutions take only float32.
        with pytest.raises(RuntimeError, match="Conv2D"):
            tsp.export(model, tmp_path / PATHS[format], format)
        return
    report = tsp.export(model, tmp_path / PATHS[format], format)
    assert report.passed
    assert report.checked


def test_what_differs_is_told(tmp_path):
    layer = keras.layers.Lambda(lambda x: x + tf.random.normal((1,)))
    model = keras.Sequential([keras.Input((8, 3)), layer])
    with pytest.warns(UserWarning, match="differs from the model"):
        report = tsp.export(model, tmp_path / "model")
    assert not report.passed
    assert "DIFFERS" in str(report)
    assert json.loads(report.to_json())["passed"] is False


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        ([1.0, np.inf, np.nan], True),
        ([1.0, np.inf, 0.0], False),
        ([1.0, 5.0, np.nan], False),
        ([1.1, np.inf, np.nan], False),
    ],
)
def test_infinities_and_nan_are_compared(found, passed):
    endpoint = Endpoint("serve", None, [])
    expected = {"y": np.array([1.0, np.inf, np.nan], "float32")}
    (difference,) = differences(endpoint, expected, {"y": np.array(found, "float32")})
    assert difference.passed is passed


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path, monkeypatch):
    model = small()
    for _ in range(2):
        tsp.export(model, tmp_path / "model", portable=True, check=False)
    assert not (tmp_path / "model" / "assets.extra").exists()
    with pytest.raises(FileExistsError):
        tsp.export(model, tmp_path / "model", overwrite=False)
    precious = ["letters/letter", "model/1/notes", "model.bin", "pom.xml", "pom.bin"]
    for path in precious:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("precious")
    monkeypatch.chdir(tmp_path / "letters")
    for path in ("../letters", "letter", "..", "../model"):
        with pytest.raises(FileExistsError, match="not an earlier export"):
            tsp.export(model, path)
    for path in ("../model.xml", "../pom.xml"):
        with pytest.raises(FileExistsError, match="not an earlier export"):
            tsp.export(model, path, "openvino")
    assert {(tmp_path / path).read_text() for path in precious} == {"precious"}


def test_nothing_is_left_of_what_fails(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 3)), keras.layers.Lambda(lambda x: tf.linalg.expm(x[:, :3, :3]))]
    )
    for format in OTHERS:
        with pytest.raises(RuntimeError):
            tsp.export(model, tmp_path / "new" / "folders" / PATHS[format], format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "pickle"}, ValueError, "tf_saved_model"),
        ({"format": "onnx", "path": "model.bin"}, ValueError, r"\.onnx"),
        ({"format": "onnx", "path": "model.onnx", "portable": False}, ValueError, "Only a SavedModel"),
        ({"input_signature": 3}, ValueError, "signature"),
        ({"input_signature": [3]}, ValueError, "a shape and a dtype"),
        ({"endpoints": {}}, ValueError, "endpoints"),
        ({"endpoints": {"serve": 3}}, ValueError, "serve"),
        ({"endpoints": {"serving_default": (abs, [])}}, ValueError, "and not 'serving_default'"),
        ({"path": "model.keras"}, ValueError, "SavedModel is a folder"),
        ({"format": "openvino", "path": "model.XML"}, ValueError, r"\.xml"),
        ({"sample": np.zeros((2, 8, 4))}, ValueError, "sample"),
        ({"sample": np.zeros((2, 8, 3), "complex64")}, ValueError, "sample"),
        ({"sample": [np.zeros((2, 8, 3)), 3]}, ValueError, "sample"),
        ({"model": 3}, ValueError, "keras.Model"),
    ],
)
def test_bad_arguments(arguments, error, message, tmp_path):
    arguments = {"model": small(), "path": "model", **arguments}
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(error, match=message):
        tsp.export(**arguments)
    assert list(tmp_path.iterdir()) == []


class Lookup(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        keys = tf.constant(["no", "yes"])
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, tf.constant([2, 3])), -1
        )

    def call(self, x):
        return self.table.lookup(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, "int32")


def test_tables_are_part_of_the_model(tmp_path):
    words = keras.Input((), dtype="string", name="words")
    model = keras.Model(words, [Lookup()(words), keras.layers.StringLookup(vocabulary=["yes"])(words)])
    report = tsp.export(model, tmp_path / "model", sample=np.array(["yes", "no", "maybe"]))
    assert report.passed
    answer = tsp.serving.load(tmp_path / "model")({"words": np.array(["yes", "no", "maybe"])})
    assert [list(answer[name]) for name in ("output_0", "output_1")] == [[3, 2, -1], [1, 0, 0]]


def test_weights_are_written_once(tmp_path):
    model = keras.Sequential([keras.Input((8, 3)), keras.layers.Dense(100_000)])
    report = tsp.export(model, tmp_path / "model", check=False)
    assert 4 * model.count_params() < report.size < 4.2 * model.count_params()


@pytest.mark.parametrize("format", PATHS)
def test_outputs_that_are_one_tensor_keep_their_names(format, tmp_path):
    x = keras.Input((4,), name="my image-1")
    y = keras.layers.Dense(3)(x)
    model = keras.Model(x, {"p": y, "q": y, "x_again": x})
    assert tsp.export(model, tmp_path / PATHS[format], format).checked
    ones = np.ones((2, 4), "float32")
    found = tsp.serving.load(tmp_path / PATHS[format])({"my_image_1": ones})
    assert sorted(found) == ["p", "q", "x_again"]
    np.testing.assert_array_equal(found["x_again"], ones)
    np.testing.assert_allclose(found["p"], model(ones)["p"], atol=1e-6)


@pytest.mark.parametrize("format", ["tf_saved_model", "openvino", "onnx"])
def test_bfloat16(format, tmp_path):
    policy = keras.DTypePolicy("mixed_bfloat16")
    x = keras.Input((8, 3), name="x")
    model = keras.Model(x, tsp.layers.SoftPooling1D(2, dtype=policy)(keras.layers.Dense(4, dtype=policy)(x)))
    if format == "onnx":
        with pytest.raises(RuntimeError, match="bfloat16"):
            tsp.export(model, tmp_path / PATHS[format], format)
    else:
        assert tsp.export(model, tmp_path / PATHS[format], format).passed


@pytest.mark.parametrize("format", PATHS)
def test_a_fixed_batch_stays_fixed(format, tmp_path):
    x = keras.Input(batch_shape=(3, 8, 3), name="x")
    model = keras.Model(x, tsp.layers.SoftPooling1D(2)(x))
    report = tsp.export(model, tmp_path / PATHS[format], format)
    assert report.inputs == {"x": "float32 [3, 8, 3]"}
    assert report.checked


def test_many_inputs_without_names(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    specs = [tf.TensorSpec((None, 2), tf.float32)] * 12
    endpoints = {"serve": (lambda *xs: model(sum(i * x for i, x in enumerate(xs))), specs)}
    report = tsp.export(model, tmp_path / "model", endpoints=endpoints)
    assert report.passed
    assert report.checked


def test_a_state_is_left_as_it_is(tmp_path):
    x = keras.Input(batch_shape=(2, 3, 4))
    model = keras.Model(x, keras.layers.SimpleRNN(3, stateful=True)(x))
    model(np.ones((2, 3, 4), "float32"))
    before = [np.array(v) for v in model.non_trainable_variables]
    assert tsp.export(model, tmp_path / "model").checked
    for value, variable in zip(before, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_whole_numbers_are_compared_exactly():
    endpoint, expected = Endpoint("serve", None, []), {"y": np.array([1000, 5000])}
    for found, passed in (([1000, 5000], True), ([1001, 5000], False)):
        (difference,) = differences(endpoint, expected, {"y": np.array(found)})
        assert difference.passed is passed
