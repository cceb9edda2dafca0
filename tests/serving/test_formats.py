"""Every pooling in every format, computed by the format's runtime and compared with the Keras model."""

import numpy as np
import pytest
from served_models import PATHS, inputs_of, of_forms, of_functions, of_layers

import tf_softpool as tsp

RUNTIMES = {
    "tf_saved_model": None,
    "onnx": "onnxruntime",
    "litert": "ai_edge_litert",
    "openvino": "openvino",
}
# The formats whose runtimes treat NaN and infinities as IEEE 754 does. Others differ: in LiteRT, the largest
# of no numbers is finite.
IEEE_754 = ("tf_saved_model", "onnx")


def exported(model, format, folder):
    if RUNTIMES[format]:
        pytest.importorskip(RUNTIMES[format])
    report = tsp.export(model, folder / PATHS[format], format, portable=True, check=False)
    assert report.portable
    assert report.custom_ops == []
    return tsp.serving.load(folder / PATHS[format])


def assert_same(found, expected, relative):
    assert found.keys() == expected.keys()
    for name, y in expected.items():
        assert found[name].dtype == y.dtype
        assert found[name].shape == y.shape, name
        assert np.array_equal(np.isfinite(found[name]), np.isfinite(y)), name
        same = found[name] == y
        finite = np.isfinite(y)
        largest = np.abs(y[finite]).max(initial=0)
        np.testing.assert_allclose(
            np.where(same, 0, found[name])[finite],
            np.where(same, 0, y)[finite],
            rtol=0,
            atol=relative * largest,
            err_msg=name,
        )
        assert np.array_equal(found[name][~finite], y[~finite], equal_nan=True), name


def special(rank):
    """Returns numbers with some windows that have infinities or NaN, and windows of nothing but -inf."""
    x = inputs_of(rank, 10.0)
    flat = x.reshape(2, -1, 3)
    flat[0, :4, 0] = -np.inf
    flat[0, 1, 1] = np.inf
    flat[1, 2, 2] = np.nan
    flat[1, :, 0] = -np.inf
    return x


@pytest.mark.each_value
@pytest.mark.parametrize("format", PATHS)
@pytest.mark.parametrize(("rank", "size"), [(1, "open"), (2, "fixed"), (2, "open"), (3, "open")])
def test_every_function(rank, size, format, tmp_path):
    model = of_functions(rank, size)
    served = exported(model, format, tmp_path)
    inputs = [inputs_of(rank, magnitude) for magnitude in (1.0, 1e3, 1e30, 1e-30)]
    inputs.append(inputs_of(rank, 100.0, batch=5))
    if format in IEEE_754:
        inputs.append(special(rank))
    for x in inputs:
        expected = {name: np.asarray(y) for name, y in model(x).items()}
        assert_same(served(x), expected, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("format", [format for format in PATHS if format != "tf_saved_model"])
def test_every_layer(format, tmp_path):
    model = of_layers(2)
    served = exported(model, format, tmp_path)
    for magnitude in (1.0, 1e3):
        x = inputs_of(2, magnitude)
        assert_same(served(x), {"output_0": np.asarray(model(x))}, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format", [format for format in PATHS if format != "tf_saved_model"])
@pytest.mark.parametrize(("rank", "size"), [(1, "open"), (2, "fixed"), (2, "open"), (3, "open")])
def test_every_form(rank, size, format, tmp_path):
    model = of_forms(rank, size)
    served = exported(model, format, tmp_path)
    for magnitude in (1.0, 1e3):
        x = inputs_of(rank, magnitude)
        assert_same(served(x), {"output_0": np.asarray(model(x))}, 1e-5)
