"""Damaged and hostile files, given to everything that reads files.

A reader either does what it is asked to, or raises the error that its documentation names, in one line that
names the file. It takes bounded memory and time, writes nothing but its result, and runs nothing.
`watched_reading.py` says what is watched.
"""

import importlib.util
import json
from collections import Counter

import pytest
from file_cases import HOSTILE, RANDOM, Case, at_random, hostile
from reading_processes import read_all

# Kinds whose packages take long to be imported are left to `make harden`.
QUICK = ["keras", "hdf5", "keras_2_hdf5", "saved_model"]
PACKAGES = {"onnx": "onnxruntime", "litert": "ai_edge_litert", "openvino": "openvino"}
KINDS = [kind for kind in RANDOM if importlib.util.find_spec(PACKAGES.get(kind, "keras"))]
# How many random cases of a kind `make harden` tries, in thousandths of all of them.
SHARES = {"onnx": 60, "litert": 60, "openvino": 60, "array": 40, "arrays": 40}
# Cases that found a fault once, and cases of faults that are not ours, with the reason.
FOUND = [
    # Keras loads a layer that it cannot save again.
    Case("assets", "config.change_a_number", 2, "rewrite"),
    # Keras loads a convolution whose input has no number of channels. Building it again is a TypeError.
    Case("keras", "config.change_a_number", 9, "replace_command"),
    # Names in a zip archive's directory that are no text.
    Case("keras", "zip.damage_the_directory", 9, "rewrite"),
    # A layer whose name TensorFlow cannot hold.
    Case("keras_2", "config.change_a_value", 3, "export_command"),
    # An input that its graph does not use, because an attribute of the graph is wrong.
    Case("tensorflow_1", "graph.change_an_attribute", 25, "export_command"),
    # A description of many letters where a number belongs.
    Case("keras_2_hdf5", "config.another_class", 5, "replace_command"),
    # A pipe in the place of a description.
    Case("folder", "links.pipe", 5, "export_command"),
    # A constant of another type than it says, at which TensorFlow's optimizer aborts.
    Case("saved_model", "graph.change_a_constant", 11, "replace_command"),
    # Headers of arrays that no memory holds.
    Case("array", "header.huge_shape", 0, "sample_command"),
    Case("arrays", "zip.encrypt", 0, "sample_command"),
]
NOT_OURS: dict[Case, str] = {
    Case("keras_2_hdf5", "bytes.swap_blocks", 0, "rewrite"): "HDF5 never ends reading an attribute",
    Case("keras_2_hdf5", "bytes.swap_blocks", 7, "rewrite"): "HDF5 never ends reading an attribute",
}


def told(answer):
    return f"{json.dumps(answer.case)} in {answer.seconds} s and {answer.grown} MiB: {answer.faults}"


def assert_clear(answers):
    """Checks that nothing is wrong with any answer, and that damage was noticed at all."""
    answers = list(answers)
    wrong = [told(each) for each in answers if each.faults and each.case not in NOT_OURS]
    assert not wrong, f"{len(wrong)} of {len(answers)} cases:\n" + "\n".join(wrong)
    return Counter(each.said == "done" or each.said.startswith("exit 0") for each in answers)


def quick_cases():
    """Yields a few cases of a few kinds, and those that found a fault. One process reads all of them."""
    for kind in QUICK:
        names = sorted(HOSTILE[kind])
        yield from (each for each in hostile([kind], 1) if each.damage in names[:: 1 + len(names) // 2])
        yield from at_random(kind, 2)
    yield from FOUND


def test_some_files(tmp_path):
    outcomes = assert_clear(read_all(quick_cases(), tmp_path))
    assert outcomes[False]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind, effort, tmp_path):
    count = effort(200, 4000) * SHARES.get(kind, 90) // 1000
    outcomes = assert_clear(read_all(at_random(kind, count), tmp_path))
    assert outcomes[False]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in HOSTILE])
def test_hostile_files(kind, effort, tmp_path):
    assert_clear(read_all(hostile([kind], effort(1, 6)), tmp_path))
