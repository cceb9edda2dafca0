"""`replace_pooling_in_file` with files that are damaged, or that are no models."""

import json
import os
import shutil
import zipfile

import h5py
import pytest
import saved_model_examples as examples
from keras_file_examples import SOFT, digest, network
from tensorflow.core.protobuf import saved_model_pb2

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


def many_zeros(tmp_path):
    """Writes an archive that unpacks to a thousand times its size."""
    network().save(tmp_path / "in.keras")
    with zipfile.ZipFile(tmp_path / "in.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        for i in range(5):
            archive.writestr(f"assets/{i}", bytes(2**26))
    return "in.keras", "out.keras"


def names_outside(tmp_path):
    network().save(tmp_path / "in.keras")
    with zipfile.ZipFile(tmp_path / "in.keras", "a") as archive:
        archive.writestr("../above", "written")
    return "in.keras", "out.keras"


def array_of_a_terabyte(tmp_path):
    network().save(tmp_path / "in.h5")
    with h5py.File(tmp_path / "in.h5", "r+") as file:
        file.create_dataset("more", (2**38,), "f4", chunks=(1,))
    return "in.h5", "out.h5"


def other_file(tmp_path):
    network().save(tmp_path / "in.h5")
    with h5py.File(tmp_path / "in.h5", "r+") as file:
        file["more"] = h5py.ExternalLink("/etc/passwd", "/")
    return "in.h5", "out.h5"


def damaged_directory(tmp_path):
    network().save(tmp_path / "in.keras")
    data = (tmp_path / "in.keras").read_bytes()
    (tmp_path / "in.keras").write_bytes(data.replace(b"PK\1\2", b"PK\1\3", 1))
    return "in.keras", "out.keras"


def names_that_are_no_text(tmp_path):
    network().save(tmp_path / "in.keras")
    data = bytearray((tmp_path / "in.keras").read_bytes())
    entry = data.find(b"PK\1\2")
    data[entry + 9] |= 8  # the names are in UTF-8
    data[entry + 46] = 0xFF
    (tmp_path / "in.keras").write_bytes(data)
    return "in.keras", "out.keras"


def unknown_channels(tmp_path):
    """Writes a model that Keras loads, because its layers were built, but cannot build again."""
    network().save(tmp_path / "in.keras")
    with zipfile.ZipFile(tmp_path / "in.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    shape = config["config"]["layers"][0]["config"]["batch_shape"]
    shape[-1] = None
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "in.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return "in.keras", "out.keras"


def folder_in_itself(tmp_path):
    examples.write_module(tmp_path / "in")
    (tmp_path / "in" / "assets" / "again").symlink_to("..")
    return "in", "out"


def pipe(tmp_path):
    examples.write_module(tmp_path / "in")
    os.mkfifo(tmp_path / "in" / "assets" / "pipe")
    return "in", "out"


def changed_graph(tmp_path, change):
    examples.write_module(tmp_path / "in")
    file, proto = tmp_path / "in" / "saved_model.pb", saved_model_pb2.SavedModel()
    proto.ParseFromString(file.read_bytes())
    change(proto.meta_graphs[0])
    file.write_bytes(proto.SerializeToString())
    return "in", "out"


def no_window(tmp_path):
    def change(meta_graph):
        nodes = [node for f in meta_graph.graph_def.library.function for node in f.node_def]
        next(node for node in nodes if node.op == "MaxPool").attr["data_format"].s = b"\xff"

    return changed_graph(tmp_path, change)


def function_in_itself(tmp_path):
    def change(meta_graph):
        function = meta_graph.graph_def.library.function[0]
        function.node_def.add(name="again", op="PartitionedCall").attr[
            "f"
        ].func.name = function.signature.name

    return changed_graph(tmp_path, change)


def constant_of_another_type(tmp_path):
    def change(meta_graph):
        nodes = [node for f in meta_graph.graph_def.library.function for node in f.node_def]
        nodes += meta_graph.graph_def.node
        next(node for node in nodes if node.op == "Const").attr["value"].tensor.dtype = 20

    return changed_graph(tmp_path, change)


def writes_when_loaded(tmp_path):
    def change(meta_graph):
        meta_graph.graph_def.node.add(name="write", op="WriteFile")
        meta_graph.collection_def["saved_model_main_op"].node_list.value.append("write")

    return changed_graph(tmp_path, change)


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
        (many_zeros, "bytes unpack to"),
        (names_outside, "leads out of it"),
        (array_of_a_terabyte, "bytes unpack to"),
        (other_file, "is a link"),
        (damaged_directory, "not a whole Keras file"),
        (names_that_are_no_text, "not a whole Keras file"),
        (unknown_channels, "in.keras: Model .* cannot be copied"),
        (folder_in_itself, "a link to the folder"),
        (pipe, "a pipe or a device"),
        (no_window, "in has a broken graph"),
        (function_in_itself, "calls itself"),
        (constant_of_another_type, "has another type than it says"),
        (writes_when_loaded, "runs WriteFile as soon as it is loaded"),
    ],
)
def test_broken_input(tmp_path, make, message):
    source, target = make(tmp_path)
    before = digest(tmp_path / source)
    with pytest.raises(ValueError, match=message):
        tsp.replace_pooling_in_file(tmp_path / source, tmp_path / target, SOFT)
    assert [f.name for f in tmp_path.iterdir()] == [source]
    assert digest(tmp_path / source) == before
