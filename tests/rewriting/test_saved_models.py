"""`replace_pooling_in_file` with SavedModels: graphs, functions and gradients."""

import filecmp
from pathlib import Path

import keras
import numpy as np
import pytest
import saved_model_examples as examples
import tensorflow as tf
from conftest import python
from google.protobuf import text_format
from keras_versions import export
from saved_model_examples import SPEC, V, X, served
from tensorflow.core.protobuf import saved_model_pb2

import tf_softpool as tsp

SOFT = {"max": "soft", "average": "soft"}


def proto_of(path):
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
    return proto


def ops_of(path):
    graph = proto_of(path).meta_graphs[0].graph_def
    return sorted(
        node.op
        for nodes in [graph.node, *(f.node_def for f in graph.library.function)]
        for node in nodes
        if "Pool" in node.op
    )


def write_keras(model, path):
    export(model, path)
    return model


def test_plain_tensorflow(tmp_path):
    module = examples.write_module(tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    assert report.check.passed
    assert report.check.parameters == 108
    assert all(f.action == "replaced" for f in report.findings)
    assert ops_of(tmp_path / "out").count("Softpool>SoftPool") == len(report.findings)
    expected = examples.expected_module(module.kernel, X)
    np.testing.assert_allclose(served(tmp_path / "out", X)["y"], expected, rtol=1e-6, atol=1e-6)
    # The output is also served by a process that loads the op library and nothing else of ours.
    np.save(tmp_path / "x.npy", X)
    printed = python(
        f"""
        import numpy as np, tensorflow as tf
        tf.load_op_library({tsp.build_info()["library"]!r})
        y = tf.saved_model.load({str(tmp_path / "out")!r}).signatures["serving_default"]
        np.save({str(tmp_path / "y.npy")!r}, y(tf.constant(np.load({str(tmp_path / "x.npy")!r})))["y"])
        """
    )
    assert not printed
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), served(tmp_path / "out", X)["y"])


