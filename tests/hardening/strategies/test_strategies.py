"""Training under TensorFlow's strategies: every compiled layer learns what it learns on one device."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import train


def start_training(way, file, layers, **environment):
    """Starts a process that trains, and returns the process."""
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, train.__file__, way, file, *layers],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def weights_of(process, file):
    """Waits for a process that trains, and returns the weights by name."""
    try:
        _, told = process.communicate(timeout=500)
    finally:
        process.kill()
    assert process.returncode == 0, told[-3000:]
    return dict(np.load(file))


@pytest.fixture(scope="module")
def plain(layers, tmp_path_factory):
    file = tmp_path_factory.mktemp("plain") / "weights.npz"
    return weights_of(start_training("plain", file, layers), file)


def in_one_process(way, layers, tmp_path):
    file = tmp_path / "weights.npz"
    return [weights_of(start_training(way, file, layers), file)]


def in_two_processes(way, layers, tmp_path):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in train.free_ports(2)]}
    processes = [
        start_training(
            way,
            tmp_path / f"{index}.npz",
            layers,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    return [weights_of(process, tmp_path / f"{index}.npz") for index, process in enumerate(processes)]


def assert_equal_but_for_rounding(found, expected):
    """Compares weights by name, relative to how large and how different from each other they are."""
    assert found.keys() == expected.keys()
    far = {}
    for name, weights in expected.items():
        distance = np.abs(found[name] - weights).max()
        if not distance <= 1e-5 * np.abs(weights).max():
            far[name] = float(distance)
    assert far == {}


@pytest.mark.parametrize(
    ("way", "made"),
    [
        ("mirrored", in_one_process),
        pytest.param("workers", in_two_processes, marks=pytest.mark.slow),
        pytest.param("servers", in_one_process, marks=pytest.mark.slow),
    ],
    ids=["MirroredStrategy", "MultiWorkerMirroredStrategy", "ParameterServerStrategy"],
)
def test_layers_learn_what_they_learn_on_one_device(way, made, layers, plain, tmp_path):
    for weights in made(way, layers, tmp_path):
        assert_equal_but_for_rounding(weights, plain)
