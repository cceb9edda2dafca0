"""Files that Keras 2 wrote, read with Keras 3. `tests/keras_2/write.py` wrote them."""

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras_2.models import LACKING, MODELS, formats_of, samples
from keras_file_examples import SOFT
from keras_versions import LAYERS_THAT_ACTIVATE

import tf_softpool as tsp
from tf_softpool.rewriting.keras_2 import differences
from tf_softpool.rewriting.keras_2.configs import Converter
from tf_softpool.rewriting.keras_2.errors import Keras2Error
from tf_softpool.rewriting.keras_2.objects import TensorFlowFunction
from tf_softpool.rewriting.keras_model.files import load_keras_file

# Keras says this of models that Keras 2 took.
pytestmark = pytest.mark.filterwarnings(
    "ignore:When providing `inputs` as a dict",
    "ignore:Gradients do not exist for variables",
)

FILES = Path(__file__).parents[1] / "keras_2" / "files.zip"
# The model `initialized` has a layer as the activation of another.
READABLE = [
    pytest.param(name, suffix, marks=LAYERS_THAT_ACTIVATE if name == "initialized" else ())
    for name in MODELS
    for suffix in formats_of(name)
    if name.removesuffix("_functional") not in LACKING
]


def unpacked(tmp_path, name):
    with zipfile.ZipFile(FILES) as archive:
        return Path(archive.extract(name, tmp_path))


def call(model, name):
    arrays = [keras.ops.convert_to_tensor(array) for array in samples(MODELS[name].inputs)]
    is_dict = not isinstance(model, keras.Sequential) and isinstance(model.input, dict)
    inputs = dict(zip(model.input, arrays, strict=True)) if is_dict else arrays
    outputs = model(inputs[0] if len(arrays) == 1 else inputs, training=False)
    return [np.asarray(output, "float64") for output in keras.tree.flatten(outputs)]


def expected(tmp_path, name):
    found = np.load(unpacked(tmp_path, f"{name}.npz"))
    return [found[f"arr_{i}"].astype("float64") for i in range(len(found.files) - 1)]


def assert_computes(model, name, tmp_path):
    tolerance = 2e-3 if name == "mixed_precision" else 1e-5
    outputs = call(model, name)
    for found, wanted in zip(outputs, expected(tmp_path, name), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "suffix"), READABLE)
def test_models_compute_what_keras_2_computed(tmp_path, name, suffix):
    model, notes = load_keras_file(unpacked(tmp_path, f"{name}.{suffix}"))
    assert_computes(model, name, tmp_path)
    assert bool(notes) == name.startswith("slash")
    evaluation = json.loads(str(np.load(unpacked(tmp_path, f"{name}.npz"))["evaluation"]))
    if evaluation:
        x, labels = samples(MODELS[name].inputs)[0], MODELS[name].labels
        found = model.evaluate(x, labels, verbose=0, return_dict=True)
        # Keras 3 leaves out the loss of the only output that has one.
        assert {key: found.get(key, found["loss"]) for key in evaluation} == pytest.approx(
            evaluation, rel=1e-4
        )
        model.fit(x, labels, verbose=0)


def state_in(path):
    """Returns the variables of an optimizer in an HDF5 file of Keras 2, by the end of their names."""
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs["weight_names"]]
        return {name.removeprefix("Adam/").removesuffix(":0"): np.asarray(group[name]) for name in names}


# Archives have no state of the optimizers until 2.10.
@pytest.mark.parametrize(
    ("name", "suffix", "order"),
    [
        ("trained", "h5", "{slot}/{layer}/{variable}"),
        ("trained", "keras", "{slot}/{layer}/{variable}"),
        ("legacy_adam", "h5", "{layer}/{variable}/{slot}"),
    ],
)
def test_the_optimizer_goes_on(tmp_path, name, suffix, order):
    model, notes = load_keras_file(unpacked(tmp_path, f"{name}.{suffix}"))
    assert not notes
    expected = state_in(unpacked(tmp_path, f"{name}.h5"))
    assert int(model.optimizer.iterations) == expected.get("iteration", expected.get("iter"))
    variables = [v for v in model.optimizer.variables if v.name not in ("iteration", "learning_rate")]
    trained = [v.path.split("/")[-2:] for v in model.trainable_variables]
    assert len(variables) == 2 * len(trained)
    for i, (layer, variable) in enumerate(trained):
        for found, slot in zip(variables[2 * i : 2 * i + 2], "mv", strict=True):
            wanted = expected[order.format(slot=slot, layer=layer, variable=variable)]
            np.testing.assert_array_equal(found, wanted)
    labels = np.zeros(4 if name == "trained" else (4, 4))
    model.fit(np.ones((4, *model.input_shape[1:])), labels, verbose=0)


