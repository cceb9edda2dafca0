"""SavedModels of many sorts, written to disk, and what they compute."""

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import tf_softpool as tsp

X = np.random.default_rng(0).normal(size=(2, 9, 9, 3)).astype("float32")
V = np.random.default_rng(1).normal(size=(2, 6, 6, 6, 2)).astype("float32")
SPEC = tf.TensorSpec([None, 9, 9, 3])


class Module(tf.Module):
    """A module of plain TensorFlow. One pooling is in its function, and one in a function that this calls."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.default_rng(2).normal(size=(3, 3, 3, 4)).astype("float32"))

    @tf.function
    def inner(self, x):
        return tf.nn.avg_pool2d(x, (2, 3), (1, 2), "SAME", name="inner_pool")

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        with tf.name_scope("conv1_pool"):
            x = tf.nn.max_pool2d(tf.nn.conv2d(x, self.kernel, 1, "SAME"), 3, 2, "SAME")
        return {"y": self.inner(x)}

    @tf.function(input_signature=[SPEC])
    def train(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.nn.max_pool2d(tf.nn.conv2d(x, self.kernel, 1, "SAME"), 3, 2, "SAME") ** 2)
        return {"loss": loss, "gradient": tape.gradient(loss, self.kernel)}


def write_module(path):
    module = Module()
    tf.saved_model.save(module, path, signatures={"serving_default": module.__call__, "train": module.train})
    return module


class Averaging(tf.Module):
    """A module that trains with one average pooling, and serves with another."""

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        return {"y": tf.nn.avg_pool2d(x, 2, 2, "VALID")}

    @tf.function(input_signature=[SPEC])
    def train(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.nn.avg_pool2d(x, 3, 3, "VALID") ** 2)
        return {"gradient": tape.gradient(y, x)}


def write_averaging(path):
    module = Averaging()
    tf.saved_model.save(module, path, signatures={"serving_default": module.__call__, "train": module.train})


def write_tensorflow_1(path):
    """Writes a SavedModel as TensorFlow 1 did: variables and poolings in the main graph, and two tag sets.

    Returns:
        The kernel of its convolution.
    """
    for tags in (["serve"], ["train", "other"]):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            x = tf.compat.v1.placeholder("float32", [None, 9, 9, 3], name="x")
            kernel = tf.compat.v1.get_variable(
                "kernel", initializer=np.random.default_rng(2).normal(size=(3, 3, 3, 4)).astype("float32")
            )
            with tf.control_dependencies([tf.debugging.assert_all_finite(x, "finite")]):
                pooled = tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, "SAME"), 3, 2, "SAME", name="pool")
            y = tf.identity(tf.nn.avg_pool2d(pooled, 2, 1, "VALID", name="mean"), name="y")
            session.run(tf.compat.v1.global_variables_initializer())
            if tags == ["serve"]:
                builder = tf.compat.v1.saved_model.Builder(path)
                write = builder.add_meta_graph_and_variables
                arguments = [session, tags]
            else:
                write, arguments = builder.add_meta_graph, [tags]
            signature = tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": y})
            write(*arguments, signature_def_map={"serving_default": signature})
    builder.save()
    return np.random.default_rng(2).normal(size=(3, 3, 3, 4)).astype("float32")


def keras_model():
    """Returns a model with branches, a pooling operation, and pooling in two dimensions and in one."""
    i = keras.Input((9, 9, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(i)
    a = keras.layers.MaxPooling2D(3, 2, "same", name="branch_max")(x)
    b = keras.layers.AveragePooling2D(3, 2, "same", name="branch_mean")(x)
    x = keras.ops.max_pool(keras.layers.Concatenate()([a, b]), 2, 1)
    x = keras.layers.Reshape((9, 8))(x)
    x = keras.layers.MaxPooling1D(2, name="rows")(x)
    return keras.Model(i, keras.layers.Dense(2)(x))


def volume_model():
    return keras.Sequential(
        [
            keras.Input((6, 6, 6, 2)),
            keras.layers.MaxPooling3D((2, 1, 2), name="pool"),
            keras.layers.AveragePooling3D(2, padding="same", name="mean"),
        ]
    )


def served(path, x, signature="serving_default"):
    """Returns what a SavedModel's signature computes, as a dict of arrays."""
    function = tf.saved_model.load(str(path)).signatures[signature]
    return {name: value.numpy() for name, value in function(tf.constant(x)).items()}


def expected_module(kernel, x):
    """Returns what `Module` computes if SoftPool replaces both poolings."""
    x = tsp.soft_pool(tf.nn.conv2d(x, kernel, 1, "SAME"), 3, 2, "same")
    return tsp.soft_pool(x, (2, 3), (1, 2), "same")


