"""Training under TensorFlow's strategies: every compiled layer learns what it learns on one device."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import train


def start_training(folder, ways, layers, **environment):
    """Starts a process that trains, and returns the process."""
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, train.__file__, folder, ways, *layers],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process):
    """Waits for a process that trains."""
    try:
        _, told = process.communicate(timeout=900)
    finally:
        process.kill()
    assert process.returncode == 0, told[-3000:]


def weights_in(folder, way):
    """Returns the weights that were trained in some way, by name."""
    return dict(np.load(folder / f"{way}.npz"))


@pytest.fixture(scope="module")
def one_process(layers, tmp_path_factory):
    """Returns a folder with weights that one process has trained on one device, and on two."""
    folder = tmp_path_factory.mktemp("weights")
    wait_for(start_training(folder, "plain,mirrored", layers))
    return folder


def in_one_process(way, layers, tmp_path):
    wait_for(start_training(tmp_path, way, layers))
    return [weights_in(tmp_path, way)]


def in_two_processes(way, layers, tmp_path):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in train.free_ports(2)]}
    folders = [tmp_path / str(index) for index in range(2)]
    processes = []
    for index, folder in enumerate(folders):
        folder.mkdir()
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(start_training(folder, way, layers, TF_CONFIG=json.dumps(task)))
    for process in processes:
        wait_for(process)
    return [weights_in(folder, way) for folder in folders]


def assert_equal_but_for_rounding(found, expected):
    """Compares weights by name, relative to how large and how different from each other they are."""
    assert found.keys() == expected.keys()
    far = {}
    for name, weights in expected.items():
        distance = np.abs(found[name] - weights).max()
        if not distance <= 1e-5 * np.abs(weights).max():
            far[name] = float(distance)
    assert far == {}


def test_mirrored_strategy(one_process):
    assert_equal_but_for_rounding(weights_in(one_process, "mirrored"), weights_in(one_process, "plain"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "made"),
    [("workers", in_two_processes), ("servers", in_one_process)],
    ids=["MultiWorkerMirroredStrategy", "ParameterServerStrategy"],
)
def test_several_servers(way, made, layers, one_process, tmp_path):
    for weights in made(way, layers, tmp_path):
        assert_equal_but_for_rounding(weights, weights_in(one_process, "plain"))
