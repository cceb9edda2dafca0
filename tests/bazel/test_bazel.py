"""BUILD, built with Bazel. A small model server links its library, and loads no library of ours."""

import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from bazel import workspace
from cases import DTYPES, Case
from conftest import bits, with_gradient
from poolings import POOLINGS
from tensorflow.core.framework import kernel_def_pb2, op_def_pb2, tensor_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import kernels

import tf_softpool as tsp

pytestmark = pytest.mark.slow

OURS = "Softpool>"
# Windows that share no input, with channels that leave a remainder after whole vectors, and windows that
# overlap.
CASES = (Case((8, 6), (2, 2), (2, 2), channels=37), Case((9, 10), (3, 3), (2, 2), channels=5))


@pytest.fixture(scope="session")
def binaries():
    """Builds the servers, and returns the folder that they are in."""
    if missing := workspace.missing():
        pytest.skip(f"Bazel needs {missing}, which `make test-bazel` installs on Debian")
    return workspace.build(":server", ":server_without_our_ops")


def run(server, *arguments):
    """Runs a server and returns what it printed. If it fails, raises a RuntimeError with its error output."""
    done = subprocess.run([server, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def serve(server, model, folder, inputs):
    """Sends tensors to a SavedModel in a server, and returns the answer as a dict of NumPy arrays."""
    for name in ("inputs", "outputs"):
        (folder / name).mkdir()
    for name, value in inputs.items():
        (folder / "inputs" / f"{name}.pb").write_bytes(tf.make_tensor_proto(value).SerializeToString())
    printed = run(server, model, folder)
    files = (folder / "outputs").glob("*.pb")
    answer = {p.stem: tf.make_ndarray(tensor_pb2.TensorProto.FromString(p.read_bytes())) for p in files}
    assert all(f"{name}: Tensor<" in printed for name in answer)
    return answer


def network():
    """Returns a network with every compiled pooling, whose weights are not zero."""
    inputs = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu")(inputs)
    x = tsp.layers.SoftPooling2D(2)(x)
    x = tsp.layers.SortedPooling2D(3, 1, "same", rank_initializer=tsp.layers.LeadingRank(0.4))(x)
    x = tsp.layers.DetailPreservingPooling2D(2, 1, "same", variant="full")(x)
    x = tsp.layers.LocalImportancePooling2D(2, kernel_initializer=tsp.layers.CenterTap())(x)
    return keras.Model(inputs, keras.layers.Dense(4)(tsp.layers.GlobalSoftPooling2D()(x)))


@pytest.fixture
def exported(tmp_path):
    """Exports the network. Returns the folder and the network."""
    model = network()
    tsp.export(model, tmp_path / "model")
    return tmp_path / "model", model


def test_an_exported_model_is_served(binaries, exported, tmp_path):
    folder, model = exported
    graph = (folder / "saved_model.pb").read_bytes().decode("latin-1")
    assert {name for p in POOLINGS.values() if (name := OURS + p.op) not in graph} == set()
    image = np.random.default_rng(0).normal(0, 1, (2, 32, 28, 3)).astype("float32")
    answer = serve(binaries / "server", folder, tmp_path, {"image": image})
    np.testing.assert_allclose(answer["output_0"], model(image), rtol=1e-5, atol=1e-6)


def test_a_server_without_our_library_says_what_it_lacks(binaries, exported, tmp_path):
    with pytest.raises(RuntimeError, match=f"Op type not registered '{OURS}"):
        serve(binaries / "server_without_our_ops", exported[0], tmp_path, {})


def test_the_server_loads_no_library_of_ours(binaries):
    libraries = subprocess.run(["ldd", binaries / "server"], capture_output=True, text=True, check=True)
    names = re.findall(r"^\s*(\S+)", libraries.stdout, re.MULTILINE)
    assert any("libtensorflow_framework" in name for name in names)
    assert not [name for name in names if "softpool" in name]


def of_ours(ops, registered):
    """Returns our registered ops by name, and our kernels for CPUs, in a form that can be compared."""
    named = {op.name: op for op in ops.op if op.name.startswith(OURS)}
    kernels = [k for k in registered.kernel if k.op.startswith(OURS) and k.device_type == "CPU"]
    return named, sorted(kernel.SerializeToString(deterministic=True) for kernel in kernels)


def test_ops_and_kernels_are_those_of_the_library_for_python(binaries, tmp_path):
    run(binaries / "server", "registered", tmp_path)
    ops, found = of_ours(
        op_def_pb2.OpList.FromString((tmp_path / "ops.pb").read_bytes()),
        kernel_def_pb2.KernelList.FromString((tmp_path / "kernels.pb").read_bytes()),
    )
    assert tsp.build_info()["library"]
    buffer = pywrap_tf_session.TF_GetAllOpList()
    everything = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(buffer))
    expected_ops, expected = of_ours(everything, kernels.get_all_registered_kernels())
    assert ops == expected_ops != {}
    assert found == expected != []


def save(folder, function, tensors):
    """Writes a SavedModel of a function of tensors, with inputs x0, x1, ... and outputs y0, y1, ..."""
    specs = [tf.TensorSpec(t.shape, t.dtype, name=f"x{i}") for i, t in enumerate(tensors)]
    traced = tf.function(lambda *xs: {f"y{i}": y for i, y in enumerate(function(*xs))}, input_signature=specs)
    tf.saved_model.save(tf.Module(), folder, signatures=traced.get_concrete_function())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POOLINGS)
def test_results_and_gradients_are_those_of_python_to_the_bit(binaries, name, dtype, tmp_path):
    for case in CASES:
        pool = POOLINGS[name](case.pool_size, case.strides, "same")
        inputs = POOLINGS[name].inputs(case, "channels_last", dtype)
        function = with_gradient(pool)
        gradient = np.random.default_rng(1).normal(0, 1, pool(*inputs).shape).astype(inputs[0].dtype)
        tensors = [tf.constant(t) for t in (*inputs, gradient)]
        folder = tmp_path / str(case)
        save(folder / "model", function, tensors)
        named = {f"x{i}": tensor.numpy() for i, tensor in enumerate(tensors)}
        answer = serve(binaries / "server", folder / "model", folder, named)
        expected = function(*tensors)
        assert len(answer) == len(expected) == len(inputs) + 1
        for i, y in enumerate(expected):
            np.testing.assert_array_equal(bits(answer[f"y{i}"]), bits(y))


def test_kernels_are_compiled_with_the_servers_highway(binaries):
    """Kernels must not be compiled with an installed Highway, which may differ from the server's library."""
    files = list(Path(binaries).glob("external/tf_softpool/_objs/kernels/*.d"))
    texts = {path.name: path.read_text() for path in files}
    assert any("external/com_google_highway/hwy/highway.h" in text for text in texts.values())
    assert not [name for name, text in texts.items() if f" {workspace.HIGHWAY}/" in text]
