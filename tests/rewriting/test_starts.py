"""`replace_pooling` with poolings that learn or draw: how near to the old model the new model starts."""

import json

import keras
import numpy as np
import pytest

import tf_softpool as tsp
from tf_softpool.rewriting.policy.kinds import KINDS
from tf_softpool.rewriting.policy.starts import STARTS

L = keras.layers


def network(kind, rank, last=()):
    """Returns a network with two poolings.

    The second one's inputs are not negative, and grow with the first one's outputs.
    """
    conv, pool = getattr(L, f"Conv{rank}D"), getattr(L, f"{kind.capitalize()}Pooling{rank}D")
    size = 3 if rank < 3 else 2
    positive = keras.initializers.RandomUniform(0.05, 0.5)
    layers = [
        pool(2, name="first"),
        conv(4, 2, activation="relu", kernel_initializer=positive, name="conv"),
        pool(size, 2, "same", name="second"),
    ]
    return keras.Sequential([keras.Input((*(13, 14, 12)[:rank], 3)), *layers, *last])


def values(model, negative=False):
    x = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype("float32")
    return x if negative else np.abs(x)


# How far below and above the old pooling's values the new one's may be, as a share of the old values, in
# windows of up to nine values. The network has two poolings.
NEAR = {
    ("max", "mixed"): (0, 0),
    ("average", "mixed"): (1e-6, 1e-6),
    ("max", "sorted"): (0.001, 1e-6),
    ("average", "sorted"): (1e-6, 1e-6),
    ("max", "gated"): (0.001, 1e-6),
    ("average", "gated"): (1e-6, 0.008),
    ("max", "lp"): (0.022, 1e-6),
    ("average", "lp"): (1e-6, 0.0022),
    # The numbers for detail-preserving pooling were measured on the values of this test.
    ("max", "detail_preserving"): (0.05, 1e-6),
    ("average", "detail_preserving"): (0.002, 0.012),
    ("average", "local_importance"): (1e-6, 1e-6),
}
WORDS = {
    ("max", "mixed"): "max pooling exactly",
    ("average", "mixed"): "average pooling exactly",
    ("max", "sorted"): "99.9 %",
    ("average", "sorted"): "average pooling exactly",
    ("max", "gated"): "99.9 % of the mix on the maximum",
    ("average", "gated"): "99.9 % of the mix on the average",
    ("max", "lp"): "up to 2.2 % lower",
    ("average", "lp"): "up to 0.22 % higher",
    ("max", "detail_preserving"): "near max pooling",
    ("average", "detail_preserving"): "near average pooling, with alpha = 100",
    ("max", "local_importance"): "between average and max pooling",
    ("average", "local_importance"): "average pooling exactly",
    ("max", "s3"): "max pooling as its first step",
    ("average", "s3"): "average pooling as its first step",
}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("pair", NEAR, ids="-".join)
def test_a_pooling_starts_as_its_note_says(pair, rank):
    old, new_kind = pair
    model = network(old, rank)
    new, report = tsp.replace_pooling(model, {old: new_kind})
    assert [type(layer) for layer in new.layers[::2]] == [KINDS[new_kind][rank]] * 2
    assert all(WORDS[pair] in finding.note for finding in report.replaced)
    first, conv, second = model.layers
    x = values(model)
    below, above = NEAR[pair]
    for before, after, inputs in ((first, new.layers[0], x), (second, new.layers[2], conv(first(x)))):
        expected, y = np.asarray(before(inputs)), np.asarray(after(inputs))
        assert (expected > 0).any()
        assert (y >= expected * (1 - below)).all()
        assert (y <= expected * (1 + above)).all()


