"""Objects that version 0.1.0 saved still load: layers, initializers, constraints, and functions in models."""

import copy
import json
from pathlib import Path

import keras
import pytest

import tf_softpool as tsp

SAVED = json.loads(Path(__file__).with_name("saved_by_0_1_0.json").read_text())["objects"]


def as_json(config):
    """Returns a config as a file has it, with lists instead of tuples."""
    return json.loads(json.dumps(config))


@pytest.mark.parametrize("saved", SAVED, ids=lambda saved: saved["config"].get("name", saved["class_name"]))
def test_it_loads_and_says_the_same(saved):
    # Keras removes entries from the config that it is given.
    loaded = keras.saving.deserialize_keras_object(copy.deepcopy(saved))
    assert type(loaded).__name__ == saved["class_name"]
    config = as_json(keras.saving.serialize_keras_object(loaded)["config"])
    # The config of a later version may have more entries.
    assert config == {**config, **saved["config"]}


def test_all_of_that_version_is_in_the_file():
    *saved, model = SAVED
    assert len({each["class_name"] for each in saved} & set(tsp.layers.__all__)) == 39
    nodes = {layer["class_name"] for layer in model["config"]["layers"]} - {"InputLayer"}
    assert nodes == {"SoftPool", "SortedPool", "ImportancePool", "DetailPreservingPool"}
