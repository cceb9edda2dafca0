"""SavedModels of other programs, exported to the formats that are converted from one."""

import json
from pathlib import Path

import keras_versions
import numpy as np
import pytest
import tensorflow as tf
from saved_model_examples import keras_model, write_module, write_slots, write_tensorflow_1
from served_models import PATHS, small

import tf_softpool as tsp
from tf_softpool.serving.from_saved_model import export_saved_model
from tf_softpool.serving.steps import Options

v1 = tf.compat.v1


def write_keras(path):
    keras_versions.export(keras_model(), path)


def write_portable(path):
    tsp.export(small(), path, portable=True, check=False)


def write_odd_names(path):
    """Writes inputs called like an output, and like a placeholder that differs from the signature's name."""
    module = tf.Module()
    specs = [tf.TensorSpec([None, 4], tf.float32, name) for name in ("x-1", "other")]
    module.f = tf.function(
        lambda x, y: {"größe": x * 2 - y, "x_1": x}, input_signature=specs, autograph=False
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.f})


def write_old_variables(path):
    """Writes variables that only TensorFlow 1 has, and names that TensorFlow 2 does not load."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder("float32", [None, 4], name="x")
        y = tf.matmul(x, v1.get_variable("v", initializer=np.ones((4, 2), "float32"), use_resource=False))
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"class": x}, {"y": y})
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()


def write_slots_of_optimizer(path):
    write_slots(Path(path))


def training_branch(functional):
    """Returns a function that writes batch normalization, whose training branch changes a variable."""

    def write(path):
        was = v1.control_flow_v2_enabled()
        (v1.enable_control_flow_v2 if functional else v1.disable_control_flow_v2)()
        try:
            with tf.Graph().as_default(), v1.Session() as session:
                x = v1.placeholder("float32", [None, 4], name="x")
                training = v1.placeholder_with_default(False, [], "training")
                mean = v1.get_variable("mean", initializer=np.ones(4, "float32"), use_resource=True)

                def train():
                    with tf.control_dependencies([mean.assign(tf.reduce_mean(x, 0))]):
                        return v1.cond(training, lambda: x * 3, lambda: tf.identity(x))

                y = v1.cond(training, train, lambda: x - mean)
                session.run(v1.global_variables_initializer())
                v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})
        finally:
            (v1.enable_control_flow_v2 if was else v1.disable_control_flow_v2)()

    write.__name__ = f"write_training_branch_{functional}"
    return write


SOURCES = {
    write_slots_of_optimizer: ["x"],
    training_branch(functional=True): ["x"],
    training_branch(functional=False): ["x"],
    write_module: ["x"],
    write_tensorflow_1: ["x"],
    write_old_variables: ["arg_class"],
    write_keras: None,
    write_portable: ["x"],
    write_odd_names: ["other", "x_1"],
}


# Every way to write one, in two formats. The third takes seconds for each.
CASES = [(write, format) for write in SOURCES for format in ("onnx", "litert")]
CASES += [(write_old_variables, "openvino"), (write_odd_names, "openvino")]


@pytest.mark.each_value
@pytest.mark.parametrize(("write", "format"), CASES)
def test_it_is_exported(write, format, tmp_path):
    write(str(tmp_path / "source"))
    report = export_saved_model(tmp_path / "source", tmp_path / PATHS[format], format, Options())
    assert report.checked
    assert report.passed
    assert (report.format, report.portable) == (format, True)
    if SOURCES[write] is not None:
        shared = {"x_1": "x_1_1"} if format != "litert" else {}
        assert list(report.inputs) == [shared.get(name, name) for name in SOURCES[write]]
    assert json.loads(report.to_json())["passed"]
    assert tsp.serving.load(tmp_path / PATHS[format]).inputs.keys() == report.inputs.keys()


def test_a_sample(tmp_path):
    write_odd_names(str(tmp_path / "source"))
    arrays = {"x_1": np.full((2, 4), 3.0), "other": np.ones((2, 4))}
    options = Options(sample=arrays)
    report = export_saved_model(tmp_path / "source", tmp_path / "model.onnx", "onnx", options)
    assert {d.output: d.magnitude for d in report.differences} == {"größe": 5, "x_1": 3}
    with pytest.raises(ValueError, match="sample"):
        export_saved_model(tmp_path / "source", tmp_path / "b.onnx", "onnx", Options(sample={"x": 1}))


def write_ours(path):
    tsp.export(small(), path, check=False)


def write_no_default(path):
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None, 4])])
    tf.saved_model.save(module, path, signatures={"other": module.f})


def write_rare_op(path):
    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": tf.linalg.expm(x)}, input_signature=[tf.TensorSpec([None, 4, 4], name="x")]
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.f})


def write_truncated(path):
    write_module(path)
    with open(f"{path}/saved_model.pb", "r+b") as file:
        file.truncate(1000)


def of_tensorflow_1(outputs, tables=False):
    """Returns a function that writes what a function makes of a placeholder, with TensorFlow 1."""

    def write(path):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder("float32", [None, 4], name="x")
            made = outputs(x)
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            init = v1.tables_initializer() if tables else None
            v1.saved_model.simple_save(session, path, {"x": x}, made, legacy_init_op=init)

    return write


def looked_up(x):
    pairs = tf.lookup.KeyValueTensorInitializer([0, 1], [2.0, 3.0])
    table = tf.lookup.StaticHashTable(pairs, 0.0)
    return {"y": table.lookup(tf.cast(x, "int32"))}


def counted(x):
    count = v1.get_variable("count", initializer=1.0, use_resource=True)
    with tf.control_dependencies([count.assign_add(1.0)]):
        return {"y": x * count.read_value()}


def write_table(path):
    module = tf.Module()
    pairs = tf.lookup.KeyValueTensorInitializer([0, 1], [2.0, 3.0])
    module.table = tf.lookup.StaticHashTable(pairs, 0.0)
    module.f = tf.function(
        lambda x: {"y": module.table.lookup(x)}, input_signature=[tf.TensorSpec([None], tf.int32, "x")]
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.f})


def write_ragged(path):
    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": tf.RaggedTensor.from_tensor(x)}, input_signature=[tf.TensorSpec([None, 4], name="x")]
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.f})


write_sparse = of_tensorflow_1(lambda x: {"y": tf.sparse.from_dense(x)})
write_old_table = of_tensorflow_1(looked_up, tables=True)
write_counter = of_tensorflow_1(counted)


@pytest.mark.parametrize(
    ("write", "out", "format", "error", "message"),
    [
        (write_sparse, "model.tflite", "litert", RuntimeError, "output 'y' of .* is a sparse tensor"),
        (write_ragged, "model.onnx", "onnx", RuntimeError, "output 'y' of .* ragged tensor"),
        (write_table, "model.onnx", "onnx", RuntimeError, "ONNX has no tables"),
        (write_old_table, "model.tflite", "litert", RuntimeError, "in a table .* would be lost"),
        (write_counter, "model.onnx", "onnx", RuntimeError, "changes a variable"),
        (write_module, "copy", "tf_saved_model", ValueError, "is a SavedModel already"),
        (write_module, "model.bin", "onnx", ValueError, r"\.onnx"),
        (write_module, "model.pkl", "pickle", ValueError, "must be one of"),
        (write_ours, "model.onnx", "onnx", RuntimeError, "compiled ops.*Softpool>SoftPool.*portable=True"),
        (write_no_default, "model.onnx", "onnx", ValueError, r"no signature 'serving_default'.*\['other'\]"),
        (write_rare_op, "model.tflite", "litert", RuntimeError, "cannot be converted"),
        (write_truncated, "model.onnx", "onnx", ValueError, "is truncated"),
    ],
)
def test_what_is_refused(write, out, format, error, message, tmp_path):
    write(str(tmp_path / "source"))
    with pytest.raises(error, match=message):
        export_saved_model(tmp_path / "source", tmp_path / out, format, Options())
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_what_differs_is_told(tmp_path):
    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": x + tf.random.normal((1,))}, input_signature=[tf.TensorSpec([None, 4], name="x")]
    )
    tf.saved_model.save(module, tmp_path / "source", signatures={"serving_default": module.f})
    with pytest.warns(UserWarning, match="differs from the model"):
        report = export_saved_model(tmp_path / "source", tmp_path / "model.onnx", "onnx", Options())
    assert not report.passed
