"""Models that earlier versions wrote load without custom objects, and compute what they computed.

Results are compared within rounding and not bit by bit: `docs/support.md` promises the same bits on all
processors of a kind, and a later version may round in another way if its changelog says so.
"""

import zipfile

import numpy as np
import past_files
import promises
import pytest
import written_models as models
from tensorflow.core.protobuf import saved_model_pb2

EVERY = [(version, name) for version in past_files.VERSIONS for name in past_files.names_in(version)]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Returns a function that unpacks a version once. It returns the folder and the arrays."""
    found = {}

    def of(version):
        if version not in found:
            folder = tmp_path_factory.mktemp(version)
            found[version] = folder, past_files.unpacked(version, folder)
        return found[version]

    return of


@pytest.mark.parametrize(("version", "name"), EVERY)
def test_it_computes_the_same(version, name, unpacked):
    if not models.can_run(name):
        pytest.skip(f"needs {models.OTHER_RUNTIMES[name]}")
    folder, calls = unpacked(version)
    model = past_files.loaded(folder / name)
    assert calls[name]
    for signature, sides in calls[name].items():
        outputs = model(signature, sides["in"])
        assert set(outputs) == set(sides["out"])
        for key, expected in sides["out"].items():
            assert outputs[key].shape == expected.shape, (signature, key)
            assert outputs[key].dtype == expected.dtype
            near = 1e-5 * np.abs(expected).max(initial=1e-3)
            np.testing.assert_allclose(
                outputs[key], expected, rtol=1e-5, atol=near, err_msg=f"{signature} {key}"
            )


def nodes(folder):
    """Yields the nodes of our ops in all SavedModels of a folder."""
    for path in folder.glob("*/saved_model.pb"):
        proto = saved_model_pb2.SavedModel()
        proto.ParseFromString(path.read_bytes())
        graph = proto.meta_graphs[0].graph_def
        for part in [graph.node, *(function.node_def for function in graph.library.function)]:
            yield from (node for node in part if node.op.startswith(promises.NAMESPACE))


@pytest.mark.parametrize("version", past_files.VERSIONS)
def test_every_op_and_attribute_is_in_a_graph(version, unpacked):
    recorded, found = past_files.interface_of(version)["ops"], {}
    for node in nodes(unpacked(version)[0]):
        for key, value in node.attr.items():
            found.setdefault(node.op, {}).setdefault(key, []).append(value)
    assert set(found) == set(recorded)
    for op, signature in recorded.items():
        for key, attribute in signature["attributes"].items():
            if "default" in attribute:
                values = [promises.attribute_value(v) for v in found[op][key]]
                assert any(v != attribute["default"] for v in values), (op, key)


@pytest.mark.parametrize("version", past_files.VERSIONS)
def test_every_class_is_in_a_model(version, unpacked):
    folder, _ = unpacked(version)
    configs = ""
    for path in folder.glob("*.keras"):
        with zipfile.ZipFile(path) as archive:
            configs += archive.read("config.json").decode()
    recorded = past_files.interface_of(version)["registered"]
    assert [name for name in recorded if f'"{name}"' not in configs] == []
