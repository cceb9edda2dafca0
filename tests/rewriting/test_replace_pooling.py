"""`replace_pooling`: what it finds, what it keeps and what it reports."""

import json

import keras
import numpy as np
import pytest

import tf_softpool as tsp
from tf_softpool.rewriting import Report

L = keras.layers


def sequential():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            L.Conv2D(4, 3, name="conv"),
            L.BatchNormalization(name="norm"),
            L.MaxPooling2D(3, 2, "same", name="first"),
            L.AveragePooling2D(2, name="second"),
            L.GlobalMaxPooling2D(name="last"),
            L.Dense(3, kernel_regularizer="l2", name="head"),
        ],
        name="sequence",
    )


def functional():
    """Returns a model with branches, two inputs and two outputs. It uses a layer and a pooling twice."""
    a, b = keras.Input((12, 12, 2), name="a"), keras.Input((12, 12, 2), name="b")
    conv, pool = L.Conv2D(4, 3, padding="same", name="conv"), L.MaxPooling2D(name="pool")
    x, y = pool(conv(a)), pool(conv(b))
    z = L.Concatenate(name="join")([x, y, keras.ops.relu(x - y)])
    return keras.Model(
        {"a": a, "b": b},
        {"pooled": L.GlobalAveragePooling2D(name="mean")(z), "map": L.MaxPooling2D(name="late")(z)},
        name="graph",
    )


def nested():
    """Returns a model with models inside models. It uses one of the inner models twice."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), L.MaxPooling2D(name="deep"), L.Conv2D(4, 1, name="c1")], name="inner"
    )
    i = keras.Input((16, 16, 4))
    middle = keras.Model(i, inner(L.AveragePooling2D(2, name="mid")(i)), name="middle")
    i = keras.Input((16, 16, 4), name="x")
    twice = L.Add(name="sum")([middle(i), middle(L.Conv2D(4, 3, padding="same", name="c0")(i))])
    return keras.Model(i, L.GlobalMaxPooling2D(name="end")(twice), name="outer")


def volumes():
    return keras.Sequential(
        [
            keras.Input((8, 8, 8, 2)),
            L.Conv3D(3, 3, name="conv"),
            L.MaxPooling3D((1, 2, 3), name="pool"),
            L.GlobalAveragePooling3D(keepdims=True, name="mean"),
        ]
    )


def series():
    return keras.Sequential(
        [
            keras.Input((None, 5)),
            L.Conv1D(4, 3, name="conv"),
            L.MaxPooling1D(3, 1, name="pool"),
            L.LSTM(6, name="lstm"),
        ]
    )


MODELS = {f.__name__: f for f in (sequential, functional, nested, volumes, series)}
ALL = {"max": "soft", "average": "soft", "global_max": "soft", "global_average": "soft"}
SAME = {"max": "max", "average": "average", "global_max": "global_max", "global_average": "average"}


def inputs_of(model):
    random = np.random.default_rng(0)
    return keras.tree.map_structure(
        lambda t: random.normal(size=(3, *(d or 11 for d in t.shape[1:]))).astype("float32"),
        model.inputs[0] if isinstance(model, keras.Sequential) else model.input,
    )


def shake(model):
    """Gives every variable, also moving averages, values that no initializer makes."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(np.abs(random.normal(0.5, 0.2, variable.shape)).astype(variable.dtype))
    return model


