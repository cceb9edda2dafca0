"""The command `tf-softpool info`."""

import json

import keras
import pytest

import tf_softpool as tsp
from tf_softpool_cli.main import main

L = keras.layers


class Holder(L.Layer):
    """A layer that makes its pooling itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.pool = L.MaxPooling2D(2, name="pool")

    def call(self, x):
        return self.pool(x)


def network():
    """Returns a model with a pooling of every form, and the names that a user gave."""
    # Keras numbers the names that it makes up.
    keras.utils.clear_session()
    x = y = keras.Input((16, 16, 3))
    y = L.MaxPooling2D(3, 2, "same", name="größe")(y)
    y = keras.ops.average_pool(y, (2, 1))
    y = tsp.layers.SortedPooling2D(2, 1, name="sorted")(y)
    y = L.AdaptiveAveragePooling2D((2, 3), name="adaptive")(y)
    return keras.Model(x, L.GlobalMaxPooling2D(name="global")(y))


@pytest.fixture
def found(tmp_path, capsys):
    def info(model, *options):
        assert main(["info", str(model), *options]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return info


def test_a_keras_file(tmp_path, found):
    network().save(tmp_path / "model.keras")
    poolings = json.loads(found(tmp_path / "model.keras", "--json"))["poolings"]
    facts = [(p["path"], p["what"], p["kind"], p["window"], p["strides"], p["padding"]) for p in poolings]
    assert facts == [
        ("größe", "MaxPooling2D", "max", [3, 3], [2, 2], "same"),
        ("average_pool", "AveragePool", "average", [2, 1], [2, 1], "valid"),
        ("sorted", "SortedPooling2D", "sorted", [2, 2], [1, 1], "valid"),
        ("adaptive", "AdaptiveAveragePooling2D", "adaptive_average", None, None, None),
        ("global", "GlobalMaxPooling2D", "global_max", None, None, None),
    ]
    assert [p["output_size"] for p in poolings] == [None, None, None, [2, 3], None]
    for pooling in poolings:
        assert pooling["reason"] == ""
        assert "soft" in pooling["replaceable_by"]
        assert pooling["kind"].split("_")[-1] not in pooling["replaceable_by"]
    assert "gated" in poolings[0]["replaceable_by"]
    assert "gated" not in poolings[4]["replaceable_by"]
    table = found(tmp_path / "model.keras").splitlines()
    assert table[0].split() == [
        "layer",
        "is",
        "kind",
        "window",
        "strides",
        "padding",
        "can",
        "become",
        "why",
        "not",
    ]
    assert table[1].split()[:9] == ["größe", "MaxPooling2D", "max", "3", "x", "3", "2", "x", "2"]
    assert table[4].split()[3:7] == ["to", "2", "x", "3"]
    assert table[-1] == "5 poolings"


def test_every_kind_it_names_can_be_used(tmp_path, capsys):
    network().save(tmp_path / "model.keras")
    main(["info", str(tmp_path / "model.keras"), "--json"])
    for pooling in json.loads(capsys.readouterr().out)["poolings"]:
        for new in pooling["replaceable_by"]:
            rule = f"{pooling['kind']}={new}"
            assert main(["replace", str(tmp_path / "model.keras"), "--dry-run", "--map", rule]) == 0


def test_a_saved_model(tmp_path, found):
    x = y = keras.Input((16, 16, 3))
    y = L.MaxPooling2D(2, name="first")(y)
    y = tsp.soft_pool(y, 2, 1, "same")
    y = tsp.sorted_pool(y, [1.0, 0.0, 0.0, 0.0], 2)
    tsp.export(keras.Model(x, y), tmp_path / "model", check=False)
    first, second, third = json.loads(found(tmp_path / "model", "--json"))["poolings"]
    assert (first["what"], first["kind"], first["window"]) == ("MaxPool", "max", [2, 2])
    assert "soft" in first["replaceable_by"]
    # Nothing with variables can be added to a graph.
    assert not {"sorted", "gated", "local_importance"} & set(first["replaceable_by"])
    assert (second["kind"], second["strides"], second["padding"]) == ("soft", [1, 1], "same")
    assert third["replaceable_by"] == []
    assert "second input" in third["reason"]
    assert "3 poolings" in found(tmp_path / "model")


def test_why_not(tmp_path, found):
    x = keras.Input((16, 16, 3))
    keras.Model(x, Holder(name="holder")(x)).save(tmp_path / "model.keras")
    with keras.utils.custom_object_scope({"Holder": Holder}):
        (pooling,) = json.loads(found(tmp_path / "model.keras", "--json"))["poolings"]
        table = found(tmp_path / "model.keras")
    assert pooling["path"] == "holder/pool"
    assert pooling["replaceable_by"] == []
    assert "Holder makes it itself" in pooling["reason"]
    assert "in Python" in table
    assert table.splitlines()[-1] == "1 pooling"


def test_errors(tmp_path, capsys):
    (tmp_path / "text.keras").write_text("no model")
    for name, message in (("absent", "no model at"), ("text.keras", "not a whole Keras file")):
        assert main(["info", str(tmp_path / name)]) == 1
        out, err = capsys.readouterr()
        assert not out
        assert message in err


def test_without_a_model(capsys):
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == tsp.__version__
    assert main(["info"]) == 0
    assert "simd_target" in capsys.readouterr().out
