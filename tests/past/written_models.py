"""The models that a release writes: every layer, function and op, in every format.

Each entry of `FILES` writes a file or a folder of its name into a folder, and returns what it was called with
and what it computed: by the name of a signature, a dict of inputs and a dict of outputs.
"""

import importlib.util
import itertools
from unittest import mock

import keras
import keras_file_examples
import numpy as np
import promises
import saved_model_examples
import tensorflow as tf
from cases import Case
from poolings import POOLINGS

import tf_softpool as tsp
from tf_softpool.ops.window import PoolWindow
from tf_softpool.rewriting.keras_2 import objects

L, K = tsp.layers, keras.layers
CHANNELS = 3
SPATIAL = (7, 5, 4)
# Arguments that give the layers of a pooling variables of all sorts. By the start of the pooling's name.
ARGUMENTS = {
    "DetailPreserving": {"variant": "full", "symmetric": False},
    "LocalImportance": {"kernel_initializer": L.CenterTap(0.5), "scale_initializer": "ones"},
    "Lp": {"per_channel": True, "initial_p": 3},
    "Mixed": {"per_channel": True},
    "Gated": {"per_channel": True},
    "PowerAverage": {"p": 3},
    "S3": {"seed": 3, "padding": "same"},
    "Soft": {"gradient": "weights"},
    "Sorted": {"pool_range": 2, "rank_initializer": L.LeadingRank(0.6)},
    "Stochastic": {"seed": 3},
}


def sample(*shape):
    """Returns random numbers."""
    return np.random.default_rng(sum(shape)).normal(0, 1.5, shape).astype("float32")


def randomized(model):
    """Gives a model's trainable variables values that differ, because equal ones would hide an exchange."""
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(random.uniform(0.1, 0.9, weight.shape))
    return model


def of_layers(rank):
    """Returns a model with an output for each layer of a rank."""
    x, outputs = keras.Input((*SPATIAL[:rank], CHANNELS), name="x"), {}
    for name, cls in promises.layer_classes().items():
        if cls.rank == rank:
            pooling = name.removeprefix("Global").removeprefix("Adaptive").partition("Pooling")[0]
            size = {"output_size": 2} if name.startswith("Adaptive") else {}
            outputs[name] = cls(**ARGUMENTS.get(pooling, {}), **size, name=name.lower())(x)
    return randomized(keras.Model(x, outputs))


def of_functions():
    """Returns a model of functions, each of which is a node."""
    x = keras.Input((*SPATIAL[:2], CHANNELS), name="x")
    constraint = L.UnitInterval()
    logits = K.Conv2D(CHANNELS, 3, padding="same", kernel_constraint=constraint, name="logits")(x)
    of_channels = keras.ops.ones((CHANNELS,))
    outputs = {
        "soft": tsp.soft_pool(x, 2, gradient="weights"),
        "importance": tsp.importance_pool(x, logits, 3, 2, "same"),
        "sorted": tsp.sorted_pool(x, keras.ops.arange(4, dtype="float32"), 2, normalize="none"),
        "detail": tsp.detail_preserving_pool(x, None, of_channels, of_channels, 2, symmetric=False),
    }
    return randomized(keras.Model(x, outputs))


def masked():
    """Returns a model that passes a mask through poolings. In it, a pooled mask is a node."""
    words = keras.Input((8,), dtype="int32", name="x")
    x = K.Embedding(9, CHANNELS, mask_zero=True)(words)
    x = L.AdaptiveSumPooling1D(3)(L.SoftPooling1D(2)(x))
    return randomized(keras.Model(words, K.GlobalAveragePooling1D()(x)))


def of_keras_2():
    """Returns a model with what Keras 3 lacks, as rewritten files of Keras 2 have it."""
    words = keras.Input((8,), dtype="int32", name="x")
    parts = [K.Embedding(9, CHANNELS, mask_zero=masked)(words) for masked in (True, False)]
    x = L.SoftPooling1D(2)(objects.MaskedConcatenate()(parts))
    x = objects.TensorFlowFunction("math.multiply")(x, 2.0)
    x = K.Activation(objects.keras_2_hard_sigmoid)(x)
    return randomized(keras.Model(words, K.GlobalAveragePooling1D()(x)))


def computed(model):
    """Returns what a model was called with and what it computed."""
    x = sample(2, *model.inputs[0].shape[1:])
    x = np.abs(x).astype("int32") if model.inputs[0].dtype == "int32" else x
    return {"": ({"x": x}, outputs_of(model(x)))}


def outputs_of(result):
    """Returns a result as a dict of arrays."""
    named = result if isinstance(result, dict) else {"y": result}
    return {name: np.asarray(value) for name, value in named.items()}


def keras_file(make):
    """Returns a writer of a Keras model, in the format that the name's ending says."""

    def write(path):
        model = make()
        if path.name.endswith(".weights.h5"):
            model.save_weights(path)
        else:
            model.save(path)
        return computed(model)

    return write


def exported(rank, **arguments):
    """Returns a writer of an export of all layers of a rank, or of one layer for other runtimes."""

    def write(path):
        model = of_layers(rank) if "format" not in arguments else _one_layer()
        tsp.export(model, path, check=False, **arguments)
        inputs, outputs = computed(model)[""]
        return {"serving_default": (inputs, outputs)}

    return write