def test_gradients_in_the_graph_are_those_of_the_new_pooling(tmp_path):
    module = examples.write_module(tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"})
    assert "and its gradient" in {f.note for f in report.replaced}
    with tf.GradientTape() as tape:
        y = tsp.soft_pool(tf.nn.conv2d(X, module.kernel, 1, "SAME"), 3, 2, "same")
        loss = tf.reduce_sum(y**2)
    found = served(tmp_path / "out", X, "train")
    np.testing.assert_allclose(found["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(found["gradient"], tape.gradient(loss, module.kernel), rtol=1e-4, atol=1e-4)
    assert not any(op.startswith("MaxPool") for op in ops_of(tmp_path / "out"))


def test_what_is_loaded_can_be_trained(tmp_path):
    module = examples.write_module(tmp_path / "in")
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded(tf.constant(X))["y"] ** 2)
    found = tape.gradient(loss, loaded.kernel)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(examples.expected_module(module.kernel, X) ** 2)
    np.testing.assert_allclose(found, tape.gradient(loss, module.kernel), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("portable", [False, True])
def test_a_keras_export_equals_the_model_rewritten_in_memory(tmp_path, portable):
    model = write_keras(examples.keras_model(), tmp_path / "in")
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT, portable=portable)
    new, _ = tsp.replace_pooling(model, SOFT)
    np.testing.assert_allclose(
        served(tmp_path / "out", X)["output_0"], new.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )
    assert ops_of(tmp_path / "out").count("Softpool>SoftPool") == (0 if portable else 4)


def test_volumes(tmp_path):
    model = write_keras(examples.volume_model(), tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    assert {f.replacement for f in report.replaced} == {"SoftPooling3D"}
    new, _ = tsp.replace_pooling(model, SOFT)
    np.testing.assert_allclose(served(tmp_path / "out", V)["output_0"], new(V), rtol=1e-6)


def test_tensorflow_1(tmp_path):
    kernel = examples.write_tensorflow_1(str(tmp_path / "in"))
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"})
    assert [(f.path, f.action) for f in report.findings] == [
        ("pool", "replaced"),
        ("mean", "skipped"),
    ] * 2
    assert report.check.carried == 1
    loaded = tf.saved_model.load(str(tmp_path / "out"), tags=["serve"])
    found = loaded.signatures["serving_default"](tf.constant(X))["y"]
    y = tf.nn.avg_pool2d(tsp.soft_pool(tf.nn.conv2d(X, kernel, 1, "SAME"), 3, 2, "same"), 2, 1, "VALID")
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-6)
    pool = next(n for n in proto_of(tmp_path / "out").meta_graphs[0].graph_def.node if n.name == "pool")
    before = next(n for n in proto_of(tmp_path / "in").meta_graphs[0].graph_def.node if n.name == "pool")
    assert list(pool.input) == list(before.input)


def test_max_to_soft_to_max_is_the_same_graph(tmp_path):
    examples.write_module(tmp_path / "in")
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "soft", {"max": "soft"})
    tsp.replace_pooling_in_file(tmp_path / "soft", tmp_path / "out", {"soft": "max"})
    for signature in ("serving_default", "train"):
        old, new = served(tmp_path / "in", X, signature), served(tmp_path / "out", X, signature)
        for name, value in old.items():
            np.testing.assert_array_equal(new[name], value)
    # The gradient of max pooling needs the pooling's output, so each gradient op gets a new MaxPool beside
    # it.
    again = [op for op in ops_of(tmp_path / "in") if op == "MaxPoolGrad"]
    assert ops_of(tmp_path / "out") == sorted(ops_of(tmp_path / "in") + ["MaxPool"] * len(again))


def test_all_but_the_graph_is_copied_as_it_is(tmp_path):
    examples.write_module(tmp_path / "in")
    (tmp_path / "in" / "assets" / "words.txt").write_text("words")
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    files = sorted(str(f.relative_to(tmp_path / "in")) for f in (tmp_path / "in").rglob("*") if f.is_file())
    same, different, missing = filecmp.cmpfiles(tmp_path / "in", tmp_path / "out", files, shallow=False)
    assert different == ["saved_model.pb"]
    assert missing == ["fingerprint.pb"]
    assert len(same) == len(files) - 2 > 2
    old, new = (proto_of(tmp_path / name).meta_graphs[0] for name in ("in", "out"))
    assert old.signature_def == new.signature_def
    assert old.object_graph_def == new.object_graph_def


def test_text_files_stay_text(tmp_path):
    examples.write_module(tmp_path / "in")
    binary = tmp_path / "in" / "saved_model.pb"
    (tmp_path / "in" / "saved_model.pbtxt").write_text(text_format.MessageToString(proto_of(tmp_path / "in")))
    binary.unlink()
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    assert (tmp_path / "out" / "saved_model.pbtxt").exists()
    assert not (tmp_path / "out" / "saved_model.pb").exists()
    assert served(tmp_path / "out", X)["y"].shape == (2, 5, 3, 4)


def test_names_and_depth(tmp_path):
    write_keras(examples.keras_model(), tmp_path / "in")

    def replaced(**options):
        report = tsp.replace_pooling_in_file(tmp_path / "in", None, SOFT, dry_run=True, **options)
        return [f.path.split(":")[1].split("/")[1] for f in report.replaced]

    every = replaced()
    assert len(every) == 4
    assert replaced(where="branch_*") == ["branch_max_1", "branch_mean_1"]
    assert replaced(where="*/rows*/*") == ["rows_1"]
    assert replaced(first=1) == every[:1]
    assert replaced(last=2) == every[2:]
    assert replaced(where=lambda layer: layer.pool_size == (3, 3)) == ["branch_max_1", "branch_mean_1"]


class Twice(tf.Module):
    """A module with second derivatives of SoftPool, and with loops that pool two types and have gradients."""

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tsp.soft_pool(x * x, 2) ** 2)
            first = inner.gradient(y, x)
            z = tf.reduce_sum(first**2)
        return {"second": outer.gradient(z, x)}

    @tf.function(input_signature=[SPEC])
    def loops(self, x):
        results = {}
        for dtype in (tf.float16, tf.float32):
            y = tf.cast(x, dtype)
            with tf.GradientTape() as tape:
                tape.watch(y)
                state = tf.while_loop(
                    lambda i, s: i < 2,
                    lambda i, s: (i + 1, tf.nn.max_pool2d(s, 2, 1, "SAME")),
                    (0, y),
                )
            results[dtype.name] = tf.cast(tape.gradient(state[1], y), tf.float32)
        return results


