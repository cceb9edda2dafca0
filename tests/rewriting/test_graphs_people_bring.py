"""`replace_pooling_in_file` with SavedModels of training graphs, of Keras 2, and with unusual signatures."""

import shutil

import keras
import numpy as np
import pytest
import saved_model_examples as examples
import tensorflow as tf
from saved_model_examples import SPEC, X, served

import tf_softpool as tsp
from tf_softpool.rewriting.saved_model.nodes import Body, layer_name
from tf_softpool.rewriting.saved_model.splice import splice
from tf_softpool.rewriting.saved_model.trace import Fragment

v1 = tf.compat.v1


def node(name, op="Relu", inputs=(), **attributes):
    made = v1.NodeDef(name=name, op=op, input=inputs)
    for key, entries in attributes.items():
        if isinstance(entries, bytes):
            made.attr[key].s = entries
        else:
            made.attr[key].list.s.extend(entries)
    return made


@pytest.mark.parametrize(
    ("entries", "in_graph", "in_function"),
    [
        ([b"loc:@first"], [b"loc:@pool/first"], [b"loc:@pool/first"]),
        ([b"loc:@last"], [b"loc:@pool"], [b"loc:@pool"]),
        ([b"loc:@x"], [b"loc:@conv"], None),
        ([b"loc:@gone"], None, None),
        ([b"loc:@gone", b"loc:@first"], [b"loc:@pool/first"], [b"loc:@pool/first"]),
        ([b"word", b"loc:@gone"], [b"word"], [b"word"]),
        ([b"word"], [b"word"], [b"word"]),
        (b"loc:@first", b"loc:@pool/first", b"loc:@pool/first"),
        (b"loc:@gone", None, None),
        (b"word", b"word", b"word"),
    ],
)
@pytest.mark.parametrize("key", ["_class", "_other"])
@pytest.mark.parametrize("is_function", [False, True])
def test_names_of_nodes_in_attributes(entries, in_graph, in_function, key, is_function):
    """In a function, the pooling's input is an argument here, and so no node."""
    graph = v1.GraphDef()
    end = ":activations:0" if is_function else ""
    graph.node.extend([*([] if is_function else [node("conv")]), node("pool", "MaxPool", ["conv"])])
    fragment = Fragment(
        [
            node("first", inputs=["x"], **{key: entries}),
            node("last", "Neg", inputs=["first" + end], **{key: entries}),
        ],
        ["x"],
        "last:output:0" if is_function else "last",
        [],
        [],
    )
    splice(Body("f" if is_function else "", graph.node, is_function), graph.node[-1], fragment, ["conv"])
    expected = in_function if is_function else in_graph
    new = [each for each in graph.node if each.name.startswith("pool")]
    assert len(new) == 2
    for each in new:
        value = each.attr.get(key)
        found = None if value is None else value.s or list(value.list.s)
        assert found == expected


@pytest.mark.parametrize(
    ("body", "name", "layer"),
    [
        ("", "model/block1_pool/MaxPool", "block1_pool"),
        ("__inference_call_12", "model/block1_pool/MaxPool", "block1_pool"),
        ("__inference_block1_pool_layer_call_and_return_conditional_losses_12", "MaxPool", "block1_pool"),
        ("__inference_block/squeeze/pool_layer_call_and_return_conditional_losses_12", "MaxPool", "pool"),
        ("__inference__wrapped_model_12", "model/block/squeeze/pool/MaxPool", "pool"),
        ("", "pool", "pool"),
    ],
)
def test_names_of_layers(body, name, layer):
    assert layer_name(body, node(name, "MaxPool")) == layer
    assert keras.layers.MaxPooling2D(name=layer_name(body, node(name, "MaxPool"))).name == layer


