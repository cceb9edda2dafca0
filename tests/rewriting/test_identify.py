"""What is at a path: models under any name, and other files that people give."""

import json
import os
import pickle
import shutil
import tarfile
import zipfile

import h5py
import keras
import numpy as np
import pytest
import saved_model_examples as examples
from keras_file_examples import SOFT, L, network
from keras_versions import export

import tf_softpool as tsp
from tf_softpool.rewriting.identify import KERAS, SAVED_MODEL, identify

pytestmark = pytest.mark.filterwarnings("ignore:.*HDF5")


def named(name, suffix):
    def make(folder):
        network().save(folder / f"model.{suffix}")
        (folder / f"model.{suffix}").rename(folder / name)
        return folder / name

    return make


def saved_model_file(folder):
    examples.write_module(folder / "in")
    return folder / "in" / "saved_model.pb"


def server_folder(folder):
    examples.write_module(folder / "in" / "1")
    return folder / "in"


def versions(folder):
    for version in ("2", "10"):
        examples.write_module(folder / "in" / version)
    return folder / "in"


@pytest.mark.parametrize(
    ("make", "kind", "at"),
    [
        (named("model.h5", "keras"), KERAS, "model.h5"),
        (named("model.keras", "h5"), KERAS, "model.keras"),
        (named("weights.model", "h5"), KERAS, "weights.model"),
        (named("model", "h5"), KERAS, "model"),
        (named("model", "keras"), KERAS, "model"),
        (named("model.zip", "keras"), KERAS, "model.zip"),
        (saved_model_file, SAVED_MODEL, "in"),
        (server_folder, SAVED_MODEL, "in/1"),
        (versions, SAVED_MODEL, "in/10"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_is_meant_is_taken(tmp_path, make, kind, at):
    path = make(tmp_path)
    found = identify(path)
    assert (found.kind, found.path) == (kind, tmp_path / at)
    out = tmp_path / ("out.keras" if kind == KERAS else "out")
    report = tsp.replace_pooling_in_file(path, out, SOFT)
    assert report.replaced
    if kind == KERAS:
        assert type(keras.models.load_model(out).get_layer("inner").layers[-1]) is tsp.layers.SoftPooling2D


def write(name, data):
    def make(folder):
        (folder / name).write_bytes(data)
        return folder / name

    return make


def json_file(name, value):
    return write(name, json.dumps(value).encode())


def frozen(folder):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.nn.max_pool2d(tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3)), 2, 2, "VALID")
    (folder / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    return folder / "graph.pb"


def checkpoint(name):
    def make(folder):
        import tensorflow as tf

        tf.train.Checkpoint(v=tf.Variable(1.0)).save(str(folder / "in" / "ckpt"))
        return folder / "in" / name

    return make


def litert(folder):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((8, 8, 3)), L.MaxPooling2D(2)])
    export(model, folder / "saved")
    (folder / "m.bin").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    shutil.rmtree(folder / "saved")
    return folder / "m.bin"


def weights(folder):
    network().save_weights(folder / "in.weights.h5")
    return folder / "in.weights.h5"


def weights_of_keras_2(folder):
    with h5py.File(folder / "in.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv"]
    return folder / "in.h5"


def arrays(folder):
    np.savez(folder / "in.npz", a=np.ones(3))
    return folder / "in.npz"


def array(folder):
    np.save(folder / "in.npy", np.ones(3))
    return folder / "in.npy"


def variables(folder):
    examples.write_module(folder / "in")
    return folder / "in" / "variables"


def truncated(folder):
    network().save(folder / "model.h5")
    os.truncate(folder / "model.h5", 5000)
    return folder / "model.h5"


def pipe(folder):
    os.mkfifo(folder / "in")
    return folder / "in"


def archive_of(name):
    def make(folder):
        with zipfile.ZipFile(folder / "in.zip", "w") as file:
            file.writestr(name, "content")
        return folder / "in.zip"

    return make