def write_twice(path):
    module = Twice()
    signatures = {"serving_default": module.__call__, "loops": module.loops}
    tf.saved_model.save(module, path, signatures=signatures)


def test_second_derivatives_of_soft_pool_forbid(tmp_path):
    write_twice(tmp_path / "in")
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"soft": "max"})
    reasons = [f.reason for f in report.skipped if f.layer == "Softpool>SoftPool"]
    assert reasons
    assert all("second derivatives" in reason for reason in reasons)


def test_loops_of_two_types(tmp_path):
    write_twice(tmp_path / "in")
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"})
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tsp.soft_pool(tsp.soft_pool(x, 2, 1, "same"), 2, 1, "same")
    expected, found = tape.gradient(y, x), served(tmp_path / "out", X, "loops")
    np.testing.assert_allclose(found["float32"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["float16"], expected, rtol=0, atol=1e-2)


def test_loops_of_tensorflow_1(tmp_path):
    """In a loop of TensorFlow 1, every node must have an input from inside the loop."""
    tf.compat.v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            x = tf.compat.v1.placeholder("float32", [None, 9, 9, 3])
            body = lambda i, s: (i + 1, tf.nn.max_pool2d(s, 2, 1, "SAME"))  # noqa: E731
            _, y = tf.compat.v1.while_loop(lambda i, s: i < 2, body, (tf.constant(0), x))
            tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "in"), {"x": x}, {"y": y})
    finally:
        tf.compat.v1.enable_control_flow_v2()
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"}, portable=True)
    expected = tsp.soft_pool(tsp.soft_pool(X, 2, 1, "same"), 2, 1, "same")
    np.testing.assert_allclose(served(tmp_path / "out", X)["y"], expected, rtol=1e-5, atol=1e-6)


def test_gradients_that_forbid(tmp_path):
    examples.write_averaging(tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT)
    reasons = {f.path.split(":")[0].split("_")[3]: f.reason for f in report.skipped}
    assert list(reasons) == ["train"]
    assert "does not know the pooling's input" in reasons["train"]
    np.testing.assert_allclose(served(tmp_path / "out", X)["y"], tsp.soft_pool(X, 2), rtol=1e-6)
    old, new = served(tmp_path / "in", X, "train"), served(tmp_path / "out", X, "train")
    np.testing.assert_array_equal(old["gradient"], new["gradient"])


@pytest.mark.parametrize(
    ("replacements", "reason"),
    [
        ({"max": "sorted"}, "variables"),
        ({"max": "local_importance"}, "variables"),
        ({"max": lambda layer: tf.keras.layers.Conv2D(2, 3)}, "cannot be"),
        ({"max": lambda layer: tf.keras.layers.UpSampling1D()}, "cannot be traced"),
    ],
)
def test_layers_that_a_graph_has_no_place_for(tmp_path, replacements, reason):
    examples.write_module(tmp_path / "in")
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", replacements)
    assert any(reason in f.reason for f in report.skipped)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["max", "average", "sum", "power_average", "soft"])
