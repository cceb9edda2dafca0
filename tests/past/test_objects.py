"""Objects that version 0.1.0 saved still load: layers, initializers, constraints, functions in models."""

import copy
import json
from pathlib import Path

import keras
import pytest
from keras_versions import AXES_OF_GLOROT

import tf_softpool as tsp

SAVED = json.loads((Path(__file__).parent / "0_1_0" / "objects.json").read_text())["objects"]


def as_json(config):
    """Returns a config as a file has it, with lists instead of tuples."""
    return json.loads(json.dumps(config))


def ours(config):
    """Returns a config, or of a model's config what our nodes say, because versions of Keras say the rest."""
    if "layers" not in config:
        return config
    nodes = [each for each in config["layers"] if (each["registered_name"] or "").startswith("tf_softpool>")]
    return {node["name"]: [node["class_name"], node["config"]] for node in nodes}


def row(saved):
    """Returns a row of the table. Keras 3.15 wrote the file, and says more of an initializer of its own."""
    name = saved["config"].get("name", saved["class_name"])
    return pytest.param(saved, id=name, marks=AXES_OF_GLOROT if "input_axes" in json.dumps(saved) else ())


@pytest.mark.parametrize("saved", [*map(row, SAVED)])
def test_it_loads_and_says_the_same(saved):
    # Keras removes entries from the config that it is given.
    loaded = keras.saving.deserialize_keras_object(copy.deepcopy(saved))
    assert type(loaded).__name__ == saved["class_name"]
    config = ours(as_json(keras.saving.serialize_keras_object(loaded)["config"]))
    # The config of a later version may have more entries.
    assert config == {**config, **ours(saved["config"])}


def test_all_of_that_version_is_in_the_file():
    *saved, model = SAVED
    assert len({each["class_name"] for each in saved} & set(tsp.layers.__all__)) == 39
    nodes = {layer["class_name"] for layer in model["config"]["layers"]} - {"InputLayer"}
    assert nodes == {"SoftPool", "SortedPool", "ImportancePool", "DetailPreservingPool"}
