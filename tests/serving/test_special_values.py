"""Infinities, NaN and very large numbers in each runtime, and the table of what differs in two of them."""

import keras
import numpy as np
import pytest
from served_models import PATHS
from special_values import DETAILS, IMPORTANCE, SOFT, SORTED

import tf_softpool as tsp

WEIGHTS = np.log([8.0, 4.0, 2.0, 1.0]).astype("float32")
# For each pooling: the pooling, and rows with the values of each input and the result.
TABLES = {
    "soft": (lambda x: tsp.soft_pool(x, 2), {name: ([v], y) for name, (v, y) in SOFT.items()}),
    "sorted": (
        lambda x: tsp.sorted_pool(x, WEIGHTS, 2),
        {name: ([v], y) for name, (v, y, _) in SORTED.items()},
    ),
    "importance": (
        lambda x, logits: tsp.importance_pool(x, logits, 2),
        {name: ([v, logits], y) for name, (v, logits, y) in IMPORTANCE.items()},
    ),
    "details": (
        lambda x: tsp.detail_preserving_pool(x, None, 1.0, 1.0, 2),
        {
            name: ([v], y)
            for name, (v, guide, alpha, lam, y) in DETAILS.items()
            if guide is None and alpha == lam == 1
        },
    ),
}
LOWEST = -np.finfo("float32").max
# What a runtime gives instead, as docs/serving.md says: NaN gets lost where an operation for the larger of
# two numbers returns the other one, and `-inf` becomes the lowest finite number.
DIFFERENT = {
    "litert": {("sorted", "nan"): 7 / 3, ("importance", "nan logit"): 2.0},
    "openvino": {
        ("soft", "nan"): 2.575210,
        ("soft", "nan with inf"): np.inf,
        ("soft", "nan with -inf"): -np.inf,
        ("sorted", "all -inf"): LOWEST,
        ("importance", "all -inf"): LOWEST,
        ("details", "all -inf"): LOWEST,
    },
}


def of_window(values):
    """Returns a window of 2x2 in three channels."""
    return np.tile(np.reshape(np.float32(values), (1, 2, 2, 1)), (1, 1, 1, 3))


def model():
    """Returns a model with an output for each pooling."""
    inputs, outputs = {}, {}
    for pooling, (function, rows) in TABLES.items():
        values, _ = next(iter(rows.values()))
        of_pooling = [keras.Input((2, 2, 3), name=f"{pooling}_{i}") for i in range(len(values))]
        inputs.update({each.name: each for each in of_pooling})
        outputs[f"{pooling}_pooled"] = function(*of_pooling)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("format", PATHS)
def test_special_values(format, tmp_path):
    if format != "tf_saved_model":
        pytest.importorskip({"litert": "ai_edge_litert", "onnx": "onnxruntime"}.get(format, format))
    tsp.export(model(), tmp_path / PATHS[format], format, portable=True, check=False)
    served = tsp.serving.load(tmp_path / PATHS[format])
    ordinary = {name: of_window([0.5] * 4) for name in served.inputs}
    different = {}
    for pooling, (_, rows) in TABLES.items():
        for name, (values, expected) in rows.items():
            given = {f"{pooling}_{i}": of_window(each) for i, each in enumerate(values)}
            found = served({**ordinary, **given})[f"{pooling}_pooled"].ravel()
            if not np.allclose(found, np.float32(expected), rtol=1e-5, atol=0, equal_nan=True):
                different[pooling, name] = found[0]
    expected = DIFFERENT.get(format, {})
    assert different.keys() == expected.keys()
    assert different == pytest.approx(expected, rel=1e-5)