@pytest.mark.parametrize("name", LACKING)
def test_what_keras_3_lacks_is_named_with_the_ways_out(tmp_path, name):
    path = unpacked(tmp_path, f"{name}.h5")
    with pytest.raises(ValueError, match=rf"Keras 2\..*of a class that Keras 3 lacks.*tf_keras.*{name}"):
        tsp.replace_pooling_in_file(path, tmp_path / "out.keras", SOFT)


@pytest.mark.parametrize(
    "name", ["nested", "nested_twice", "operators", "trained", "slashes", "time_distributed_pooling"]
)
@pytest.mark.parametrize("out", ["out.h5", "out.keras"])
@pytest.mark.filterwarnings("ignore")
def test_files_are_rewritten(tmp_path, name, out):
    suffix = formats_of(name)[0]
    report = tsp.replace_pooling_in_file(unpacked(tmp_path, f"{name}.{suffix}"), tmp_path / out, SOFT)
    assert len(report.replaced) == (2 if name == "time_distributed_pooling" else 1)
    assert report.check.passed
    assert report.check.ran
    back = tsp.replace_pooling_in_file(tmp_path / out, tmp_path / f"back_{out}", {"soft": "max"})
    assert len(back.replaced) == len(report.replaced)
    model, _ = load_keras_file(tmp_path / f"back_{out}")
    assert_computes(model, name, tmp_path)


def changed(tmp_path, name, change):
    """Returns the path of a `.h5` file with another `model_config`."""
    path = unpacked(tmp_path, f"{name}.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(config) or config)
    return path


def list_of_layers(config):
    """Sequential models until 2.2.2: a list, and no InputLayer."""
    layers = config["config"]["layers"]
    shape = layers[0]["config"]["batch_input_shape"]
    layers[1]["config"]["batch_input_shape"] = shape
    config["config"] = layers[1:]


def input_and_first_layer(config):
    layers = config["config"]["layers"]
    layers[1]["config"]["batch_input_shape"] = layers[0]["config"]["batch_input_shape"]


def without_input_layer(config):
    input_and_first_layer(config)
    del config["config"]["layers"][0]


def model_class(config):
    config["class_name"] = "Model"


def names_of_modules(config):
    for layer in config["config"]["layers"]:
        layer |= {"module": "keras.src.layers", "registered_name": None}


def numbers_as_arrays(config):
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "LeakyReLU":
            layer["config"]["alpha"] = {"type": "ndarray", "value": layer["config"]["alpha"]}


def policies(config):
    for layer in config["config"]["layers"]:
        layer["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "float32"}}


def tuples(config):
    for layer in config["config"]["layers"]:
        if "pool_size" in layer["config"]:
            layer["config"]["pool_size"] = {"class_name": "__tuple__", "items": [2, 2]}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("conv2d", list_of_layers),
        ("trained", without_input_layer),
        ("trained", input_and_first_layer),
        ("conv1d_groups", input_and_first_layer),
        ("lstm", list_of_layers),
        ("operators", model_class),
        ("nested_twice", model_class),
        ("conv2d", names_of_modules),
        ("leaky_re_lu", numbers_as_arrays),
        ("depthwise_conv2d", policies),
        ("conv2d", tuples),
    ],
)
def test_configs_of_other_releases(tmp_path, name, change):
    model, notes = load_keras_file(changed(tmp_path, name, change))
    assert not notes
    assert_computes(model, name, tmp_path)