def _one_layer():
    x = keras.Input((*SPATIAL[:2], CHANNELS), name="x")
    return keras.Model(x, {"y": L.SoftPooling2D(3, 2, "same")(x)})


def training(path):
    """Writes a SavedModel that computes the gradients of all layers of images and of their variables."""
    module = tf.Module()
    model = module.model = of_layers(2)
    x = sample(2, *SPATIAL[:2], CHANNELS)

    @tf.function(input_signature=[tf.TensorSpec((None, *x.shape[1:]), name="x")])
    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.add_n([tf.reduce_sum(y**2) for y in model(x, training=False).values()])
        weights = model.trainable_weights
        of_x, *of_weights = tape.gradient(loss, [x, *(w.value for w in weights)])
        return {"x": of_x, **{w.path.replace("/", "_"): d for w, d in zip(weights, of_weights, strict=True)}}

    tf.saved_model.save(module, path, signatures={"gradients": gradients})
    return {"gradients": ({"x": x}, outputs_of(gradients(tf.constant(x))))}


def of_ops(path):
    """Writes a SavedModel that calls every op, with attributes that differ from their defaults."""
    module, signatures, found = tf.Module(), {}, {}
    for (name, pooling), placed in itertools.product(POOLINGS.items(), (False, True)):
        case = Case(SPATIAL[:2], (3, 2), (2, 2), batch=2, channels=CHANNELS)
        tensors = pooling.inputs(case, "channels_first", "float32")
        function = _windows(pooling, case, placed)
        tensors.append(sample(*function(*tensors).shape))
        key = f"{name} placed" if placed else name
        key = key.replace(", ", "_").replace(" ", "_").replace(".", "_")
        specs = [tf.TensorSpec(t.shape, t.dtype, f"t{i}") for i, t in enumerate(tensors)]
        signatures[key] = tf.function(_with_gradient(function), input_signature=specs)
        inputs = {f"t{i}": t for i, t in enumerate(tensors)}
        found[key] = inputs, outputs_of(signatures[key](*tensors))
    tf.saved_model.save(module, path, signatures=signatures)
    return found


def _windows(pooling, case, placed):
    """Returns a pooling over ordinary windows, or over windows at positions that it is given."""
    arguments = (case.pool_size, case.strides, "same", "channels_first")
    if not placed:
        return pooling(*arguments)
    window = PoolWindow.of(2, *arguments).placed(tf.constant([0, 1, 3, 6, 1, 2, 4]), case.strides)

    def at_positions(*tensors):
        with mock.patch.object(PoolWindow, "of", return_value=window):
            return pooling(*arguments)(*tensors)

    return at_positions


def _with_gradient(function):
    def both(*tensors):
        *inputs, g = tensors
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        gradients = tape.gradient(y, inputs, output_gradients=g)
        return {"y": y, **{f"d{i}": d for i, d in enumerate(gradients)}}

    return both


def rewritten_keras(path):
    """Writes a Keras file whose poolings were replaced."""
    source = path.with_name("source.keras")
    keras_file_examples.network(epochs=1).save(source)
    tsp.replace_pooling_in_file(source, path, {"max": "soft"})
    source.unlink()
    x = keras_file_examples.X
    return {"": ({"x": x}, outputs_of(keras.models.load_model(path)(x)))}


def rewritten_saved_model(path):
    """Writes a SavedModel whose poolings were replaced."""
    source = path.with_name("source")
    saved_model_examples.write_module(source)
    tsp.replace_pooling_in_file(source, path, {"max": "soft", "average": "soft"})
    tf.io.gfile.rmtree(str(source))
    x = saved_model_examples.X
    return {"serving_default": ({"x": np.asarray(x)}, saved_model_examples.served(path, x))}


def layers_of(rank):
    """Returns a function that makes the model of all layers of a rank."""
    return lambda: of_layers(rank)


FILES = {
    **{f"layers_{rank}d.keras": keras_file(layers_of(rank)) for rank in (1, 2, 3)},
    "layers_2d.h5": keras_file(layers_of(2)),
    "layers_2d.weights.h5": keras_file(layers_of(2)),
    "functions.keras": keras_file(of_functions),
    "masked.keras": keras_file(masked),
    "of_keras_2.keras": keras_file(of_keras_2),
    **{f"native_{rank}d": exported(rank) for rank in (1, 2, 3)},
    "portable_2d": exported(2, portable=True),
    "training": training,
    "ops": of_ops,
    "rewritten.keras": rewritten_keras,
    "rewritten": rewritten_saved_model,
}
# By name, the module of the runtime that reads the file.
OTHER_RUNTIMES = {"one_layer.onnx": "onnxruntime", "one_layer.tflite": "ai_edge_litert"}
FILES |= {
    "one_layer.onnx": exported(2, format="onnx"),
    "one_layer.tflite": exported(2, format="litert"),
}


def can_run(name):
    """Returns whether the runtime of a file is installed."""
    runtime = OTHER_RUNTIMES.get(name)
    return runtime is None or importlib.util.find_spec(runtime) is not None
