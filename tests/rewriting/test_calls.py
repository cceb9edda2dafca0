"""What a pooling is called on: masks, several widths, ragged sequences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_file_examples import L
from keras_versions import RAGGED

import tf_softpool as tsp


def text_classifier():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            L.Embedding(10, 4, mask_zero=True),
            L.GlobalAveragePooling1D(),
            L.Dense(1),
        ]
    )


def explicit(dtype, as_keyword=True):
    steps, mask = keras.Input((5, 4)), keras.Input((5,), dtype=dtype)
    pool = L.GlobalAveragePooling1D()
    pooled = pool(steps, mask=mask) if as_keyword else pool(steps, mask)
    return keras.Model([steps, mask], pooled)


MASKED = {
    "embedding": text_classifier,
    "bool": lambda: explicit("bool"),
    "int32": lambda: explicit("int32"),
    "float32": lambda: explicit("float32"),
    "by position": lambda: explicit("int32", as_keyword=False),
}


def inputs_for(model):
    random = np.random.default_rng(0)
    if len(model.inputs) == 1:
        return np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]])
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    return [random.normal(size=(2, 5, 4)).astype("float32"), mask.astype(model.inputs[1].dtype)]


@pytest.mark.parametrize("what", MASKED)
def test_poolings_with_a_mask_are_replaced(what):
    model = MASKED[what]()
    inputs = inputs_for(model)
    new, report = tsp.replace_pooling(model, {"global_average": "soft"})
    assert [f.replacement for f in report.replaced] == ["GlobalSoftPooling1D"]
    assert not report.replaced[0].note
    before = np.asarray(new(inputs))
    if isinstance(inputs, list):
        steps = inputs[0]
        expected = [tsp.soft_pool(steps[:1, :3], 3)[:, 0], tsp.soft_pool(steps[1:], 5)[:, 0]]
        np.testing.assert_allclose(before, np.concatenate(expected), rtol=1e-5)
    back, _ = tsp.replace_pooling(new, {"global_soft": "average"})
    np.testing.assert_array_equal(back(inputs), model(inputs))


def test_a_mask_in_a_file(tmp_path):
    text_classifier().save(tmp_path / "in.keras")
    report = tsp.replace_pooling_in_file(
        tmp_path / "in.keras", tmp_path / "out.keras", {"global_average": "soft"}
    )
    assert len(report.replaced) == 1
    assert report.check.ran


def test_a_mask_that_gets_lost_is_said():
    model = keras.Sequential(
        [keras.Input((5,)), L.Embedding(10, 4, mask_zero=True), L.GlobalAveragePooling1D()]
    )
    _, report = tsp.replace_pooling(model, {"global_average": "max"})
    assert "takes no mask" in report.replaced[0].note


@pytest.mark.filterwarnings("ignore:No pooling was replaced")
def test_integers_are_not_pooled():
    x = keras.Input((8, 3), dtype="int32")
    model = keras.Model(x, L.MaxPooling1D(2, dtype="int32")(x))
    _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert [f.reason for f in report.skipped] == ["it pools int32"]


def shared_at(*widths):
    pool = L.MaxPooling2D(2, name="pool")
    x = image = keras.Input((16, 16, 3))
    for width in widths:
        x = pool(L.Conv2D(width, 3, padding="same")(x))
    return keras.Model(image, x)


@pytest.mark.filterwarnings("ignore:No pooling was replaced")
@pytest.mark.parametrize(
    "kind", ["detail_preserving", "local_importance", "gated", "lp", "mixed", "sorted", "soft"]
)
@pytest.mark.parametrize("widths", [(4, 4), (4, 8)])
@pytest.mark.parametrize("dry_run", [True, False])
def test_one_layer_at_several_widths(kind, widths, dry_run):
    model = shared_at(*widths)
    result = tsp.replace_pooling(model, {"max": kind}, dry_run=dry_run)
    report = result if dry_run else result[1]
    per_channel = kind in ("detail_preserving", "local_importance")
    assert len(report.replaced) == (0 if per_channel and widths == (4, 8) else 1)
    if not report.replaced:
        assert "(None, 16, 16, 4) and (None, 8, 8, 8)" in report.skipped[0].reason
    elif not dry_run:
        assert result[0](np.ones((1, 16, 16, 3), "float32")).shape == (1, 4, 4, widths[-1])


SEQUENCES = tf.ragged.constant([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0, 1.0]]], ragged_rank=1)


def ragged(layer):
    steps = keras.Input((None, 2), ragged=True)
    return keras.Model(steps, layer(steps))


@RAGGED
@pytest.mark.filterwarnings("ignore:No pooling was replaced")
@pytest.mark.parametrize(
    ("by", "reason"),
    [("soft", ""), ("sum", ""), ("max", "takes no ragged"), (lambda old: tsp.layers.GlobalLpPooling1D(), "")],
)
def test_ragged_sequences(by, reason):
    model = ragged(L.GlobalAveragePooling1D())
    new, report = tsp.replace_pooling(model, {"global_average": by})
    assert [reason in f.reason for f in report.skipped] == [True] * bool(reason)
    assert new(SEQUENCES).shape == (2, 2)
    if by == "soft":
        expected = [
            tsp.soft_pool(SEQUENCES[i : i + 1].to_tensor(), len(SEQUENCES[i]))[0, 0] for i in range(2)
        ]
        np.testing.assert_allclose(new(SEQUENCES), expected, rtol=1e-6)


def in_wrapper():
    pool = L.TimeDistributed(L.MaxPooling1D(2))
    image = keras.Input((8, 8, 3))
    x = pool(L.Conv2D(4, 3, padding="same")(image))
    return keras.Model(image, pool(L.Conv2D(8, 3, padding="same")(x)))


@pytest.mark.filterwarnings("ignore:No pooling was replaced")
@pytest.mark.parametrize(("kind", "replaced"), [("soft", 1), ("sorted", 1), ("local_importance", 0)])
def test_a_wrapper_at_several_widths(kind, replaced):
    model = in_wrapper()
    new, report = tsp.replace_pooling(model, {"max": kind})
    assert len(report.replaced) == replaced
    assert new(np.ones((1, 8, 8, 3), "float32")).shape == (1, 8, 2, 8)


class AtTwoWidths(keras.Model):
    """Its code calls one pooling on two numbers of channels."""

    def __init__(self):
        super().__init__()
        self.first, self.second = L.Conv2D(4, 3, padding="same"), L.Conv2D(8, 3, padding="same")
        self.pool = L.MaxPooling2D(2)

    def call(self, x):
        return self.pool(self.second(self.pool(self.first(x))))


@pytest.mark.filterwarnings(
    "ignore:The pooling of", "ignore:.*given model itself", "ignore:The new model cannot"
)
@pytest.mark.parametrize(("kind", "fails"), [("soft", False), ("local_importance", True)])
def test_a_model_that_cannot_be_called_any_more_is_said(kind, fails):
    model = AtTwoWidths()
    model(np.ones((1, 8, 8, 3), "float32"))
    _, report = tsp.replace_pooling(model, {"max": kind}, in_place=True)
    assert bool([note for note in report.notes if "cannot be called" in note]) == fails
