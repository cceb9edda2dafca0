"""`replace_pooling`: which poolings it replaces, and dry runs."""

import keras
import numpy as np
import pytest
from keras_versions import ADAPTIVE

import tf_softpool as tsp

L = keras.layers


def chain():
    """Returns a model with six poolings, two of them in an inner model."""
    inner = keras.Sequential(
        [keras.Input((16, 16, 2)), L.MaxPooling2D(1, name="stem_pool"), L.AveragePooling2D(1, name="body")],
        name="inner",
    )
    layers = [
        L.MaxPooling2D(2, name="conv1_pool"),
        inner,
        L.MaxPooling2D(2, name="conv2_pool"),
        L.MaxPooling2D(2, name="conv[3]_pool"),
        L.GlobalAveragePooling2D(name="head"),
    ]
    return keras.Sequential([keras.Input((32, 32, 2)), *layers], name="chain")


KINDS = {"max": "soft", "average": "soft"}
MAX = ["conv1_pool", "inner/stem_pool", "conv2_pool", "conv[3]_pool"]


@pytest.mark.parametrize(
    ("replacements", "options", "replaced"),
    [
        (KINDS, {}, ["conv1_pool", "inner/stem_pool", "inner/body", "conv2_pool", "conv[3]_pool"]),
        (KINDS, {"where": "conv*"}, ["conv1_pool", "conv2_pool", "conv[3]_pool"]),
        (KINDS, {"where": "body"}, ["inner/body"]),
        (KINDS, {"where": "inner/*"}, ["inner/stem_pool", "inner/body"]),
        (KINDS, {"where": ["conv1*", "*/body"]}, ["conv1_pool", "inner/body"]),
        (KINDS, {"where": []}, []),
        (KINDS, {"where": "conv[[]3]_pool"}, ["conv[3]_pool"]),
        (KINDS, {"where": lambda layer: layer.pool_size == (2, 2)}, [MAX[0], *MAX[2:]]),
        ({"max": "soft"}, {"first": 2}, MAX[:2]),
        ({"max": "soft"}, {"last": 1}, MAX[3:]),
        ({"max": "soft"}, {"first": 1, "last": 1}, [MAX[0], MAX[3]]),
        ({"max": "soft"}, {"first": 0}, []),
        ({"max": "soft"}, {"first": 9}, MAX),
        ({"max": "soft"}, {"where": "conv*", "last": 2}, MAX[2:]),
        ({L.MaxPooling2D: "soft"}, {"first": 1}, MAX[:1]),
        ({"global_average": "soft"}, {}, ["head"]),
    ],
)
@pytest.mark.filterwarnings("ignore:No pooling was replaced")
def test_what_is_replaced(replacements, options, replaced):
    model = chain()
    new, report = tsp.replace_pooling(model, replacements, **options)
    assert [f.path for f in report.replaced] == replaced
    assert len(report.findings) == 6
    assert all(f.reason for f in report.skipped)
    for path in MAX:
        at = new.get_layer("inner") if path.startswith("inner/") else new
        layer = at.get_layer(path.removeprefix("inner/"))
        assert type(layer) is (tsp.layers.SoftPooling2D if path in replaced else L.MaxPooling2D)


def test_why_not():
    _, report = tsp.replace_pooling(chain(), {"max": "soft"}, where="conv*", first=1)
    reasons = {f.path: f.reason for f in report.skipped}
    assert "no replacement" in reasons["inner/body"]
    assert "`where`" in reasons["inner/stem_pool"]
    assert "`first`" in reasons["conv2_pool"]


def test_a_dry_run_says_what_a_run_does():
    model = chain()
    dry = tsp.replace_pooling(model, {"max": "sorted"}, last=2, dry_run=True)
    _, report = tsp.replace_pooling(model, {"max": "sorted"}, last=2)
    assert dry.findings == report.findings
    assert dry.dry_run
    assert dry.check is None
    assert "2 would be replaced" in str(dry)
    with pytest.raises(ValueError, match="not global"):
        tsp.replace_pooling(model, {"max": "global_soft"}, dry_run=True)


