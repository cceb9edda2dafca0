"""`replace_pooling_in_file` with SavedModels whose global poolings are means and maxima."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_versions import export
from saved_model_examples import (
    SPEC,
    STEPS_OF_IMAGES,
    V,
    X,
    flat_heatmaps,
    from_least_to_most,
    group_norm,
    instance_norm,
    instance_norm_by_hand,
    scaled_by,
    served,
    shuffled,
    weighted_mean,
)

import tf_softpool as tsp

v1 = tf.compat.v1
layers = keras.layers
SOFT = {"global_average": "soft", "global_max": "soft"}


def rewritten(tmp_path, replacements=SOFT, **options):
    """Rewrites a model, and returns the findings about means and maxima by their actions."""
    report = tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out", replacements, **options)
    assert report.check is None or report.check.passed
    return [[f for f in each if f.layer in ("Mean", "Max")] for each in (report.replaced, report.skipped)]


def found(tmp_path, replacements=SOFT):
    report = tsp.replace_pooling_in_file(tmp_path / "in", None, replacements, dry_run=True)
    return [f for f in report.findings if f.layer in ("Mean", "Max")]


def convolution(x):
    return layers.Conv2D(4, 3)(x)


def activation(name):
    return lambda x: layers.Activation(name)(convolution(x))


def normalised(x):
    x = layers.Conv2D(4, 3, use_bias=False)(x)
    return layers.BatchNormalization(beta_initializer="ones", gamma_initializer="ones")(x)


def residual(x):
    x = convolution(x)
    return layers.Add()([x, layers.Conv2D(4, 3, padding="same", activation="relu")(x)])


def branches(x):
    return layers.Concatenate()([convolution(x), layers.DepthwiseConv2D(3)(x)])


def max_pooled(x):
    return layers.MaxPooling2D()(convolution(x))


def turned(x):
    return layers.Permute((3, 1, 2))(convolution(x))


def dense(x):
    return layers.Dense(3, activation="softmax")(x)


def normalised_dense(x):
    return dense(layers.Dropout(0.5)(layers.LayerNormalization()(x)))


def of_one_pixel(x):
    return layers.Flatten()(layers.Conv2D(3, 1)(x))


FIRST = {"data_format": "channels_first"}
KEEP = {"keepdims": True}


@pytest.mark.each_value
@pytest.mark.parametrize("write", ["export", "save"])
@pytest.mark.parametrize("kind", ["Average", "Max"])
@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        (convolution, {}, dense),
        (convolution, {}, normalised_dense),
        (convolution, {}, lambda x: x),
        (convolution, KEEP, of_one_pixel),
        (convolution, KEEP, layers.Flatten()),
        (convolution, {}, layers.UnitNormalization()),
        (activation("relu"), {}, layers.Reshape((2, 2))),
        (activation("swish"), {}, dense),
        (activation("hard_swish"), KEEP, of_one_pixel),
        (activation("gelu"), {}, dense),
        (activation("leaky_relu"), {}, layers.Softmax()),
        (normalised, {}, dense),
        (residual, {}, dense),
        (branches, {}, dense),
        (max_pooled, {}, dense),
        (turned, FIRST, dense),
        (turned, FIRST | KEEP, layers.Flatten()),
        # The name alone tells, because nothing is behind this one.
        (lambda x: x, {}, dense),
    ],
)
def test_a_keras_model_equals_the_one_rewritten_in_memory(tmp_path, before, options, after, kind, write):
    x = keras.Input((9, 9, 3))
    pooling = getattr(layers, f"Global{kind}Pooling2D")(**options)
    model = keras.Model(x, after(pooling(before(x))))
    if write == "export":
        export(model, tmp_path / "in")
    else:
        tf.saved_model.save(model, str(tmp_path / "in"))
    replaced, skipped = rewritten(tmp_path)
    assert {f.replacement for f in replaced} == {"GlobalSoftPooling2D"}
    assert all("believed to be global pooling: " in f.note for f in replaced)
    assert not skipped
    new, _ = tsp.replace_pooling(model, SOFT)
    np.testing.assert_allclose(served(tmp_path / "out", X)["output_0"], new(X), rtol=1e-5, atol=1e-5)


def volumes(dtype):
    x = keras.Input((6, 6, 6, 2))
    y = layers.Conv3D(4, 3, activation="relu", dtype=dtype)(x)
    return keras.Model(x, layers.GlobalAveragePooling3D(dtype=dtype)(y))


@pytest.mark.each_value
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("by", ["soft", "max", "sum", "power_average", tsp.layers.GlobalSoftPooling3D])
def test_volumes(tmp_path, by, dtype, portable):
    model = volumes(dtype)
    export(model, tmp_path / "in")
    replaced, _ = rewritten(tmp_path, {"global_average": by}, portable=portable)
    assert len(replaced) == 1
    new, _ = tsp.replace_pooling(model, {"global_average": by})
    expected, near = new(V), 1e-5 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(served(tmp_path / "out", V)["output_0"], expected, rtol=near, atol=near)


@pytest.mark.parametrize(
    ("replacements", "names"),
    [
        ({"global_average": "soft"}, {"Mean"}),
        ({"global_max": "soft"}, {"Max"}),
        ({layers.GlobalAveragePooling2D: "soft"}, {"Mean"}),
        ({layers.GlobalMaxPooling2D: tsp.layers.GlobalSoftPooling2D}, {"Max"}),
        ({layers.GlobalMaxPooling3D: "soft"}, set()),
        ({"max": "soft", "average": "soft", "adaptive_sum": "soft", "global_soft": "max"}, set()),
        ({keras.layers.Layer: lambda old: tsp.layers.GlobalSoftPooling2D()}, set()),
    ],
)
def test_only_what_is_asked_for_by_name(tmp_path, replacements, names):
    x = keras.Input((9, 9, 3))
    y = convolution(x)
    pooled = [layers.GlobalAveragePooling2D()(y), layers.GlobalMaxPooling2D()(y)]
    export(keras.Model(x, dense(layers.Concatenate()(pooled))), tmp_path / "in")
    findings = found(tmp_path, replacements)
    assert {f.layer for f in findings if f.action == "replaced"} == names
    if not any("global" in str(key).lower() for key in replacements if key != "global_soft"):
        assert not findings


def squeeze(x, **options):
    """Returns a squeeze-and-excite block, as EfficientNet has it."""
    y = layers.GlobalAveragePooling2D(name="squeeze", **options)(x)
    if not options:
        y = layers.Reshape((1, 1, 4))(y)
    y = layers.Conv2D(2, 1, activation="swish")(y)
    return layers.Multiply()([x, layers.Conv2D(4, 1, activation="sigmoid")(y)])


def attention(x):
    """Returns a block that weights channels by their means and maxima."""
    shared = keras.Sequential([layers.Dense(2, activation="relu"), layers.Dense(4)])
    pooled = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    y = layers.Add()([shared(each(keepdims=True)(x)) for each in pooled])
    return layers.Multiply()([x, layers.Activation("sigmoid")(y)])


def pyramid(x):
    """Returns an image with its mean as more channels."""
    y = layers.GlobalAveragePooling2D(keepdims=True, name="level")(x)
    return layers.Concatenate()([x, layers.UpSampling2D(7)(layers.Conv2D(2, 1)(y))])


def attention_over_channels(x):
    """Returns one channel, whose weights come from the mean."""
    weights = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D(name="weights")(x))
    flat = keras.ops.matmul(keras.ops.reshape(x, (-1, 49, 4)), keras.ops.expand_dims(weights, -1))
    return layers.Conv2D(4, 1)(keras.ops.reshape(flat, (-1, 7, 7, 1)))


@pytest.mark.parametrize(
    ("block", "count"),
    [(lambda x: squeeze(x), 1), (lambda x: squeeze(x, keepdims=True), 1), (attention, 2), (pyramid, 1)]
    + [(attention_over_channels, 1)]
    + [(lambda x, step=step: squeeze(step(x)), 1) for step in STEPS_OF_IMAGES],
)
def test_blocks_that_come_back_to_the_image(tmp_path, block, count):
    x = keras.Input((9, 9, 3))
    y = layers.GlobalAveragePooling2D(name="head")(block(convolution(x)))
    model = keras.Model(x, dense(y))
    export(model, tmp_path / "in")
    replaced, skipped = rewritten(tmp_path)
    assert ["head" in f.path for f in replaced] == [True]
    assert len(skipped) == count
    assert all("puts its values on an image again" in f.reason for f in skipped)
    new, _ = tsp.replace_pooling(model, SOFT, where="head")
    np.testing.assert_allclose(served(tmp_path / "out", X)["output_0"], new(X), rtol=1e-5, atol=1e-5)


def test_a_block_that_is_selected(tmp_path):
    x = keras.Input((9, 9, 3))
    model = keras.Model(x, layers.GlobalMaxPooling2D(name="head")(squeeze(convolution(x))))
    export(model, tmp_path / "in")
    replaced, skipped = rewritten(tmp_path, where="squeeze*")
    assert [f.note for f in replaced if "puts its values on an image again" in f.note]
    assert {f.reason for f in skipped} == {"`where` excludes it"}
    new, _ = tsp.replace_pooling(model, SOFT, where="squeeze")
    np.testing.assert_allclose(served(tmp_path / "out", X)["output_0"], new(X), rtol=1e-5, atol=1e-5)


KERNEL = np.random.default_rng(2).normal(size=(3, 3, 3, 4)).astype("float32")


def image(x):
    return tf.nn.relu(tf.nn.conv2d(x, KERNEL, 1, "SAME"))


@pytest.mark.parametrize(
    "function",
    [
        layers.LayerNormalization(),
        layers.LayerNormalization(axis=[1, 2, 3]),
        layers.GroupNormalization(2),
        group_norm,
        instance_norm,
        instance_norm_by_hand,
        lambda y: y - tf.reduce_max(y, [1, 2], keepdims=True),
        lambda y: instance_norm_by_hand(tf.nn.relu(shuffled(y))),
        lambda y: scaled_by(tf.reduce_mean)(tf.nn.relu(y[:, 1:-1, 1:-1])),
        # Heatmaps.
        lambda y: tf.reshape(scaled_by(tf.reduce_max)(tf.nn.relu(y[:, 1:-1, 1:-1])), [-1, 196]),
        from_least_to_most,
        flat_heatmaps,
        # Losses.
        lambda y: tf.reduce_mean(y),
        lambda y: tf.reduce_mean(y, [0, 1, 2, 3]),
        lambda y: tf.reduce_mean(tf.reduce_mean(y, [1, 2])),
        lambda y: tf.reduce_mean((tf.reduce_mean(y, [1, 2]) - 1.0) ** 2),
        lambda y: tf.reduce_mean(tf.reduce_mean((y - 1.0) ** 2, [1, 2]), 0),
        lambda y: tf.reduce_mean(tf.math.squared_difference(y, 1.0), [1, 2]),
        # Other axes.
        lambda y: tf.reduce_mean(y, [1]),
        lambda y: tf.reduce_mean(y, [3]),
        lambda y: tf.reduce_max(y, -1, keepdims=True),
        lambda y: tf.reduce_mean(y, [0, 1, 2]),
        lambda y: tf.reduce_mean(y, [1, 2, 3]),
        lambda y: tf.reduce_mean(y, [2, 3]),
        lambda y: tf.reduce_mean(y, tf.range(1, tf.rank(y) - 1 + tf.size(y) * 0)),
        # Not images.
        lambda y: tf.reduce_mean(tf.reshape(y, [-1, 81, 4]), [1]),
        lambda y: tf.reduce_mean(tf.reshape(y, [-1, 9, 36]), [1, 2]),
        lambda y: tf.reduce_max(tf.reshape(y, [-1, 9, 9, 2, 2]), [2, 3, 4]),
        lambda y: tf.reduce_mean(tf.reshape(y, [-1, 9, 9, 2, 2]), [1, 2]),
        # Powers and products.
        lambda y: tf.sqrt(tf.reduce_mean(y * y, [1, 2])),
        lambda y: tf.nn.softmax(tf.reduce_mean(y[..., :3] * image(y[..., :3])[..., :3], [1, 2])),
        # Differences of images.
        lambda y: tf.reduce_mean(tf.nn.relu(y - image(y[..., :3])), [1, 2]),
        lambda y: tf.reduce_mean(tf.abs(y - image(y[..., :3])), [1, 2]),
    ],
)
def test_means_and_maxima_that_are_something_else(tmp_path, function):
    module = tf.Module()
    function(image(X))
    module.layer = function
    module.serve = tf.function(lambda x: {"y": function(image(x))}, input_signature=[SPEC])
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.serve)
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (weighted_mean, 1),
        (lambda y: tf.reduce_max(y, [1, 2]) - tf.reduce_mean(y, [1, 2]), 2),
        (lambda y: tf.nn.softmax(tf.reduce_mean(y, [1, 2]) / tf.reduce_max(y, [1, 2])), 2),
    ],
)
def test_values_that_are_compared_with_others_of_the_image(tmp_path, function, count):
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": function(image(x))}, input_signature=[SPEC])
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.serve)
    findings = found(tmp_path)
    assert [f.action for f in findings] == ["skipped"] * count
    assert all("compares it with other values of the same image" in f.reason for f in findings)


@pytest.mark.parametrize(
    "step",
    [
        lambda y: y * tf.sigmoid(y),
        lambda y: y * tf.nn.relu6(y + 3.0) / 6.0,
        lambda y: y * tf.clip_by_value(y / 6.0 + 0.5, 0.0, 1.0),
        lambda y: tf.nn.gelu(y, approximate=True),
        lambda y: y * tf.tanh(tf.nn.softplus(y)),
        lambda y: tf.nn.relu(y) - 0.3 * tf.nn.relu(-y) + y,
        lambda y: (
            y
            * tf.sigmoid(
                tf.nn.conv2d(tf.reduce_mean(y, [1, 2], keepdims=True), KERNEL[:1, :1, :, :3], 1, "SAME")
            )
        ),
        lambda y: y + image(y)[..., :3],
        lambda y: tf.nn.relu(shuffled(tf.pad(y, [[0, 0], [0, 0], [0, 0], [0, 1]]))),
    ],
)
def test_activations_by_hand(tmp_path, step):
    def function(x):
        y = step(tf.nn.conv2d(x, KERNEL[..., :3], 1, "SAME"))
        return {"y": tf.nn.softmax(tf.reduce_mean(y, [1, 2], name="pool"))}

    module = tf.Module()
    module.serve = tf.function(function, input_signature=[SPEC])
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.serve)
    assert [f.path.split(":")[-1] for f in found(tmp_path) if f.action == "replaced"] == ["pool"]


class LayerOfKeras2(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None] * 4)])
    def gap_layer_call_and_return_conditional_losses(self, inputs):
        return tf.reduce_mean(inputs, [1, 2], keepdims=True)


class ModelOfKeras2(tf.Module):
    """A module like those that Keras 2 writes. A layer has several functions, and some are never called."""

    def __init__(self, after):
        super().__init__()
        self.called, self.other, self.after = LayerOfKeras2(), LayerOfKeras2(), after

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        y = image(x)
        return {"y": self.after(y, self.called.gap_layer_call_and_return_conditional_losses(y))}


@pytest.mark.parametrize(
    ("after", "replaced", "skipped"),
    [
        (lambda y, mean: tf.nn.softmax(mean), 2, 0),
        (lambda y, mean: y * tf.sigmoid(mean), 0, 2),
        # A part of a norm is no pooling, whatever its layer is called.
        (lambda y, mean: y - mean, 0, 0),
    ],
)
def test_functions_of_layers(tmp_path, after, replaced, skipped):
    module = ModelOfKeras2(after)
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.__call__)
    findings = found(tmp_path)
    assert [f.action for f in findings] == ["replaced"] * replaced + ["skipped"] * skipped
    assert len([f for f in findings if "the same layer as" in f.note]) == (1 if replaced else 0)


class Twice(tf.Module):
    """A module that calls one function for an image and for something else."""

    @tf.function(input_signature=[tf.TensorSpec([None] * 4)])
    def mean(self, x):
        return tf.reduce_mean(x, [1, 2])

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        return {"y": self.mean(image(x)), "z": self.mean(tf.square(x))}


def test_a_function_of_images_and_of_other_things(tmp_path):
    module = Twice()
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.__call__)
    assert found(tmp_path) == []


@pytest.mark.parametrize(("number", "count"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("is_main", [False, True])
def test_results_of_functions(tmp_path, number, count, is_main):
    """The first result is no image, and the second is one."""
    both = tf.function(lambda x: (tf.square(x), image(x)))

    def function(x):
        return {"y": tf.reduce_mean(both(x)[number], [1, 2])}

    if is_main:
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder("float32", [None, 9, 9, 3])
            v1.saved_model.simple_save(session, str(tmp_path / "in"), {"x": x}, function(x))
    else:
        module = tf.Module()
        module.serve = tf.function(function, input_signature=[SPEC])
        tf.saved_model.save(module, str(tmp_path / "in"), signatures=module.serve)
    assert len(found(tmp_path)) == count


class Trained(tf.Module):
    """A module that serves, and that trains the whole network or only its end."""

    def __init__(self, pool, whole):
        super().__init__()
        self.pool, self.whole = pool, whole
        self.kernel = tf.Variable(KERNEL, trainable=whole)
        self.end = tf.Variable(tf.reshape(tf.range(8.0), [4, 2]))

    def loss(self, x):
        return tf.nn.softmax(self.pool(tf.nn.relu(tf.nn.conv2d(x, self.kernel, 1, "SAME"))) @ self.end)

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        return {"y": self.loss(x)}

    @tf.function(input_signature=[SPEC])
    def train(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.loss(x) ** 2)
        return {"gradient": tape.gradient(loss, self.kernel if self.whole else self.end)}


def write_trained(path, pool, whole):
    module = Trained(lambda y: pool(y, [1, 2]), whole)
    signatures = {"serving_default": module.__call__, "train": module.train}
    tf.saved_model.save(module, str(path), signatures=signatures)
    return module


@pytest.mark.parametrize("pool", [tf.reduce_mean, tf.reduce_max])
def test_gradients(tmp_path, pool):
    """What trains and what serves stay the same network."""
    write_trained(tmp_path / "in", pool, whole=True)
    findings = found(tmp_path)
    assert [f.action for f in findings] == ["skipped"] * 2
    first, second = sorted(f.reason for f in findings)
    assert first.startswith("it is the same layer as __inference_train")
    assert "the graph has a gradient through it" in second


@pytest.mark.parametrize("pool", [tf.reduce_mean, tf.reduce_max])
def test_gradients_that_end_behind_the_pooling(tmp_path, pool):
    module = write_trained(tmp_path / "in", pool, whole=False)
    replaced, skipped = rewritten(tmp_path)
    assert (len(replaced), skipped) == (2, [])
    old, new = (served(tmp_path / name, X, "train")["gradient"] for name in ("in", "out"))
    assert not np.array_equal(old, new)
    module.pool = tsp.layers.GlobalSoftPooling2D()
    np.testing.assert_allclose(served(tmp_path / "out", X)["y"], module.loss(X), rtol=1e-5)
    np.testing.assert_allclose(new, module.train.python_function(X)["gradient"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("trains", [False, True])
@pytest.mark.parametrize("activation", [tf.nn.relu, tf.identity, tf.nn.swish])
@pytest.mark.parametrize("pool", [v1.reduce_mean, v1.reduce_max])
def test_tensorflow_1(tmp_path, pool, activation, trains):
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder("float32", [None, 9, 9, 3], "x")
        kernel = v1.get_variable("kernel", initializer=KERNEL, use_resource=False)
        y = activation(tf.nn.conv2d(x, kernel, 1, "SAME"))
        y = tf.nn.softmax(pool(y, [-3, -2], name="pool"), name="y")
        if trains:
            v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_mean(y[:, 0]))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "in"), {"x": x}, {"y": y})
    if trains:
        (finding,) = [f for f in found(tmp_path) if f.path == "pool"]
        assert "the graph has a gradient through it" in finding.reason
        return
    replaced, skipped = rewritten(tmp_path)
    assert ([f.path for f in replaced], skipped) == (["pool"], [])
    expected = tf.nn.softmax(tsp.layers.GlobalSoftPooling2D()(activation(tf.nn.conv2d(X, KERNEL, 1, "SAME"))))
    np.testing.assert_allclose(served(tmp_path / "out", X)["y"], expected, rtol=1e-5)
