"""Exported models, loaded and served in other processes."""

import subprocess
import sys

import numpy as np
import pytest
from served_models import of_layers

import tf_softpool as tsp
from tf_softpool.serving.formats.tf_saved_model import custom_ops

CODE = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.modules["tf_softpool"] = None  # an import of it fails
sys.modules["keras"] = None
import numpy as np, tensorflow as tf

model, library, x, y = sys.argv[1:]
if library:
    tf.load_op_library(library)
loaded = tf.saved_model.load(model)
np.save(y, loaded.signatures["serving_default"](tf.constant(np.load(x)))["output_0"])
"""


OPS = [
    "Softpool>DetailPreservingPool",
    "Softpool>GatedPool",
    "Softpool>ImportancePool",
    "Softpool>LearnedGuide",
    "Softpool>LpPool",
    "Softpool>MixedPool",
    "Softpool>PowerAveragePool",
    "Softpool>SoftPool",
    "Softpool>SortedPool",
    "Softpool>StochasticPool",
    "Softpool>SumPool",
]


def serve(folder, x, library=""):
    """Loads a SavedModel in a process without Keras and without our package, and returns its answer."""
    np.save(folder / "x.npy", x)
    command = [sys.executable, "-c", CODE, str(folder / "model"), library]
    command += [str(folder / "x.npy"), str(folder / "y.npy")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return np.load(folder / "y.npy")


@pytest.mark.each_value
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_served_elsewhere(rank, portable, tmp_path):
    m = of_layers(rank)
    tsp.export(m, tmp_path / "model", portable=portable, check=False)
    assert custom_ops(tmp_path / "model") == ([] if portable else OPS)
    x = np.random.default_rng(0).normal(0, 100, (3, *(9, 11, 8)[:rank], 3)).astype("float32")
    y = serve(tmp_path, x, "" if portable else tsp.build_info()["library"])
    np.testing.assert_allclose(y, m.predict(x, verbose=0), rtol=1e-5, atol=1e-4)


def test_a_native_model_needs_the_library(tmp_path):
    tsp.export(of_layers(2), tmp_path / "model")
    with pytest.raises(RuntimeError, match="Softpool>"):
        serve(tmp_path, np.zeros((1, 8, 8, 3), "float32"))


def test_exporting_leaves_the_model_as_it_is(tmp_path):
    m = of_layers(2)
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 3)).astype("float32")
    before = m.predict(x, verbose=0)
    tsp.export(m, tmp_path / "portable", portable=True)
    tsp.export(m, tmp_path / "native")
    assert custom_ops(tmp_path / "native") == OPS
    np.testing.assert_array_equal(m.predict(x, verbose=0), before)