def test_kinds_without_variables(tmp_path, kind):
    write_keras(examples.volume_model(), tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": kind, "average": kind})
    new, _ = tsp.replace_pooling(examples.volume_model(), {"max": kind, "average": kind})
    assert len(report.replaced) == 2
    np.testing.assert_allclose(served(tmp_path / "out", np.abs(V))["output_0"], new(np.abs(V)), rtol=1e-5)


class Layered(tf.Module):
    """A module like those that Keras 2 writes: a function for the whole model, and one for each layer."""

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        return tf.nn.max_pool2d(x, 2, 2, "VALID", name="net/pool/MaxPool")

    @tf.function(input_signature=[SPEC])
    def pool_layer_call_and_return_conditional_losses(self, x):
        return tf.nn.max_pool2d(x, 2, 2, "VALID", name="MaxPool")


def test_layers_of_keras_2_by_name(tmp_path):
    tf.saved_model.save(Layered(), str(tmp_path / "in"))
    (tmp_path / "in" / "keras_metadata.pb").write_bytes(b"layers")
    with pytest.warns(UserWarning, match="keras_metadata.pb"):
        report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", SOFT, where="pool")
    assert len(report.replaced) == 2
    assert not (tmp_path / "out" / "keras_metadata.pb").exists()


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_soft_pooling(tmp_path, keepdims):
    layers = [tf.keras.Input((9, 9, 3)), tsp.layers.GlobalSoftPooling2D(keepdims=keepdims, name="end")]
    write_keras(tf.keras.Sequential(layers), tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", None, {"soft": "max"}, dry_run=True)
    assert not report.replaced
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"global_soft": "max"})
    expected = X.max(axis=(1, 2), keepdims=keepdims)
    np.testing.assert_array_equal(served(tmp_path / "out", X)["output_0"], expected)


def test_adaptive_soft_pooling(tmp_path):
    layers = [tf.keras.Input((9, 9, 3)), tsp.layers.AdaptiveSoftPooling2D((4, 2), name="end")]
    write_keras(tf.keras.Sequential(layers), tmp_path / "in")
    report = tsp.replace_pooling_in_file(tmp_path / "in", None, {"soft": "max"}, dry_run=True)
    assert not report.replaced
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"adaptive_soft": "sum"})
    expected = tsp.layers.AdaptiveSumPooling2D((4, 2))(X)
    np.testing.assert_allclose(served(tmp_path / "out", X)["output_0"], expected, rtol=1e-6)


class Odd(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([2, 8, 8, 4])])
    def __call__(self, x):
        explicit = tf.nn.max_pool(x, 2, 2, [[0, 0], [1, 0], [0, 1], [0, 0]])
        deep = tf.nn.max_pool(x, (1, 1, 1, 2), (1, 1, 1, 2), "VALID")
        whole = tf.nn.max_pool(tf.cast(x, tf.int32), 2, 2, "VALID")
        where, _ = tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")
        drawn = tf.nn.fractional_max_pool(x, [1, 1.5, 1.5, 1]).output
        return explicit, deep, whole, where, drawn, tf.nn.max_pool(x, 2, 2, "VALID")


def test_poolings_that_no_layer_does(tmp_path):
    tf.saved_model.save(Odd(), str(tmp_path / "in"))
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"})
    reasons = " ".join(f.reason for f in report.skipped)
    for text in ("padding EXPLICIT", "over examples or channels", "int32", "where the maxima", "drawn"):
        assert text in reasons
    assert len(report.replaced) == 1


@pytest.mark.parametrize("export", [tsp.export, keras.Model.export])
def test_variables_are_counted_once_whoever_exports(export, tmp_path):
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.MaxPooling2D()]
    export(keras.Sequential(layers), tmp_path / "max")
    report = tsp.replace_pooling_in_file(tmp_path / "max", tmp_path / "soft", {"max": "soft"})
    assert (report.check.carried, report.check.parameters) == (2, 112)
