"""`replace_pooling` with global and adaptive poolings: which kinds have these forms, and how they start."""

from unittest import mock

import keras
import numpy as np
import pytest
from keras_versions import ADAPTIVE
from layer_inputs import RANKS, layer_class

import tf_softpool as tsp
from tf_softpool.keras_versions import why_missing
from tf_softpool.rewriting.policy.kinds import KINDS, form_of

L = keras.layers
# How the names of kinds and classes of each form begin, and the arguments of a layer of Keras.
FORMS = {
    "global_": ("Global", {"keepdims": True}),
    "adaptive_": ("Adaptive", {"output_size": (2, 3, 4)}),
}
OF_FORM = [(form, kind.removeprefix(form)) for form in FORMS for kind in KINDS if kind.startswith(form)]


def with_a_layer_of_keras(form, *values):
    """Returns a row of a table whose test makes a layer of Keras of a form."""
    return pytest.param(form, *values, marks=ADAPTIVE if form == "adaptive_" else ())


OF_KERAS = [with_a_layer_of_keras(form) for form in FORMS]
NEW = [with_a_layer_of_keras(*names) for names in OF_FORM if names[1] not in ("max", "average")]


def network(form, old, rank, data_format="channels_last"):
    """Returns a network that ends with a pooling of a form."""
    name, arguments = FORMS[form]
    if "output_size" in arguments:
        arguments = {"output_size": arguments["output_size"][:rank]}
    pool = layer_class(f"{name}{old.capitalize()}Pooling", rank, L)
    spatial = (9, 8, 10)[:rank]
    shape = (3, *spatial) if data_format == "channels_first" else (*spatial, 3)
    return keras.Sequential(
        [keras.Input(shape), pool(**arguments, data_format=data_format, name="pool", dtype="float32")]
    )


def values(model, scale=1.0):
    x = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:]))
    return np.abs(scale * x).astype("float32")


def with_ranks(form, rank):
    """Returns a function that makes a sorted pooling with as many ranks as it needs."""
    cls = layer_class(f"{FORMS[form][0]}SortedPooling", rank)
    return lambda old: cls(
        **{name: old.get_config()[name] for name in ("keepdims", "output_size") if hasattr(old, name)},
        data_format=old.data_format,
        pool_range=3,
    )


@pytest.mark.each_value
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("old", ["max", "average"])
@pytest.mark.parametrize(("form", "kind"), NEW)
def test_every_kind_takes_the_place_and_gives_it_back(form, kind, old, rank):
    data_format = "channels_first" if form == "adaptive_" else "channels_last"
    model = network(form, old, rank, data_format)
    x = values(model)
    by = with_ranks(form, rank) if kind == "sorted" else kind
    new, report = tsp.replace_pooling(model, {form + old: by})
    layer = new.get_layer("pool")
    assert type(layer) is KINDS[form + kind][rank]
    assert report.replaced[0].replacement == type(layer).__name__
    for name in ("keepdims", "output_size", "data_format"):
        assert getattr(layer, name, None) == getattr(model.get_layer("pool"), name, None)
    assert new.output_shape == model.output_shape
    assert np.isfinite(new.predict(x, verbose=0)).all()
    back, _ = tsp.replace_pooling(new, {form + kind: old})
    np.testing.assert_array_equal(back.predict(x, verbose=0), model.predict(x, verbose=0))
    assert back.get_layer("pool").get_config() == model.get_layer("pool").get_config()


@pytest.mark.parametrize("form", OF_KERAS)
def test_a_value_may_name_the_form_or_leave_it_out(form):
    model = network(form, "max", 2)
    for by in ("soft", form + "soft"):
        new, _ = tsp.replace_pooling(model, {form + "max": by})
        assert type(new.get_layer("pool")) is KINDS[form + "soft"][2]


@pytest.mark.parametrize("form", OF_KERAS)
def test_a_key_is_of_its_form_alone(form):
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        tsp.replace_pooling(network(form, "max", 2), {"max": "soft"})


@pytest.mark.parametrize(
    ("form", "by", "message"),
    [
        with_a_layer_of_keras(form, by, message)
        for form, other in (("global_", "adaptive"), ("adaptive_", "global"))
        for by, message in [
            (f"{other}_soft", f"'{other}_soft' cannot replace layer 'pool'.*not {other}"),
            *[(kind, f"'{kind}' has no {form[:-1]} form.*'pool'") for kind in ("gated", "s3")],
            ("sorted", "SortedPooling2D cannot be made.*'pool'.*`pool_range` must be given"),
        ]
    ],
)
def test_what_cannot_replace_it(form, by, message):
    with pytest.raises(ValueError, match=message):
        tsp.replace_pooling(network(form, "max", 2), {form + "max": by})


@pytest.mark.parametrize("kind", ["global_soft", "adaptive_soft"])
def test_a_form_cannot_replace_windows(kind):
    model = keras.Sequential([keras.Input((8, 8, 3)), L.MaxPooling2D(name="pool")])
    with pytest.raises(ValueError, match=f"'{kind}' cannot replace layer 'pool'"):
        tsp.replace_pooling(model, {"max": kind})


