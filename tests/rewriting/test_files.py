"""`replace_pooling_in_file` with Keras files, and what it leaves on disk after an error."""

import json
import resource
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras_file_examples import SOFT, L, X, digest, network, saved

import tf_softpool as tsp
from tf_softpool.rewriting.keras_model import files


@pytest.mark.parametrize(
    ("source", "target"), [("in.keras", "out.keras"), ("in.h5", "out.h5"), ("in.h5", "out.keras")]
)
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_keras_files(tmp_path, source, target):
    model = network(epochs=2)
    model.save(tmp_path / source)
    before = digest(tmp_path / source)
    steps = []
    report = tsp.replace_pooling_in_file(tmp_path / source, tmp_path / target, SOFT, progress=steps.append)
    assert steps == ["reading", "replacing", "writing", "checking"]
    assert [f.path for f in report.replaced] == ["inner/deep"]
    assert report.check.passed
    assert digest(tmp_path / source) == before
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted([source, target])
    new, _ = tsp.replace_pooling(model, SOFT)
    loaded = keras.models.load_model(tmp_path / target)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), new.predict(X, verbose=0))
    assert type(loaded.get_layer("inner").layers[-1]) is tsp.layers.SoftPooling2D
    assert loaded.compiled
    if source.endswith(".keras"):
        assert int(loaded.optimizer.iterations) == 2
        for old, copy in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
            np.testing.assert_array_equal(old, copy)


@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_what_keras_cannot_read_of_compilation_is_said(tmp_path):
    model = network()
    model.compile("sgd", "mse")
    model.save(tmp_path / "in.h5")
    with pytest.warns(UserWarning, match="Compile the model"):
        report = tsp.replace_pooling_in_file(tmp_path / "in.h5", tmp_path / "out.h5", SOFT)
    assert len(report.notes) == 1
    assert report.check.passed


def write_keras_2(path):
    """Writes a network to HDF5 as Keras 2 did, with other names of arguments and variables."""
    policy = {"trainable": True, "dtype": "float32"}
    layers = [
        ("InputLayer", {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "input_1"}),
        ("Conv2D", {"name": "conv", "filters": 2, "kernel_size": [3, 3], "activation": "relu", **policy}),
        ("MaxPooling2D", {"name": "pool", "pool_size": [2, 2], "strides": [2, 2], **policy}),
    ]
    layers = [{"class_name": name, "config": config} for name, config in layers]
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs.update(model_config=json.dumps(config), keras_version="2.10.0", backend="tensorflow")
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"input_1", b"conv", b"pool"]
        for name in ("input_1", "pool"):
            group.create_group(name).attrs["weight_names"] = []
        conv = group.create_group("conv")
        conv.attrs["weight_names"] = [b"conv/kernel:0", b"conv/bias:0"]
        conv["conv/kernel:0"] = np.random.default_rng(1).normal(size=(3, 3, 3, 2)).astype("float32")
        conv["conv/bias:0"] = np.ones(2, "float32")


@pytest.mark.filterwarnings("ignore:.*HDF5")
@pytest.mark.parametrize("out", ["out.h5", "out.keras"])
def test_files_of_keras_2(tmp_path, out):
    write_keras_2(tmp_path / "in.h5")
    report = tsp.replace_pooling_in_file(tmp_path / "in.h5", tmp_path / out, SOFT)
    assert [f.path for f in report.replaced] == ["pool"]
    with h5py.File(tmp_path / "in.h5") as file:
        kernel = file["model_weights/conv/conv/kernel:0"][...]
    expected = tsp.soft_pool(keras.ops.relu(keras.ops.conv(X, kernel) + 1), 2)
    found = keras.models.load_model(tmp_path / out, compile=False).predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_unpacked_keras_files(tmp_path):
    keras.saving.save_model(network(), tmp_path / "in", zipped=False)
    tsp.replace_pooling_in_file(tmp_path / "in", tmp_path / "out.keras", SOFT)
    loaded = keras.models.load_model(tmp_path / "out.keras")
    assert type(loaded.get_layer("inner").layers[-1]) is tsp.layers.SoftPooling2D


def test_a_dry_run_writes_nothing(tmp_path):
    network().save(tmp_path / "in.keras")
    for out in (None, tmp_path / "out.keras"):
        report = tsp.replace_pooling_in_file(tmp_path / "in.keras", out, SOFT, dry_run=True)
        assert len(report.replaced) == 1
    assert [f.name for f in tmp_path.iterdir()] == ["in.keras"]