def renamed_groups(tmp_path, name, rename):
    """Returns the path of a `.keras` file whose weights have other names."""
    path = unpacked(tmp_path, f"{name}.keras")
    with zipfile.ZipFile(path) as old:
        members = {member: old.read(member) for member in old.namelist()}
    (tmp_path / "weights.h5").write_bytes(members["model.weights.h5"])
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        rename(file)
    members["model.weights.h5"] = (tmp_path / "weights.h5").read_bytes()
    with zipfile.ZipFile(path, "w") as new:
        for member, data in members.items():
            new.writestr(member, data)
    return path


def of_windows(file):
    names = []
    file.visititems(lambda name, each: names.append(name) if isinstance(each, h5py.Dataset) else None)
    data = {name: file[name][()] for name in names}
    for name in list(file):
        del file[name]
    for name, value in data.items():
        group, _, last = name.rpartition("/")
        file.require_group(group.replace("/", "\\"))[last] = value


def of_2_12(file):
    """Layers with weights are counted twice."""

    def rename(group):
        for each in [each for each in group.values() if isinstance(each, h5py.Group)]:
            rename(each)
        if "layers" in group:
            group.move("layers", "_layer_checkpoint_dependencies")
            layers = group["_layer_checkpoint_dependencies"]
            for name in sorted(layers, reverse=True):
                base, _, number = name.rpartition("_")
                if number.isdecimal():
                    layers.move(name, f"{base}_{2 * int(number)}")

    rename(file)


@pytest.mark.parametrize("name", ["nested", "trained", "slashes", "multi_head_attention"])
@pytest.mark.parametrize("rename", [of_windows, of_2_12])
def test_weights_under_other_names(tmp_path, name, rename):
    model, _ = load_keras_file(renamed_groups(tmp_path, name, rename))
    assert_computes(model, name, tmp_path)


# For each row of the table: a class, its value in a config of Keras 2, and what Keras 3 gets.
ROWS = {
    "batch_input_shape": [("Dense", [None, 4], {}), ("InputLayer", [None, 4], {"batch_shape": [None, 4]})],
    "input_dtype": [("Dense", "float32", {}), ("InputLayer", "int32", {"dtype": "int32"})],
    "batch_size": [("Dense", 4, {})],
    "type_spec": [("InputLayer", None, {})],
    "groups": [("DepthwiseConv2D", 1, {}), ("Conv2D", 2, {"groups": 2})],
    "filters": [("DepthwiseConv2D", None, {})],
    "kernel_initializer": [
        ("SeparableConv2D", "zeros", {}),
        ("Conv2D", "zeros", {"kernel_initializer": "zeros"}),
    ],
    "kernel_regularizer": [("SeparableConv1D", None, {})],
    "kernel_constraint": [("DepthwiseConv1D", None, {})],
    "time_major": [("LSTM", False, {})],
    "implementation": [("GRUCell", 2, {})],
    "input_dim": [("LSTM", 3, {}), ("Embedding", 3, {"input_dim": 3})],
    "input_length": [("LSTM", 3, {}), ("Embedding", 3, {})],
    "dropout": [("Embedding", 0.0, {}), ("LSTM", 0.5, {"dropout": 0.5})],
    "alpha": [("LeakyReLU", 0.2, {"negative_slope": 0.2}), ("ELU", 0.2, {"alpha": 0.2})],
    "theta": [("ThresholdedReLU", 0.2, {"threshold": 0.2})],
    "axis": [("BatchNormalization", [3], {"axis": 3}), ("LayerNormalization", [1, 2], {"axis": [1, 2]})],
    "fused": [("BatchNormalization", True, {})],
    "renorm": [("BatchNormalization", False, {})],
    "renorm_clipping": [("BatchNormalization", {}, {})],
    "renorm_momentum": [("BatchNormalization", 0.99, {})],
    "virtual_batch_size": [("BatchNormalization", None, {})],
    "adjustment": [("BatchNormalization", None, {})],
    "mode": [("BatchNormalization", 0, {})],
    "noise_shape": [("SpatialDropout1D", [None], {}), ("Dropout", [None, 1], {"noise_shape": [None, 1]})],
    "vocabulary_size": [("StringLookup", 4, {})],
    "max_tokens": [("CategoryEncoding", 4, {"num_tokens": 4}), ("StringLookup", 4, {"max_tokens": 4})],
    "causal": [("Attention", False, {})],
    "query_shape": [("MultiHeadAttention", [None, 2, 3], {})],
    "key_shape": [("MultiHeadAttention", [None, 2, 3], {})],
    "value_shape": [("MultiHeadAttention", [None, 2, 3], {})],
    "softmax_robust_masking": [("MultiHeadAttention", False, {})],
    "rng_type": [("RandomFlip", "stateful", {})],
    "function": [("Lambda", "relu", {"function": "relu"})],
    "function_type": [("Lambda", "function", {})],
    "module": [("Lambda", "keras", {})],
    "output_shape_type": [("Lambda", "raw", {})],
    "output_shape_module": [("Lambda", None, {})],
    "dtype": [("Zeros", "float32", {}), ("Dense", "float16", {"dtype": "float16"})],
    "distribution": [("VarianceScaling", "normal", {"distribution": "truncated_normal"})],
}