def write_tensorflow_1_training(path, pool_size, strides, padding):
    """Writes a training graph of TensorFlow 1. A node is colocated with its max pooling.

    Returns:
        The kernel of its convolution.
    """
    kernel = np.random.default_rng(2).normal(size=(3, 3, 3, 4)).astype("float32")
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder("float32", [None, 9, 9, 3], "x")
        weights = v1.get_variable("kernel", initializer=kernel, use_resource=False)
        image = tf.nn.conv2d(x, weights, 1, "SAME")
        pooled = tf.nn.max_pool2d(image, pool_size, strides, padding, name="pool")
        with graph.colocate_with(pooled.op):
            y = tf.identity(pooled, "y")
        loss = tf.reduce_sum(y**2)
        (gradient,) = v1.gradients(loss, image, colocate_gradients_with_ops=True)
        v1.train.GradientDescentOptimizer(0.1).minimize(loss, colocate_gradients_with_ops=True)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": y, "gradient": gradient})
    return kernel


def write_slots(path):
    """Writes a SavedModel whose objects TensorFlow cannot load, as it cannot load optimizers of Keras 2.

    Such objects have slots. An object of an unknown class cannot take them.
    """
    module = Module()
    module.moment = tf.Variable(module.kernel, name="moment")
    tf.saved_model.save(module, path, signatures=module.__call__)
    file, proto = path / "saved_model.pb", saved_model_pb2.SavedModel()
    proto.ParseFromString(file.read_bytes())
    objects = proto.meta_graphs[0].object_graph_def.nodes
    numbers = {each.variable.name: i for i, each in enumerate(objects) if each.HasField("variable")}
    slot = objects[0].slot_variables.add(slot_name="m")
    slot.original_variable_node_id, slot.slot_variable_node_id = numbers["Variable"], numbers["moment"]
    file.write_bytes(proto.SerializeToString())
    return module


def shuffled(y):
    """Returns an image of 4 channels in another order, as ShuffleNet has it."""
    shape = (-1, *y.shape[1:3])
    return keras.ops.reshape(keras.ops.swapaxes(keras.ops.reshape(y, (*shape, 2, 2)), 3, 4), (*shape, 4))


def half(y):
    return keras.ops.split(keras.ops.concatenate([y, -y], -1), 2, -1)[0]


# Steps whose result is an image, though its nodes have no data format and are no activations.
STEPS_OF_IMAGES = [
    lambda y: keras.ops.relu(keras.layers.GroupNormalization(2)(y)),
    lambda y: keras.ops.relu(shuffled(y)),
    lambda y: keras.ops.relu(half(y)),
    lambda y: keras.ops.relu(keras.layers.Cropping2D(1)(y)),
    keras.layers.Dense(4, activation="relu"),
    lambda y: keras.ops.relu(y - 0.1),
    lambda y: keras.ops.tanh(keras.ops.exp(y)),
    lambda y: keras.ops.relu(keras.ops.softmax(y)),
    lambda y: keras.ops.relu(keras.ops.abs(y)),
    lambda y: keras.ops.relu(keras.ops.square(y)),
    lambda y: keras.ops.relu(keras.ops.take(y, [3, 2, 1, 0], -1)),
]


def scaled_by(reduce):
    """Returns a function that divides an image by means or maxima of it."""
    return lambda y: y / (1e-3 + reduce(y, [1, 2], keepdims=True))


def from_least_to_most(y):
    """Returns heatmaps between 0 and 1."""
    least, most = (each(y, [1, 2], keepdims=True) for each in (tf.reduce_min, tf.reduce_max))
    return (y - least) / (most - least + 1e-3)


def flat_heatmaps(y):
    most = tf.reshape(tf.reduce_max(y, [1, 2]) + 1e-3, [-1, 1, y.shape[-1]])
    return tf.reshape(y, [-1, y.shape[1] * y.shape[2], y.shape[-1]]) / most


def weighted_mean(y):
    """Returns a mean with weights, which are made from the image as attention makes them."""
    weights = tf.sigmoid(tf.nn.conv2d(y, tf.ones([1, 1, y.shape[-1], 1]), 1, "SAME"))
    return tf.reduce_mean(y * weights, [1, 2]) / (tf.reduce_mean(weights, [1, 2]) + 1e-3)


def group_norm(y):
    """Returns an image whose halves of the channels are normalised."""
    y = tf.reshape(y, [-1, 9, 9, 2, 2])
    mean, variance = tf.nn.moments(y, [1, 2, 4], keepdims=True)
    return tf.reshape((y - mean) / tf.sqrt(variance + 1e-3), [-1, 9, 9, 4])


def instance_norm(y):
    mean, variance = tf.nn.moments(y, [1, 2], keepdims=True)
    return tf.nn.batch_normalization(y, mean, variance, None, None, 1e-3)


def instance_norm_by_hand(y):
    mean = tf.reduce_mean(y, [1, 2], keepdims=True)
    return (y - mean) / tf.math.reduce_std(y, [1, 2], keepdims=True)
