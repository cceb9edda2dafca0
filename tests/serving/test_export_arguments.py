"""What `tsp.export` takes, and what it says: signatures, endpoints, samples, reports, errors."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.serving.checking import differences
from tf_softpool.serving.endpoints import Endpoint

PATHS = {"tf_saved_model": "model", "onnx": "model.onnx", "litert": "model.tflite", "openvino": "model.xml"}
OTHERS = [format for format in PATHS if format != "tf_saved_model"]


def small(size=8):
    return keras.Sequential([keras.Input((size, 3), name="x"), tsp.layers.SoftPooling1D(2)])


def twins():
    """Two inputs of one shape, whose names are not in the order that they are used in, and two outputs."""
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
    model = small(8)

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
    with pytest.raises(ValueError, match="Only a SavedModel has several"):
        tsp.export(model, tmp_path / "model.onnx", "onnx", endpoints=endpoints)
    # Nobody can make up what the first takes.
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
    with pytest.raises(ValueError, match="call it once"):
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
        # Its convolutions are of float32.
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


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path):
    model = small()
    for _ in range(2):
        tsp.export(model, tmp_path / "model", portable=True, check=False)
    assert not (tmp_path / "model" / "assets.extra").exists()
    with pytest.raises(FileExistsError):
        tsp.export(model, tmp_path / "model", overwrite=False)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("precious")
    for path in ("letters", "letters/letter.txt"):
        with pytest.raises(FileExistsError, match="no earlier export"):
            tsp.export(model, tmp_path / path)
    assert (tmp_path / "letters" / "letter.txt").read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letters", "model"]


def test_nothing_is_left_of_what_fails(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 3)), keras.layers.Lambda(lambda x: tf.linalg.expm(x[:, :3, :3]))]
    )
    for format in OTHERS:
        with pytest.raises(RuntimeError):
            tsp.export(model, tmp_path / PATHS[format], format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "pickle"}, ValueError, "tf_saved_model"),
        ({"format": "onnx", "path": "model.bin"}, ValueError, r"\.onnx"),
        ({"format": "onnx", "path": "model.onnx", "portable": False}, ValueError, "Only a SavedModel"),
        ({"input_signature": 3}, ValueError, "signature"),
        ({"input_signature": [3]}, ValueError, "shapes and types"),
        ({"endpoints": {}}, ValueError, "endpoints"),
        ({"endpoints": {"serve": 3}}, ValueError, "serve"),
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


@pytest.mark.parametrize(("format", "module"), [("onnx", "tf2onnx"), ("openvino", "openvino")])
def test_a_missing_package_is_named(format, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{module}.*pip install "tf_softpool\[{format}\]"'):
        tsp.export(small(), tmp_path / PATHS[format], format)


@pytest.mark.parametrize(
    ("format", "module"), [("onnx", "onnxruntime"), ("litert", "ai_edge_litert.interpreter")]
)
def test_without_the_runtime_nothing_is_compared(format, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    report = tsp.export(small(), tmp_path / PATHS[format], format)
    assert not report.checked
    assert "pip install" in report.notes[0]
    monkeypatch.undo()
    assert list(tsp.serving.load(tmp_path / PATHS[format]).inputs) == ["x"]


def test_a_native_model_says_what_it_needs(tmp_path, monkeypatch):
    tsp.export(small(), tmp_path / "model")
    note = (tmp_path / "model" / "assets.extra" / "tf_softpool.txt").read_text()
    assert "Softpool>SoftPool" in note
    assert "load_op_library" in note
    error = "it was built for TensorFlow 2.20.0, running 2.21.0. Reinstall it"
    monkeypatch.setattr(native, "load", lambda: native.Native(error=error))
    with pytest.raises(
        RuntimeError, match=r"(?s)Softpool>SoftPool.*built for TensorFlow 2.20.0.*portable=True"
    ):
        tsp.serving.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite", "model.xml", "model", "model.txt"])
def test_what_is_no_model_is_not_loaded(name, tmp_path):
    with pytest.raises(FileNotFoundError):
        tsp.serving.load(tmp_path / name)
    (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(ValueError, match=name):
        tsp.serving.load(tmp_path / name)


@pytest.mark.parametrize("format", PATHS)
def test_threads_get_their_own_answers(format, tmp_path):
    model = small()
    tsp.export(model, tmp_path / PATHS[format], format, check=False)
    served = tsp.serving.load(tmp_path / PATHS[format])
    inputs = [np.full((1 + i % 3, 8, 3), i, "float32") for i in range(64)]
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(served, inputs)]
    for x, y in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(y["output_0"], x[:, ::2])
