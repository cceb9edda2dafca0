"""Inputs whose names TensorFlow or a format cannot hold: each is exported, under a name made fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_models import PATHS

import tf_softpool as tsp
from tf_softpool.serving.names import fit_name, fit_names

# Some models here are given their inputs by names that are not those of the tensors.
pytestmark = pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")

ONE = [
    ("image", "image"),
    ("my-input", "my_input"),
    ("my input", "my_input"),
    ("a.b", "a_b"),
    ("a/b", "a_b"),
    ("a:0", "a_0"),
    ("a\nb", "a_b"),
    ("0_image", "arg_0_image"),
    ("_hidden", "arg__hidden"),
    ("__x", "arg___x"),
    (" ", "arg__"),
    ("-", "arg__"),
    ("class", "arg_class"),
    ("None", "arg_None"),
    ("async", "arg_async"),
    ("self", "arg_self"),
    ("training", "training"),
    ("args", "args"),
    ("name", "name"),
    ("größe", "gro_e"),
    ("café", "cafe"),
    ("图像", "arg___"),
    ("x²", "x2"),
    ("x" * 500, "x" * 500),
]
SEVERAL = [
    (["a-b", "a_b"], ["a_b_1", "a_b"]),
    (["a-b", "a.b", "a b"], ["a_b", "a_b_1", "a_b_2"]),
    # TensorFlow's graphs do not tell these apart.
    (["x", "X"], ["x", "X_1"]),
    (["a-b", "a_b", "a_b_1"], ["a_b_2", "a_b", "a_b_1"]),
    (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
    (["é", "e"], ["e_1", "e"]),
    (["arg_0", "0"], ["arg_0", "arg_0_1"]),
]
# Keras has no layers with a slash in their names.
ODD = [old for old, _ in ONE if "/" not in old]


@pytest.mark.parametrize(("old", "new"), ONE)
def test_a_name_is_made_fit(old, new):
    assert fit_name(old) == new
    assert fit_name(new) == new


@pytest.mark.parametrize(("old", "new"), SEVERAL)
def test_names_stay_apart(old, new):
    assert fit_names(old) == new
    assert fit_names(new) == new


@pytest.mark.parametrize("name", ODD)
def test_names_are_those_of_tensorflow_where_it_exports_at_all(name, tmp_path):
    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name)])
    def double(x):
        return 2 * x

    module = tf.Module()
    module.double = double
    try:
        tf.saved_model.save(module, tmp_path / "model", signatures=double)
    except (TypeError, ValueError):
        return
    assert list(tsp.serving.load(tmp_path / "model").inputs) == [fit_name(name)]


@pytest.mark.parametrize("format", PATHS)
def test_every_name_is_exported(format, tmp_path):
    inputs = [keras.Input((3,), name=name) for name in ODD]
    factors = range(1, len(ODD) + 1)
    model = keras.Model(
        inputs, keras.ops.stack([n * x for n, x in zip(factors, inputs, strict=True)], axis=1)
    )
    report = tsp.export(model, tmp_path / PATHS[format], format)
    assert report.checked
    assert report.passed
    new = fit_names(ODD)
    assert sorted(report.inputs) == sorted(new)
    assert report.notes == [
        f"The input {a!r} is called {b!r} in the exported model."
        for a, b in zip(ODD, new, strict=True)
        if a != b
    ]
    values = np.random.default_rng(0).normal(size=(len(ODD), 2, 3)).astype("float32")
    found = tsp.serving.load(tmp_path / PATHS[format])(dict(zip(new, values, strict=True)))["output_0"]
    np.testing.assert_allclose(found, model(list(values)), rtol=1e-5)


@pytest.mark.parametrize("format", PATHS)
@pytest.mark.parametrize("name", ["output_0", "x"])
def test_an_input_with_the_name_of_an_output(name, format, tmp_path):
    x = keras.Input((3,), name=name)
    y = x if name == "x" else 2.0 * x
    model = keras.Model(x, y if name == "output_0" else {"x": y, "y": 3.0 * x})
    report = tsp.export(model, tmp_path / PATHS[format], format)
    assert report.checked
    assert report.passed
    assert list(report.inputs) == [f"{name}_1" if format in ("onnx", "openvino") else name]
    assert name in report.outputs


def of_a_list():
    return [keras.Input((3,), name="0_a"), keras.Input((3,), name="class")]


def of_a_dict():
    return dict(zip(("größe", "b"), of_a_list(), strict=True))


def of_both():
    first, second = of_a_list()
    return [first, {"größe": second}]


ARRAYS = [np.full((2, 3), 1.0), np.full((2, 3), 5.0)]
BY_NAME = [("0_a", "class"), ("arg_0_a", "arg_class"), ("0_a", "arg_class")]


@pytest.mark.parametrize(
    ("make", "sample"),
    [
        *(
            (make, dict(zip(names, ARRAYS, strict=True)))
            for make in (of_a_list, of_both)
            for names in BY_NAME
        ),
        *((of_a_dict, dict(zip(names, ARRAYS, strict=True))) for names in BY_NAME),
        (of_a_list, ARRAYS),
        (of_a_dict, {"größe": ARRAYS[0], "b": ARRAYS[1]}),
        (of_both, [ARRAYS[0], {"größe": ARRAYS[1]}]),
    ],
)
def test_samples_have_the_old_names_or_the_new_ones(make, sample, tmp_path):
    inputs = make()
    first, second = sorted(keras.tree.flatten(inputs), key=lambda x: x.name)
    model = keras.Model(inputs, first + 10 * second)
    report = tsp.export(model, tmp_path / "model", sample=sample)
    assert sorted(report.inputs) == ["arg_0_a", "arg_class"]
    (difference,) = report.differences
    assert difference.magnitude == 51


@pytest.mark.parametrize("format", PATHS)
@pytest.mark.parametrize("which", ["old", "new"])
def test_a_sample_for_an_input_with_the_name_of_an_output(which, format, tmp_path):
    x = keras.Input((3,), name="output_0")
    name = "output_0_1" if which == "new" and format in ("onnx", "openvino") else "output_0"
    report = tsp.export(keras.Model(x, 2.0 * x), tmp_path / PATHS[format], format, sample={name: ARRAYS[0]})
    assert [d.magnitude for d in report.differences] == [2]


@pytest.mark.parametrize("sample", [{"0_a": ARRAYS[0]}, {"0_a": ARRAYS[0], "class": ARRAYS[1], "b": 3}, {}])
def test_a_sample_of_other_names_is_refused(sample, tmp_path):
    first, second = of_a_list()
    with pytest.raises(ValueError, match=r"each of the inputs \['0_a', 'class'\]"):
        tsp.export(keras.Model([first, second], first - second), tmp_path / "model", sample=sample)


def test_endpoints(tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, 2.0 * x)
    specs = [tf.TensorSpec((None, 3), tf.float32, name) for name in ("a-b", "a_b")]
    endpoints = {
        "class": (lambda a, b: model(a - b), specs),
        "größe": (lambda a, b: model(a + b), specs),
        "self": (model, [x]),
    }
    report = tsp.export(model, tmp_path / "model", endpoints=endpoints)
    assert {d.endpoint for d in report.differences if d.passed} == set(endpoints)
    assert list(report.inputs) == ["a_b", "a_b_1"]
    assert report.notes[0] == (
        "The input 'a-b' of the endpoint 'class' is called 'a_b_1' in the exported model."
    )


@pytest.mark.parametrize("name", ["signatures", "__class__", "_trackable_children", "serving_default", "a-b"])
def test_names_that_no_endpoint_can_have(name, tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, 2.0 * x)
    with pytest.raises(ValueError, match=name):
        tsp.export(model, tmp_path / "model", endpoints={name: (model, [x])})


@pytest.mark.parametrize("name", ["größe", "my layer"])
def test_a_layer_that_no_graph_can_hold(name, tmp_path):
    x = keras.Input((3,), name="x")
    with pytest.raises(ValueError, match=f"cannot hold the name '{name}.*other names of layers"):
        tsp.export(keras.Model(x, keras.layers.Dense(2, name=name)(x)), tmp_path / "model")