def test_a_mix_that_is_max_pooling_is_so_for_all_values():
    model = network("max", 2)
    new, _ = tsp.replace_pooling(model, {"max": "mixed"})
    x = values(model, negative=True)
    np.testing.assert_array_equal(new.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_local_importance_starts_between_average_and_max_pooling(rank):
    model = network("max", rank)
    new, report = tsp.replace_pooling(model, {"max": "local_importance"})
    assert all(WORDS["max", "local_importance"] in finding.note for finding in report.replaced)
    x = values(model, negative=True)
    layer, largest = new.get_layer("first"), model.get_layer("first")(x)
    y, average = layer(x), getattr(L, f"AveragePooling{rank}D")(2)(x)
    assert np.min(y - average) > -1e-6
    assert np.max(y - largest) < 1e-6
    assert np.mean(y - average) > 0.75 * np.mean(largest - average)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_s3_starts_from_the_old_pooling(kind):
    model = network(kind, 2)
    new, report = tsp.replace_pooling(model, {kind: "s3"})
    assert all(WORDS[kind, "s3"] in finding.note for finding in report.replaced)
    x = values(model)
    layer = new.get_layer("first")
    assert layer.strides == (2, 2)
    peer = getattr(L, f"{kind.capitalize()}Pooling2D")(2, 1)
    np.testing.assert_allclose(layer.pooling(x), peer(x), rtol=1e-6)
    assert new.output_shape == model.output_shape
    assert np.isfinite(new.predict(x, verbose=0)).all()


@pytest.mark.each_value
# Two values are equally far from their average, so detail-preserving pooling needs larger windows to learn.
@pytest.mark.parametrize(
    ("new_kind", "rank"),
    [("lp", 1), ("mixed", 1), ("gated", 1), ("local_importance", 1), ("detail_preserving", 2)],
)
@pytest.mark.parametrize("old", ["max", "average"])
def test_what_is_learned_moves(old, new_kind, rank):
    model = network(old, rank)
    new, _ = tsp.replace_pooling(model, {old: new_kind})
    x = values(model)
    learned = [w for name in ("first", "second") for w in new.get_layer(name).trainable_weights]
    # In place of max pooling, alpha starts at 1e-30. Beside powers of details it is so small that it does not
    # learn.
    learned = [w for w in learned if (old, w.name) != ("max", "log_alpha")]
    start = [w.numpy() for w in learned]
    new.compile(keras.optimizers.Adam(0.1), "mse")
    # The target pulls the pooling away from its start: max pooling to lower values, average pooling to
    # higher.
    target = np.asarray(new(x)) * (0.2 if old == "max" else 3.0)
    losses = [new.train_on_batch(x, target) for _ in range(10)]
    assert losses[-1] < losses[0]
    assert all(np.abs(w.numpy() - before).max() > 0.01 for w, before in zip(learned, start, strict=True))


def test_every_start_is_tested():
    assert set(WORDS) == {pair for pair in STARTS if pair[1] in {new for _, new in WORDS}}


@pytest.mark.parametrize("kind", ["sum", "power_average", "stochastic", "soft"])
def test_others_take_the_place_without_a_note(kind):
    model = network("max", 2)
    new, report = tsp.replace_pooling(model, {"max": kind})
    assert [finding.note for finding in report.replaced] == ["", ""]
    assert new.output_shape == model.output_shape
    back, _ = tsp.replace_pooling(new, {kind: "max"})
    x = values(model)
    np.testing.assert_array_equal(back.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_report_has_the_notes():
    last = [L.AveragePooling2D(2, name="last")]
    _, report = tsp.replace_pooling(network("max", 2, last), {"max": "mixed"})
    lines = str(report).splitlines()
    assert lines[0].split() == ["layer", "was", "is", "why", "not", "note"]
    assert lines[1].endswith("starts as max pooling exactly")
    assert lines[3].endswith("no replacement is given for it")
    notes = [finding["note"] for finding in json.loads(report.to_json())["findings"]]
    assert notes == ["starts as max pooling exactly"] * 2 + [""]


def test_a_function_has_no_note_and_a_class_has_that_of_its_kind():
    for by, note in [
        (tsp.layers.MixedPooling2D, "starts as max pooling exactly"),
        (lambda layer: tsp.layers.MixedPooling2D(layer.pool_size, mix=1), ""),
    ]:
        _, report = tsp.replace_pooling(network("max", 2), {"max": by})
        assert {finding.note for finding in report.replaced} == {note}
