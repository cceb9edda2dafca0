"""The first call of an exported network, in which OpenVINO may read memory that nothing was written to."""

import keras
import numpy as np
import pytest
from served_models import inputs_of

import tf_softpool as tsp

L = tsp.layers
# Networks that a choice in the graph made wrong with an open batch, in the first call only.
NETWORKS = {
    "median": [L.MedianPooling2D(3, 1, "same"), L.AdaptiveSoftPooling2D((5, 4))],
    "soft": [
        L.SoftPooling2D(3, 1, "same"),
        L.SoftPooling2D(7, 1, "same"),
        L.AdaptiveSumPooling2D((5, 4)),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_call_is_right(name, batch, tmp_path):
    pytest.importorskip("openvino")
    x = keras.Input((9, 8, 3), batch_size=batch, name="x")
    y = x
    for layer in NETWORKS[name]:
        y = layer(y)
    model = keras.Model(x, y)
    tsp.export(model, tmp_path / "model.xml", "openvino", check=False)
    images = inputs_of(2, 1.0)
    for _ in range(3):
        served = tsp.serving.load(tmp_path / "model.xml")
        found = served({"x": images})["output_0"]
        np.testing.assert_allclose(found, np.asarray(model(images)), rtol=1e-5, atol=1e-5)