def test_nothing_to_replace_writes_nothing(tmp_path):
    network().save(tmp_path / "in.keras")
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", {"average": "soft"})
    assert [f.name for f in tmp_path.iterdir()] == ["in.keras"]


def test_lambda_layers_need_a_word(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Lambda(lambda x: 2 * x), L.MaxPooling2D()])
    model.save(tmp_path / "in.keras")
    with pytest.raises(ValueError, match=r"cannot be loaded.*safe_mode"):
        tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT)
    tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT, safe_mode=False)
    assert (tmp_path / "out.keras").exists()


def test_classes_of_your_own(tmp_path):
    class Unregistered(L.Layer):
        def call(self, x):
            return x

    keras.Sequential([keras.Input((8, 8, 3)), Unregistered(), L.MaxPooling2D()]).save(tmp_path / "in.keras")
    with pytest.raises(ValueError, match="custom_objects"):
        tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT)
    tsp.replace_pooling_in_file(
        tmp_path / "in.keras", tmp_path / "out.keras", SOFT, custom_objects={"Unregistered": Unregistered}
    )


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_what_is_there_is_not_overwritten_without_a_word(tmp_path, kind):
    path, out = saved(tmp_path, kind)
    out = tmp_path / out
    tsp.replace_pooling_in_file(path, out, {"max": "average"})
    first = digest(out)
    with pytest.raises(FileExistsError, match="overwrite"):
        tsp.replace_pooling_in_file(path, out, SOFT)
    assert digest(out) == first
    tsp.replace_pooling_in_file(path, out, SOFT, overwrite=True)
    second = digest(out)
    assert second != first
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        tsp.replace_pooling_in_file(path, out, SOFT, overwrite=True, where="no such")
    assert digest(out) == second
    tsp.replace_pooling_in_file(path, out, SOFT, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_what_is_no_model_is_not_overwritten(tmp_path, kind):
    path, out = saved(tmp_path, kind)
    (tmp_path / out).mkdir()
    (tmp_path / out / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match=r"is a folder|is not a SavedModel"):
        tsp.replace_pooling_in_file(path, tmp_path / out, SOFT, overwrite=True)
    assert (tmp_path / out / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_what_appears_meanwhile_is_left_alone(tmp_path, kind):
    path, out = saved(tmp_path, kind)

    def intrude(step):
        if step == "checking":
            (tmp_path / out).write_text("theirs")

    with pytest.raises(FileExistsError):
        tsp.replace_pooling_in_file(path, tmp_path / out, SOFT, progress=intrude)
    assert (tmp_path / out).read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_old_comes_back_if_the_new_cannot_take_its_name(tmp_path, monkeypatch):
    path, out = saved(tmp_path, "saved_model")
    tsp.replace_pooling_in_file(path, tmp_path / out, {"max": "average"})
    before = digest(tmp_path / out)
    rename = Path.rename

    def fail(self, target):
        if self.parent.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(KeyboardInterrupt):
        tsp.replace_pooling_in_file(path, tmp_path / out, SOFT, overwrite=True)
    assert digest(tmp_path / out) == before
    assert len(list(tmp_path.iterdir())) == 2


def test_folders_that_forbid_writing(tmp_path):
    path, out = saved(tmp_path, "saved_model")
    (path / "assets" / "fingerprint.pb").write_text("an asset of that name")
    for folder in (path, path / "variables"):
        folder.chmod(0o555)
    tsp.replace_pooling_in_file(path, tmp_path / out, SOFT)
    assert (tmp_path / out).stat().st_mode & 0o200
    assert (tmp_path / out / "assets" / "fingerprint.pb").exists()


def test_nan_in_weights(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(2, 3, dtype="bfloat16"), L.MaxPooling2D()])
    model.layers[0].bias.assign([np.nan, 1.0])
    model.save(tmp_path / "in.keras")
    (tmp_path / "in.keras").chmod(0o600)
    assert tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT).check.passed
    assert (tmp_path / "out.keras").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_the_input_is_never_the_output(tmp_path, kind):
    path, _ = saved(tmp_path, kind)
    before = digest(path)
    targets = [path, tmp_path / "." / path.name]
    if kind == "saved_model":
        targets += [path / "out", tmp_path]
    for target in targets:
        with pytest.raises(ValueError, match=r"which is read|not a SavedModel"):
            tsp.replace_pooling_in_file(path, target, SOFT, overwrite=True)
    assert digest(path) == before
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
@pytest.mark.parametrize("step", ["reading", "replacing", "writing", "checking"])
def test_a_failure_leaves_nothing(tmp_path, kind, step):
    path, out = saved(tmp_path, kind)

    def fail(name):
        if name == step:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        tsp.replace_pooling_in_file(path, tmp_path / out, SOFT, progress=fail)
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_no_input(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT)


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_places_that_cannot_be_written(tmp_path, kind):
    path, out = saved(tmp_path, kind)
    (tmp_path / "file").write_text("no folder")
    for target in (tmp_path / "file" / out, Path("/proc/tf_softpool") / out):
        with pytest.raises(OSError, match=str(target.parent)):
            tsp.replace_pooling_in_file(path, target, SOFT)


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_a_full_disk(tmp_path, kind):
    """A limit on the size of files stands for a full disk, because it also makes writes fail half-way."""
    path, out = saved(tmp_path, kind)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(step):
        if step == "writing":
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))

    try:
        with pytest.raises(OSError, match="File too large"):
            tsp.replace_pooling_in_file(path, tmp_path / out, SOFT, progress=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("kind", "out", "options", "message"),
    [
        ("keras", "out", {}, "ends in one of"),
        ("keras", "out.keras", {"portable": True}, "`portable`"),
        ("keras", None, {}, "where to write"),
        ("keras", "out.keras", {"first": -1}, "`first`"),
        ("saved_model", "out.keras", {}, "to a folder"),
        ("saved_model", "out", {"where": 3}, "`where`"),
    ],
)
def test_bad_arguments(tmp_path, kind, out, options, message):
    path, _ = saved(tmp_path, kind)
    with pytest.raises(ValueError, match=message):
        tsp.replace_pooling_in_file(path, out and tmp_path / out, SOFT, **options)