def configs(model, prefix=""):
    """Returns the class and config of every layer, by path.

    The order of the calls of a layer that is used twice is not compared.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= configs(layer, f"{prefix}{layer.name}/")
        else:
            found[prefix + layer.name] = (type(layer).__name__, layer.get_config())
    return found


def equal(a, b):
    keras.tree.map_structure(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("name", MODELS)
def test_an_equal_pooling_gives_the_very_same_predictions(name):
    model = shake(MODELS[name]())
    x = inputs_of(model)
    before = model.predict(x, verbose=0)
    new, report = tsp.replace_pooling(model, SAME)
    assert len(report.replaced) > 0
    assert not report.skipped
    equal(new.predict(x, verbose=0), before)
    assert configs(new) == configs(model)


@pytest.mark.parametrize("name", MODELS)
def test_soft_pooling_takes_the_place_of_all(name, tmp_path):
    model = shake(MODELS[name]())
    x = inputs_of(model)
    before = model.predict(x, verbose=0)
    new, report = tsp.replace_pooling(model, ALL)
    assert all("SoftPooling" in f.replacement for f in report.replaced)
    assert [v.path for v in new.weights] == [v.path for v in model.weights]
    for old, copy in zip(model.variables, new.variables, strict=True):
        assert old is not copy
        np.testing.assert_array_equal(old, copy)
    after = new.predict(x, verbose=0)
    keras.tree.map_structure(lambda a, b: np.testing.assert_equal(a.shape, b.shape), before, after)
    assert any(
        np.abs(np.asarray(a) - b).max() > 1e-3
        for a, b in zip(keras.tree.flatten(before), keras.tree.flatten(after), strict=True)
    )
    new.save(tmp_path / "new.keras")
    equal(keras.models.load_model(tmp_path / "new.keras").predict(x, verbose=0), after)
    # The old model has not changed, and does not change when the new model's variables do.
    shake(new)
    equal(model.predict(x, verbose=0), before)


def test_arguments_and_names_are_kept():
    new, _ = tsp.replace_pooling(sequential(), ALL)
    assert [layer.name for layer in new.layers] == [layer.name for layer in sequential().layers]
    pool = new.get_layer("first")
    assert type(pool) is tsp.layers.SoftPooling2D
    assert (pool.pool_size, pool.strides, pool.padding) == ((3, 3), (2, 2), "same")
    assert type(new.get_layer("last")) is tsp.layers.GlobalSoftPooling2D
    new, _ = tsp.replace_pooling(volumes(), ALL)
    assert new.get_layer("pool").pool_size == (1, 2, 3)
    assert new.get_layer("mean").keepdims


def test_shared_layers_stay_shared():
    new, report = tsp.replace_pooling(functional(), {"max": "soft"})
    assert [f.path for f in report.replaced] == ["pool", "late"]
    assert len([layer for layer in new.layers if layer.name in ("conv", "pool")]) == 2
    assert len(new.get_layer("conv").weights) == 2
    assert len(new.trainable_variables) == 2


def test_models_inside_models():
    new, report = tsp.replace_pooling(nested(), {"max": "soft"})
    assert [(f.path, f.action) for f in report.findings] == [
        ("middle/mid", "skipped"),
        ("middle/inner/deep", "replaced"),
        ("end", "skipped"),
    ]
    inner = new.get_layer("middle").get_layer("inner")
    assert type(inner.get_layer("deep")) is tsp.layers.SoftPooling2D
    assert type(new.get_layer("middle").get_layer("mid")) is L.AveragePooling2D


def test_a_layer_shared_between_levels_stays_one():
    pool, conv = L.MaxPooling2D(2, 1, "same", name="pool"), L.Conv2D(3, 1, name="conv")
    i = keras.Input((8, 8, 3))
    inner = keras.Model(i, conv(pool(i)), name="inner")
    i = keras.Input((8, 8, 3))
    new, report = tsp.replace_pooling(keras.Model(i, conv(pool(inner(i)))), {"max": "soft"})
    assert len(report.replaced) == 1
    assert new.get_layer("inner").get_layer("conv") is new.get_layer("conv")
    assert new.get_layer("inner").get_layer("pool") is new.get_layer("pool")


def test_classes_functions_and_where():
    model = sequential()
    new, report = tsp.replace_pooling(
        model,
        {
            L.AveragePooling2D: lambda layer: tsp.layers.SoftPooling2D(layer.pool_size, gradient="weights"),
            L.MaxPooling2D: tsp.layers.SoftPooling2D,
            "global_max": "global_average",
        },
        where=lambda layer: layer.name != "first",
    )
    assert new.get_layer("second").gradient == "weights"
    assert type(new.get_layer("first")) is L.MaxPooling2D
    assert type(new.get_layer("last")) is L.GlobalAveragePooling2D
    assert [f.reason for f in report.skipped] == ["`where` excludes it"]


def test_and_back():
    model = shake(nested())
    x = inputs_of(model)
    soft, _ = tsp.replace_pooling(model, {"max": "soft", "global_max": "soft"})
    back, _ = tsp.replace_pooling(soft, {"soft": "max", "global_soft": "max"})
    equal(back.predict(x, verbose=0), model.predict(x, verbose=0))
    assert configs(back) == configs(model)


def test_layers_that_keras_cannot_copy():
    i = keras.Input((8, 8, 3))
    x = L.MaxPooling2D(name="pool")(L.Lambda(lambda t: t * 2, name="double")(i))
    model = keras.Model(i, x)
    new, _ = tsp.replace_pooling(model, {"max": "max"})
    values = inputs_of(model)
    equal(new.predict(values, verbose=0), model.predict(values, verbose=0))


def test_nothing_to_replace_is_a_warning():
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        _, report = tsp.replace_pooling(volumes(), {"soft": "max"})
    assert len(report.skipped) == 2


def test_the_report_prints_and_is_json():
    _, report = tsp.replace_pooling(sequential(), {"max": "soft"})
    text = str(report)
    assert "first" in text
    assert "SoftPooling2D" in text
    assert "\n1 replaced, 2 skipped\n" in text
    check = "8 variables carried over (143 parameters), 0 added, 0 dropped; output shapes: the same"
    assert text.endswith(check)
    data = json.loads(report.to_json())
    assert data["replaced"] == 1
    assert data["check"]["parameters"] == sequential().count_params() == 143
    assert data["findings"][0]["replacement"] == "SoftPooling2D"
    assert str(Report()) == "0 replaced, 0 skipped"


def test_a_frozen_model_inside():
    model = nested()
    model.get_layer("middle").trainable = False
    new, _ = tsp.replace_pooling(model, ALL)
    assert not new.get_layer("middle").trainable
    assert new.get_layer("c0").trainable
    assert len(new.trainable_variables) == len(model.trainable_variables) == 2


def test_the_function_as_a_node():
    i = keras.Input((8, 8, 1))
    new, report = tsp.replace_pooling(keras.Model(i, tsp.soft_pool(i, 3, 2)), {"soft": "max"})
    assert len(report.replaced) == 1
    assert new.layers[-1].pool_size == (3, 3)
    assert new.layers[-1].strides == (2, 2)


@pytest.mark.parametrize(
    ("model", "replacements", "message"),
    [
        (sequential, {"maximum": "soft"}, "maximum"),
        (sequential, "soft", "must be a dict"),
        (sequential, {"max": "softest"}, "softest"),
        (sequential, {3: "soft"}, "must be a kind or a layer class"),
        (sequential, {"max": 3}, "must be a kind, a layer class, or a function"),
        (sequential, {"max": "global_soft"}, "not global"),
        (sequential, {"max": lambda layer: None}, "must be a Keras layer"),
        (sequential, {"max": lambda layer: layer}, "new layer"),
        (sequential, {L.Dense: "soft"}, "not a pooling of a known kind"),
        (lambda: "model.keras", {"max": "soft"}, "replace_pooling_in_file"),
        (lambda: L.MaxPooling2D(), {"max": "soft"}, "must be a keras.Model"),
    ],
)
def test_bad_arguments(model, replacements, message):
    with pytest.raises(ValueError, match=message):
        tsp.replace_pooling(model(), replacements)