@pytest.mark.parametrize("kind", ["adaptive_max", "adaptive_average"])
def test_a_kind_that_keras_lacks_is_said_to_be_of_another_version(kind, monkeypatch):
    monkeypatch.delattr(L, "AdaptiveMaxPooling2D", raising=False)
    # Unlike monkeypatch, this gives the kinds back in their order.
    with mock.patch.dict(KINDS):
        KINDS.pop(kind, None)
        for replacements in ({kind: "soft"}, {"adaptive_soft": kind}):
            with pytest.raises(ValueError, match=f"'{kind}'. Keras has this kind since version 3.13"):
                tsp.replace_pooling(network("global_", "max", 2), replacements)


def test_kinds_have_forms():
    assert {form_of(kind) for kind in KINDS} == {"", *FORMS}
    plain = {kind for kind in KINDS if not form_of(kind)}
    for form in FORMS:
        missing = {kind for kind in plain if why_missing(form + kind)}
        assert plain - {kind for f, kind in OF_FORM if f == form} == {"gated", "s3", *missing}
    assert all(set(classes) == set(RANKS) for classes in KINDS.values())


# How far below and above the old values the new ones may be, as a share, for values that are not negative.
NEAR = {
    ("max", "mixed"): (0, 0),
    ("average", "mixed"): (1e-6, 1e-6),
    ("max", "lp"): (0.067, 1e-6),
    ("average", "lp"): (1e-6, 0.007),
    # The numbers for detail-preserving pooling were measured on the values of this test.
    ("max", "detail_preserving"): (0.1, 1e-6),
    ("average", "detail_preserving"): (0.003, 0.01),
    ("average", "local_importance"): (1e-6, 1e-6),
}
WORDS = {"mixed": "exactly", "lp": "in windows of up to 1000 values", "detail_preserving": "near"}


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("form", OF_KERAS)
@pytest.mark.parametrize("pair", NEAR, ids="-".join)
def test_a_pooling_starts_as_its_note_says(pair, form, rank):
    old, kind = pair
    model = network(form, old, rank)
    new, report = tsp.replace_pooling(model, {form + old: kind})
    assert WORDS.get(kind, "average pooling exactly") in report.replaced[0].note
    x = values(model)
    expected, y = np.asarray(model(x)), np.asarray(new(x))
    below, above = NEAR[pair]
    assert (y >= expected * (1 - below)).all()
    assert (y <= expected * (1 + above)).all()


@pytest.mark.parametrize("form", OF_KERAS)
def test_local_importance_starts_between_average_and_max(form):
    model = network(form, "max", 2)
    new, report = tsp.replace_pooling(model, {form + "max": "local_importance"})
    assert "between average and max pooling" in report.replaced[0].note
    x = values(model)
    average, _ = tsp.replace_pooling(model, {form + "max": "average"})
    assert (np.asarray(new(x)) > np.asarray(average(x)) - 1e-6).all()
    assert (np.asarray(new(x)) < np.asarray(model(x)) + 1e-6).all()


@ADAPTIVE
def test_adaptive_operations_are_replaced_as_layers_are():
    i = keras.Input((2, 9, 8))
    x = keras.ops.adaptive_max_pool(i, (4, 6), data_format="channels_first")
    model = keras.Model(i, keras.ops.adaptive_average_pool(x, (2, 2), data_format="channels_first"))
    replacements = {"adaptive_max": "soft", "adaptive_average": "adaptive_sum"}
    new, report = tsp.replace_pooling(model, replacements)
    assert [f.replacement for f in report.replaced] == ["AdaptiveSoftPooling2D", "AdaptiveSumPooling2D"]
    assert [f.layer for f in report.replaced] == ["AdaptiveMaxPool", "AdaptiveAveragePool"]
    assert new.output_shape == model.output_shape
    values = np.random.default_rng(0).normal(size=(2, 2, 9, 8)).astype("float32")
    soft = tsp.layers.AdaptiveSoftPooling2D((4, 6), "channels_first")(values)
    np.testing.assert_allclose(
        new(values), tsp.layers.AdaptiveSumPooling2D(2, "channels_first")(soft), rtol=1e-6
    )


@pytest.mark.parametrize("by", ["average", "max", "soft", "lp", "stochastic"])
@pytest.mark.parametrize("old", ["average", "soft", "sum"])
def test_layers_that_take_masks_and_layers_that_take_none(old, by):
    """Keras's `GlobalMaxPooling1D` takes no mask. Ours do, and so does `GlobalAveragePooling1D`."""
    i = keras.Input((6,), dtype="int32")
    x = L.Embedding(9, 3, mask_zero=True)(i)
    model = keras.Model(i, KINDS[f"global_{old}"][1](name="pool")(x))
    new, _ = tsp.replace_pooling(model, {f"global_{old}": by})
    words = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 1]])
    y = np.asarray(new(words))
    assert np.isfinite(y).all()
    if by != "max":
        np.testing.assert_allclose(y[:1], new.layers[-1](new.layers[1](words[:1, :3])), rtol=1e-5)


def test_a_call_in_training_mode_is_copied():
    i = keras.Input((8, 8, 3))
    model = keras.Model(i, tsp.layers.GlobalStochasticPooling2D(name="pool")(i, training=True))
    new, _ = tsp.replace_pooling(model, {"global_stochastic": "average"})
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(new(x), x.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    again, _ = tsp.replace_pooling(model, {"global_stochastic": "stochastic"})
    assert np.isin(np.asarray(again(x)), x).all()
