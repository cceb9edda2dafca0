"""Pooling replaced in every model of keras.applications."""

import keras
import numpy as np
import pytest
from zoo import models
from zoo.checks import (
    SOFT,
    THERE_AND_BACK,
    Subject,
    Usage,
    configs,
    exports,
    goes_there_and_back,
    is_the_same_with_the_same_pooling,
    poolings,
    predictions,
    saves,
    settle,
    trains,
)

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in models.APPLICATIONS],
)
def subject(request):
    """Makes one model for all its tests, and frees the one before. The largest has 350 million parameters."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    return Subject(models.APPLICATIONS[request.param](), models.SIZE)


def test_every_pooling_is_found_and_replaced(subject):
    usage = Usage(subject.model, subject.x)
    assert usage.hidden == 0
    assert usage.used == poolings(subject.model) != []
    soft, report = subject.replaced(SOFT)
    assert len(report.findings) == len(report.replaced) == len(usage.used)
    assert not report.notes
    assert report.check.passed
    assert not poolings(soft)
    after = Usage(soft, subject.x)
    assert after.windows == after.places == 0
    assert after.soft == usage.windows + usage.places


def test_the_same_pooling_gives_the_very_same_predictions(subject):
    is_the_same_with_the_same_pooling(subject, len(poolings(subject.model)))


@pytest.mark.parametrize("kind", THERE_AND_BACK)
def test_there_and_back(subject, kind):
    report, soft = goes_there_and_back(subject, kind)
    if report.replaced:
        assert configs(soft) != configs(subject.model)


def test_a_soft_model_trains_is_saved_and_served(subject, tmp_path):
    soft, _ = subject.replaced(SOFT)
    y = predictions(soft, subject.x)
    assert y.shape == subject.y.shape
    assert np.isfinite(y).all()
    assert (y != subject.y).any()
    settle(soft, subject.x)
    trains(soft, subject.x)
    saves(soft, subject.x, tmp_path)
    exports(soft, subject.x, tmp_path)
