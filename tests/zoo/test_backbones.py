"""Pooling replaced in models of keras-hub, which has model classes and layers of its own."""

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

from zoo.backbones import BACKBONES, SIZE, mit
from zoo.checks import (
    SOFT,
    THERE_AND_BACK,
    Subject,
    Usage,
    assert_same,
    exports,
    goes_there_and_back,
    is_the_same_with_the_same_pooling,
    predictions,
    saves,
    settle,
    trains,
)

import tf_softpool as tsp

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in BACKBONES]
)
def subject(request):
    """Makes one model for all its tests, with the numbers of poolings that the tests expect."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    backbone = BACKBONES[request.param]
    subject = Subject(backbone.make(), SIZE, in_place=backbone.own > 0)
    subject.own, subject.hidden, subject.said = backbone.own, backbone.hidden, backbone.said
    subject.usage = Usage(subject.model, subject.x)
    return subject


def test_every_pooling_that_is_held_is_found_and_replaced(subject):
    usage = subject.usage
    assert usage.hidden == subject.hidden
    soft, report = subject.replaced(SOFT)
    assert len(report.replaced) == len(usage.used)
    assert len(report.skipped) == subject.said
    assert report.check.passed
    after = Usage(soft, subject.x)
    assert after.windows + after.places == after.hidden == subject.hidden
    assert after.soft == usage.windows + usage.places - subject.hidden


def test_a_plain_model_takes_the_place_of_the_class(subject):
    old = type(subject.model).__name__
    soft, report = subject.replaced(SOFT)
    assert type(soft).__name__ == "Functional"
    assert any(f"{subject.model.name!r} is of class Functional, not {old}" in note for note in report.notes)


def test_what_layers_make_themselves_is_left_alone_unless_asked(subject):
    _, report = subject.replaced(SOFT, in_place=False)
    assert len(report.findings) == len(subject.usage.used) + subject.said
    reasons = [finding.reason for finding in report.skipped]
    assert sum("in_place" in reason for reason in reasons) == subject.own
    assert sum("code" in reason for reason in reasons) == subject.said
    nothing = any("No pooling was replaced" in note for note in report.notes)
    assert nothing == (not report.replaced)


def test_the_same_pooling_gives_the_very_same_predictions(subject):
    is_the_same_with_the_same_pooling(subject, len(subject.usage.used))


@pytest.mark.parametrize("kind", THERE_AND_BACK)
def test_there_and_back(subject, kind):
    goes_there_and_back(subject, kind)


def test_a_soft_model_trains_is_saved_and_served(subject, tmp_path):
    soft, report = subject.replaced(SOFT)
    y = predictions(soft, subject.x)
    keras.tree.map_structure(lambda a, b: np.testing.assert_equal(a.shape, b.shape), y, subject.y)
    leaves = list(zip(keras.tree.flatten(y), keras.tree.flatten(subject.y), strict=True))
    assert all(np.isfinite(a).all() for a, _ in leaves)
    assert any((a != b).any() for a, b in leaves) == bool(report.replaced)
    settle(soft, subject.x)
    # Export comes before training, because a trained DeepLabV3 is exported with other values. With its
    # original pooling the same happens.
    exports(soft, subject.x, tmp_path)
    trains(soft, subject.x)
    if not subject.own:
        saves(soft, subject.x, tmp_path)
        return
    # If such a model were saved to a file, it would load with its old pooling. But weights can be loaded into
    # a model whose pooling was replaced in the same way.
    soft.save_weights(tmp_path / "model.weights.h5")
    other, _ = subject.replaced(SOFT)
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(predictions(other, subject.x), predictions(soft, subject.x))


def test_a_layer_that_no_config_makes_is_named():
    """The configs of MiT's layers have an argument too many, so Keras cannot copy the model either."""
    with pytest.raises(ValueError, match=r"'hierarchical_encoder_0_0' .* cannot be copied"):
        tsp.replace_pooling(mit(), SOFT)