@pytest.mark.each_value
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("by", ["soft", "average", "sum"])
@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2), (3, 1)])
def test_training_graphs_of_tensorflow_1(tmp_path, pool_size, strides, padding, by, portable):
    kernel = examples.write_tensorflow_1_training(tmp_path / "in", pool_size, strides, padding)
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": by}, portable=portable)
    assert report.check.passed
    layers = {"soft": tsp.layers.SoftPooling2D, "average": keras.layers.AveragePooling2D}
    layer = layers.get(by, tsp.layers.SumPooling2D)(pool_size, strides, padding.lower())
    with tf.GradientTape() as tape:
        image = tf.nn.conv2d(X, kernel, 1, "SAME")
        tape.watch(image)
        y = layer(image)
        loss = tf.reduce_sum(y**2)
    found = served(tmp_path / "out", X)
    np.testing.assert_allclose(found["y"], y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["gradient"], tape.gradient(loss, image), rtol=1e-4, atol=1e-4)


def test_objects_that_tensorflow_cannot_load(tmp_path):
    module = examples.write_slots(tmp_path / "in")
    with pytest.raises(AttributeError, match="add_slot"):
        tf.saved_model.load(str(tmp_path / "in"))
    report = tsp.replace_pooling_in_file(
        tmp_path / "in", tmp_path / "out", {"max": "soft", "average": "soft"}
    )
    assert report.check.passed
    assert [note for note in report.notes if "before or after the rewriting" in note and "add_slot" in note]
    model = tsp.serving.load(tmp_path / "out")
    assert {name: str(info) for name, info in model.inputs.items()} == {"x": "float32 [?, 9, 9, 3]"}
    assert {name: str(info) for name, info in model.outputs.items()} == {"y": "float32 [?, 5, 3, 4]"}
    expected = examples.expected_module(module.kernel, X)
    np.testing.assert_allclose(model(X)["y"], expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        model(X[..., :2])


def test_a_broken_original_is_not_the_fault_of_the_rewriting(tmp_path):
    examples.write_module(tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "variables")
    with pytest.raises(ValueError, match="in itself cannot be loaded"):
        tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"})
    assert not (tmp_path / "out").exists()


def pooled(x):
    return tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool")


def fixed(x):
    return tf.matmul(tf.reshape(pooled(x), [-1, 16]), tf.ones([16, 3]))


def half(x):
    """Returns an image of half the size, and fails if it is of another size."""
    y = pooled(x)
    tf.debugging.assert_equal(tf.shape(y)[1:3] * 2, tf.shape(x)[1:3])
    return tf.identity(y)


def of_size(size):
    """Returns a function of images of one size, whose signature has open dimensions."""

    def function(x):
        tf.debugging.assert_equal(tf.shape(x)[1], size)
        return pooled(x)

    return function


def decoded(x):
    y = tf.map_fn(lambda each: tf.io.decode_raw(each, tf.float32), x, fn_output_signature=tf.float32)
    return pooled(tf.reshape(y, [-1, 9, 9, 3]))


def masked(x):
    """Returns as many numbers as there are large ones."""
    y = pooled(x)
    return tf.boolean_mask(y, y > 0.9)


OPEN, CLOSED = tf.TensorSpec([None, None, None, 1]), tf.TensorSpec([None, 8, 8, 1])
HUGE, TEXT = tf.TensorSpec([4096, 4096, 8, 1]), tf.TensorSpec([None], tf.string)


def other_size(old):
    return tsp.layers.SoftPooling2D(3, name=old.name)


@pytest.mark.parametrize(
    ("function", "spec", "by", "outcome", "ran"),
    [
        (fixed, CLOSED, "soft", True, True),
        (fixed, CLOSED, other_size, "rewritten, cannot be loaded", None),
        (half, OPEN, "soft", True, True),
        (half, OPEN, other_size, "rewritten, cannot be run: its signature 'serving_default' fails", None),
        (pooled, OPEN, "soft", True, True),
        (pooled, OPEN, other_size, False, True),
        (of_size(128), OPEN, other_size, False, True),
        # The original runs on none of the made-up inputs, so nothing can be compared.
        (of_size(77), OPEN, other_size, True, False),
        (pooled, HUGE, "soft", True, False),
        (decoded, TEXT, "soft", True, False),
        (masked, CLOSED, "soft", True, True),
    ],
)
def test_both_models_run_on_the_same_input(tmp_path, function, spec, by, outcome, ran):
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": function(x)}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.serve)
    if isinstance(outcome, str):
        with pytest.raises(ValueError, match=outcome):
            tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": by})
        assert not (tmp_path / "out").exists()
    else:
        report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": by})
        assert (report.check.shapes_equal, report.check.ran) == (outcome, ran)


def test_a_signature_that_writes_is_not_run(tmp_path):
    class Writer(tf.Module):
        @tf.function(input_signature=[SPEC])
        def inner(self, x):
            tf.io.write_file(str(tmp_path / "written"), "by the model")
            return tf.nn.max_pool2d(x, 2, 2, "VALID")

        @tf.function(input_signature=[SPEC])
        def __call__(self, x):
            return {"y": self.inner(x)}

    module = Writer()
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.__call__)
    check = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"}).check
    assert check.passed
    assert not check.ran
    assert not (tmp_path / "written").exists()
    served(tmp_path / "out", X)
    assert (tmp_path / "written").exists()


