"""Models that version 0.1.0 saved still give the same results, from whole files and from weights."""

from pathlib import Path

import keras
import numpy as np
import pytest

FOLDER = Path(__file__).parent / "0_1_0" / "layers"
NAMES = sorted(path.stem for path in FOLDER.glob("*.keras"))


@pytest.mark.parametrize("way", ["model", "weights"])
@pytest.mark.parametrize("name", NAMES)
def test_the_results_are_the_same(name, way):
    saved = np.load(FOLDER / "expected.npz")
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    if way == "weights":
        model = keras.Sequential.from_config(model.get_config())
        model.load_weights(FOLDER / f"{name}.weights.h5")
    y, expected = np.asarray(model(saved["x"])), saved[name]
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_every_result_is_tested():
    assert {*NAMES, "x"} == set(np.load(FOLDER / "expected.npz"))
    assert {path.name.removesuffix(".weights.h5") for path in FOLDER.glob("*.weights.h5")} == {*NAMES}