def test_a_file_that_keras_spoils_is_not_written(tmp_path, monkeypatch):
    path, out = saved(tmp_path, "keras")
    save = files._save

    def spoil(model, place, *others):
        model.variables[0].assign(model.variables[0] + 1)
        save(model, place, *others)
        model.variables[0].assign(model.variables[0] - 1)

    monkeypatch.setattr(files, "_save", spoil)
    with pytest.raises(ValueError, match="does not have the new model's weights"):
        tsp.replace_pooling_in_file(path, tmp_path / out, SOFT)
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["h5", "saved_model"])
def test_a_warning_that_is_an_error_comes_before_anything_is_written(tmp_path, kind):
    if kind == "h5":
        model = network()
        model.compile("sgd", "mse")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(tmp_path / "in.h5")
        path, out = tmp_path / "in.h5", tmp_path / "out.h5"
    else:
        path, out = saved(tmp_path, kind)[0], tmp_path / "out"
        (path / "keras_metadata.pb").write_text("")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Compile the model|keras_metadata")
        with pytest.raises(UserWarning):
            tsp.replace_pooling_in_file(path, out, SOFT)
    assert not out.exists()


def test_a_missing_file_is_said_before_a_bad_rule(tmp_path):
    with pytest.raises(FileNotFoundError):
        tsp.replace_pooling_in_file(tmp_path / "none.keras", tmp_path / "out.keras", {"nothing": "soft"})


@pytest.mark.each_value
@pytest.mark.parametrize("optimizer", ["adam", "ema"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_a_trained_model_with_a_pooling_that_learns_loads(tmp_path, optimizer, suffix):
    """Keras loads the optimizer's state in the order of the trainable variables."""
    made = (
        keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=1)
        if optimizer == "ema"
        else optimizer
    )
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), L.Conv2D(4, 3), L.MaxPooling2D(2), L.Flatten(), L.Dense(2)]
    )
    model.compile(made, "mean_squared_error")
    model.fit(X, np.ones((2, 2)), epochs=2, verbose=0)
    model.save(tmp_path / f"in.{suffix}")
    report = tsp.replace_pooling_in_file(tmp_path / f"in.{suffix}", tmp_path / "out.keras", {"max": "gated"})
    assert not report.notes
    loaded = keras.models.load_model(tmp_path / "out.keras")
    assert int(loaded.optimizer.iterations) == 2
    loaded.fit(X, np.ones((2, 2)), verbose=0)
    new, _ = tsp.replace_pooling(model, {"max": "gated"})
    trained = [v.path.split("/")[-1] for v in new.trainable_variables]
    momentums = [v for v in new.optimizer.variables if v.name not in ("iteration", "learning_rate")]
    assert all(tuple(v.shape) in {tuple(t.shape) for t in new.trainable_variables} for v in momentums)
    assert len(momentums) == (2 if optimizer == "adam" else 1) * len(trained)
    new.fit(X, np.ones((2, 2)), verbose=0)