def in_tensorflow_2(function, spec):
    """Returns a function that writes a function of TensorFlow 2 as a signature."""

    def write(path):
        module = tf.Module()
        module.serve = tf.function(function, input_signature=[spec])
        tf.saved_model.save(module, path, signatures=module.serve)

    return write


def sparse(x):
    y = pooled(x)
    return {"y": y, "sparse": tf.sparse.from_dense(tf.nn.relu(tf.reshape(y, [-1, 48])))}


def ragged(x):
    y = tf.reshape(pooled(x), [-1, 48])
    return {"y": y, "ragged": tf.ragged.boolean_mask(y, y > 0)}


def from_sparse(x):
    return {"y": pooled(tf.reshape(tf.sparse.to_dense(x), [-1, 9, 9, 3]))}


def in_tensorflow_1(make):
    """Returns a function that writes a graph of TensorFlow 1. `make` returns its inputs and outputs."""

    def write(path):
        with tf.Graph().as_default(), v1.Session() as session:
            v1.saved_model.simple_save(session, path, *make())

    return write


def sparse_1():
    x = v1.placeholder("float32", [None, 9, 9, 3])
    return {"x": x}, {"sparse": tf.sparse.from_dense(tf.reshape(pooled(x), [-1, 48]))}


def sparse_input_1():
    x = v1.sparse_placeholder("float32", [None, 243])
    return {"x": x}, from_sparse(x)


def decoder_1():
    """Returns the decoded labels of a network for text, as a sparse tensor and as numbers."""
    x = v1.placeholder("float32", [None, 9, 9, 3])
    logits = tf.transpose(tf.reshape(pooled(x), [-1, 4, 12]), [1, 0, 2])
    lengths = tf.fill([tf.shape(x)[0]], 4)
    (decoded,), scores = v1.nn.ctc_beam_search_decoder(logits, lengths, top_paths=1)
    return {"x": x}, {"decoded": decoded, "scores": scores}


@pytest.mark.parametrize(
    "write",
    [
        in_tensorflow_2(sparse, SPEC),
        in_tensorflow_2(ragged, SPEC),
        in_tensorflow_2(from_sparse, tf.SparseTensorSpec([None, 243], tf.float32)),
        in_tensorflow_1(sparse_1),
        in_tensorflow_1(sparse_input_1),
        in_tensorflow_1(decoder_1),
    ],
    ids=["sparse", "ragged", "sparse_input", "sparse_1", "sparse_input_1", "decoder_1"],
)
def test_signatures_of_several_tensors(tmp_path, write):
    write(str(tmp_path / "in"))
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", {"max": "soft"}, portable=True)
    assert len(report.replaced) == 1
    assert report.check.passed
    assert not report.notes
