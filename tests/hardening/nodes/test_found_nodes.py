"""Nodes that found a fault once, and what they must do."""

import numpy as np
import pytest
from node import Attribute, Node
from node_answers import same_bits
from node_ways import compiled, eager

X = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)


def pooling():
    attributes = {
        "ksize": Attribute("list(int)", [2, 2]),
        "strides": Attribute("list(int)", [2, 2]),
        "padding": Attribute("string", "VALID"),
        "data_format": Attribute("string", "NHWC"),
        "T": Attribute("type", "float"),
    }
    return Node("Softpool>SumPool", attributes, [X], [None])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("list(string)", ["a"]),
        ("list(float)", [2.0]),
        ("shape", [2, 2]),
        ("float", float("inf")),
        ("string", 'a", padding = "SAME'),
    ],
)
def test_programs_of_nodes_with_unknown_attributes(kind, value):
    """TensorFlow ignores what an op does not have. A program must not get it, as it would be read as text."""
    expected = eager(pooling())
    other = pooling()
    other.attributes["dilations"] = Attribute(kind, value)
    assert same_bits(compiled(other), expected)