def tar(folder):
    (folder / "saved_model.pb").write_bytes(b"content")
    with tarfile.open(folder / "in.tar.gz", "w:gz") as file:
        file.add(folder / "saved_model.pb")
    return folder / "in.tar.gz"


def folder_of(*names):
    def make(folder):
        for name in names:
            (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "in" / name).write_bytes(b"content")
        return folder / "in"

    return make


def folder_with_json(name, value):
    def make(folder):
        (folder / "in").mkdir()
        (folder / "in" / name).write_text(json.dumps(value))
        return folder / "in"

    return make


CONFIG = {"class_name": "Sequential", "config": {}}
OTHERS = {
    "frozen graph": (frozen, "a frozen graph. Make a SavedModel"),
    "LiteRT under another name": (litert, "a LiteRT .* Give the model that it was made from"),
    "ONNX": (write("m.onnx", b"\x08\x08"), "an ONNX model"),
    "OpenVINO": (write("m.xml", b'<?xml version="1.0"?><net name="m">'), "an OpenVINO model"),
    "TensorFlow.js": (json_file("model.json", {"modelTopology": {}}), "TensorFlow.js"),
    "TensorFlow.js folder": (
        folder_with_json("model.json", {"modelTopology": {}, "weightsManifest": []}),
        "TensorFlow.js",
    ),
    "folder of other things": (folder_with_json("model.json", {"modelTopology": {}}), "neither a Keras file"),
    "architecture": (json_file("model.json", CONFIG), "without its weights.*model_from_json"),
    "checkpoint": (checkpoint("ckpt-1.index"), "a checkpoint.*load_weights"),
    "checkpoint's prefix": (checkpoint("ckpt-1"), "a checkpoint"),
    "checkpoint's data": (checkpoint("ckpt-1.data-00000-of-00001"), "a checkpoint"),
    "checkpoint's list": (checkpoint("checkpoint"), "a checkpoint"),
    "folder of checkpoints": (checkpoint(""), "a checkpoint"),
    "weights": (weights, "only weights.*load_weights"),
    "weights of Keras 2": (weights_of_keras_2, "only weights"),
    "folder of weights": (folder_of("a.weights.h5", "b.weights.h5"), "only weights"),
    "variables of a SavedModel": (variables, "Give the folder above it"),
    "array": (array, "an array of NumPy"),
    "pickle": (write("in.pkl", pickle.dumps([1])), "a pickle"),
    "arrays": (arrays, "an archive of arrays"),
    "PyTorch": (archive_of("model/data.pkl"), "PyTorch"),
    "zipped SavedModel": (archive_of("model/saved_model.pb"), "an archive with a model in it. Unpack it"),
    "zipped text": (archive_of("readme.txt"), "no config.json"),
    "packed SavedModel": (tar, "an archive. Unpack it"),
    "transformers": (folder_with_json("config.json", {"model_type": "bert"}), "Hugging Face"),
    "folder of Keras files": (folder_of("a.keras", "b.h5"), "with Keras files in it. Give one"),
    "folder of SavedModels": (folder_of("a/saved_model.pb", "b/saved_model.pb"), "with SavedModels in it"),
    "text": (write("in.txt", b"no model"), "neither a Keras file nor a SavedModel"),
    "empty": (write("in.pt", b""), "neither a Keras file nor a SavedModel"),
    "truncated HDF5": (truncated, "model.h5 is not a whole Keras file: it is truncated"),
    "pipe": (pipe, "neither a file nor a folder"),
    "empty Keras file": (write("in.keras", b""), "not a whole Keras file"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_are_named_with_what_to_do(tmp_path, what):
    make, message = OTHERS[what]
    with pytest.raises(ValueError, match=message):
        identify(make(tmp_path))


def test_other_files_are_not_rewritten(tmp_path):
    with pytest.raises(ValueError, match="only weights"):
        tsp.replace_pooling_in_file(weights(tmp_path), tmp_path / "out.keras", SOFT)
    assert not (tmp_path / "out.keras").exists()


def test_nothing_at_a_path(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        identify("")
    with pytest.raises(FileNotFoundError, match="no model"):
        identify(tmp_path / "missing")
