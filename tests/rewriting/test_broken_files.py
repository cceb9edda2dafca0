"""`replace_pooling_in_file` with files that are damaged, or that are no models."""

import shutil
import zipfile

import pytest
import saved_model_examples as examples
from keras_file_examples import SOFT, digest, network

import tf_softpool as tsp


def truncated(tmp_path):
    network().save(tmp_path / "in.keras")
    data = (tmp_path / "in.keras").read_bytes()
    (tmp_path / "in.keras").write_bytes(data[: len(data) // 2])
    return "in.keras", "out.keras"


def damaged(tmp_path):
    """Writes an archive that is whole, with a file of weights that is cut off."""
    network().save(tmp_path / "whole.keras")
    with zipfile.ZipFile(tmp_path / "whole.keras") as old, zipfile.ZipFile(tmp_path / "in.keras", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[: len(data) // 2] if name.endswith(".h5") else data)
    (tmp_path / "whole.keras").unlink()
    return "in.keras", "out.keras"


def other_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.keras", "w") as file:
        file.writestr("readme.txt", "no model")
    return "in.keras", "out.keras"


def broken_config(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.keras", "w") as file:
        file.writestr("config.json", "{")
        file.writestr("metadata.json", "{}")
    return "in.keras", "out.keras"


def weights_alone(tmp_path):
    network().save_weights(tmp_path / "in.weights.h5")
    return "in.weights.h5", "out.h5"


def text(tmp_path):
    (tmp_path / "in").write_text("no model")
    return "in", "out"


def empty_folder(tmp_path):
    (tmp_path / "in").mkdir()
    return "in", "out"


def truncated_graph(tmp_path):
    examples.write_module(tmp_path / "in")
    file = tmp_path / "in" / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-1000])
    return "in", "out"


def empty_graph(tmp_path):
    examples.write_module(tmp_path / "in")
    (tmp_path / "in" / "saved_model.pb").write_bytes(b"")
    return "in", "out"


def missing_variables(tmp_path):
    examples.write_module(tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "variables")
    return "in", "out"


def half_the_variables(tmp_path):
    examples.write_module(tmp_path / "in")
    file = next((tmp_path / "in" / "variables").glob("*.data-*"))
    file.write_bytes(file.read_bytes()[:100])
    return "in", "out"


def unknown_ops(tmp_path):
    examples.write_module(tmp_path / "in")
    file = tmp_path / "in" / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(b"Conv2D", b"Canv2D"))
    return "in", "out"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (truncated, "not a whole Keras file"),
        (damaged, "cannot be loaded as a Keras model"),
        (other_archive, "without a Keras model"),
        (broken_config, "cannot be loaded as a Keras model"),
        (weights_alone, "only weights"),
        (text, "neither a Keras file nor a SavedModel"),
        (empty_folder, "neither a Keras file nor a SavedModel"),
        (truncated_graph, "truncated"),
        (empty_graph, "no graphs"),
        (missing_variables, "cannot be loaded"),
        (half_the_variables, "cannot be loaded"),
        (unknown_ops, "ops that are not loaded: Canv2D"),
    ],
)
def test_broken_input(tmp_path, make, message):
    source, target = make(tmp_path)
    before = digest(tmp_path / source)
    with pytest.raises(ValueError, match=message):
        tsp.replace_pooling_in_file(tmp_path / source, tmp_path / target, SOFT)
    assert [f.name for f in tmp_path.iterdir()] == [source]
    assert digest(tmp_path / source) == before