@pytest.mark.parametrize(
    "options", [{"where": 3}, {"where": ["a", 3]}, {"first": -1}, {"last": 1.0}, {"first": True}]
)
def test_bad_selections(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        tsp.replace_pooling(chain(), {"max": "soft"}, **options)


def test_operations_are_replaced_by_layers():
    keras.backend.clear_session()
    i = keras.Input((8, 6, 2), dtype="float16")
    x = keras.ops.max_pool(i, 2)
    x = keras.ops.average_pool(x, (2, 3), strides=1, padding="same")
    model = keras.Model(i, x)
    seen = []
    new, report = tsp.replace_pooling(
        model, {"max": "soft", "average": "average"}, where=lambda layer: seen.append(layer) or True
    )
    assert [(f.path, f.layer, f.replacement) for f in report.findings] == [
        ("max_pool", "MaxPool", "SoftPooling2D"),
        ("average_pool", "AveragePool", "AveragePooling2D"),
    ]
    assert [layer.pool_size for layer in seen] == [(2, 2), (2, 3)]
    assert [layer.name for layer in new.layers[1:]] == ["max_pool", "average_pool"]
    values = np.random.default_rng(0).normal(size=(3, 8, 6, 2)).astype("float16")
    expected = keras.ops.average_pool(tsp.soft_pool(values, 2), (2, 3), strides=1, padding="same")
    assert new(values).dtype == "float16"
    np.testing.assert_array_equal(new(values), expected)
    back, _ = tsp.replace_pooling(new, {"soft": "max"})
    np.testing.assert_array_equal(back.predict(values, verbose=0), model.predict(values, verbose=0))


class Blur(L.MaxPooling2D):
    """A subclass of a pooling that computes something else than its base."""

    def call(self, x):
        return super().call(x) / 2


def test_classes_that_do_something_else_are_replaced_by_class_alone():
    model = keras.Sequential([keras.Input((8, 8, 1)), Blur(2, name="blur"), L.MaxPooling2D(1, name="pool")])
    _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert [(f.path, f.action) for f in report.findings] == [("blur", "skipped"), ("pool", "replaced")]
    assert "name that class" in report.skipped[0].reason
    _, report = tsp.replace_pooling(model, {Blur: tsp.layers.SoftPooling2D})
    assert [f.path for f in report.replaced] == ["blur"]


def test_pooling_of_integers_is_reported():
    model = keras.Sequential([keras.Input((8, 8, 1), dtype="int32"), L.MaxPooling2D(2)])
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert {f.reason for f in report.skipped} == {"it pools int32"}


def test_functions_are_asked_once_for_each_layer():
    kinds = iter([tsp.layers.SoftPooling2D, L.AveragePooling2D, L.AveragePooling2D, L.AveragePooling2D])
    new, report = tsp.replace_pooling(chain(), {"max": lambda layer: next(kinds)(layer.pool_size)})
    assert [f.replacement for f in report.replaced] == ["SoftPooling2D", *["AveragePooling2D"] * 3]
    assert type(new.get_layer("conv1_pool")) is tsp.layers.SoftPooling2D
    one = tsp.layers.SoftPooling2D(2)
    with pytest.raises(ValueError, match="a layer of its own"):
        tsp.replace_pooling(chain(), {"max": lambda layer: one})
    with pytest.raises(ValueError, match="conv1_pool"):
        tsp.replace_pooling(chain(), {"max": L.Dense})


@ADAPTIVE
def test_adaptive_pooling_is_reported_and_replaced():
    i = keras.Input((8, 8, 1))
    x = L.AdaptiveMaxPooling2D(3)(L.MaxPooling2D(1)(i))
    model = keras.Model(i, keras.ops.adaptive_average_pool(x, (2, 2)))
    _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert [(f.layer, f.action) for f in report.findings] == [
        ("MaxPooling2D", "replaced"),
        ("AdaptiveMaxPooling2D", "skipped"),
        ("AdaptiveAveragePool", "skipped"),
    ]
    assert {f.reason for f in report.skipped} == {"no replacement is given for it"}
    replacements = {"adaptive_max": "soft", "adaptive_average": "soft"}
    report = tsp.replace_pooling(model, replacements, dry_run=True)
    assert [f.replacement for f in report.replaced] == ["AdaptiveSoftPooling2D"] * 2