@pytest.mark.parametrize("key", sorted({row.key for row in differences.KEYS}))
def test_the_table(key):
    for name, value, wanted in ROWS[key]:
        found = Converter().convert({"class_name": name, "config": {key: value}})["config"]
        defaults = differences.DEFAULTS.get(name, ({}, ""))[0]
        assert {k: v for k, v in found.items() if k not in defaults} == wanted


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("LSTM", {"name": "a", "time_major": True}, "'time_major' of its LSTM 'a'.*False.*True"),
        ("DepthwiseConv2D", {"name": "a", "groups": 2}, "'groups' of its DepthwiseConv2D 'a'.*2"),
        ("Dense", {"name": "a", "speed": 3}, "its Dense 'a' has speed = 3"),
        ("BatchNormalization", {"name": "a", "renorm": True}, "'renorm' of its BatchNormalization 'a'.*True"),
        ("Nothing", {"name": "a"}, "its Nothing 'a' is of a class that Keras 3 lacks"),
        ("TFOpLambda", {"name": "a", "function": "io.write_file"}, "'io.write_file', which may do more"),
        ("TFOpLambda", {"name": "a", "function": "math.abs.__globals__"}, "may do more than compute"),
        ("TFOpLambda", {"name": "a", "function": "math.nothing"}, "which this TensorFlow lacks"),
    ],
)
def test_what_cannot_be_read_is_named(name, config, message):
    with pytest.raises(Keras2Error, match=message):
        Converter().convert({"class_name": name, "config": config})


def test_unknown_arguments_that_are_off_are_left_out():
    found = Converter().convert({"class_name": "Dense", "config": {"units": 2, "quick": False, "more": None}})
    assert found["config"] == {"units": 2}


def test_a_gru_of_2_0_resets_before(tmp_path):
    found = Converter().convert({"class_name": "GRU", "config": {"units": 2}})
    assert found["config"]["reset_after"] is False


def test_functions_of_tensorflow_are_saved(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, TensorFlowFunction("math.reduce_sum")(x, axis=[1], keepdims=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(np.ones((2, 4), "float32")), [[4], [4]])


def test_pooling_functions_of_tensorflow_are_reported():
    x = keras.Input((8, 8, 3))
    y = TensorFlowFunction("nn.max_pool2d", name="pool")(x, ksize=2, strides=2, padding="VALID")
    model = keras.Model(x, keras.layers.MaxPooling2D(2)(y))
    _, report = tsp.replace_pooling(model, SOFT)
    assert len(report.replaced) == 1
    assert [(f.path, f.layer) for f in report.skipped] == [("pool", "nn.max_pool2d")]


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize("given", ["pkg>Doubled", "Doubled"])
def test_registered_classes_are_given_by_either_name(tmp_path, given):
    def with_own_layer(config):
        config["config"]["layers"].append({"class_name": "pkg>Doubled", "config": {"name": "doubled"}})

    path = changed(tmp_path, "conv2d", with_own_layer)
    objects = {given: Doubled}
    report = tsp.replace_pooling_in_file(path, tmp_path / "out.keras", SOFT, custom_objects=objects)
    assert report.check.ran
    model, _ = load_keras_file(path, custom_objects=objects)
    (expected_output,) = expected(tmp_path, "conv2d")
    np.testing.assert_allclose(call(model, "conv2d")[0], 2 * expected_output, rtol=1e-5, atol=1e-6)
