"""One case for each kind of fault that TensorFlow's own poolings have had, with the same call of our ops.

TensorFlow's security advisories about pooling tell of pool sizes and strides of zero, negative and huge ones,
gradients of other shapes than the pooled tensor, empty tensors, tensors of other ranks, and positions beyond
the input. Our ops have nothing like the ranges of quantized poolings. What comes next to the sequences of
fractional pooling are the positions that S3Pool draws.
"""

import numpy as np
import pytest
import tensorflow as tf
from node import Attribute, Node
from node_c_api import c_api
from node_programs import Program, run_program
from node_ways import eager, graph

import tf_softpool as tsp

MOST = 2**31 - 1
X = np.ones((1, 4, 4, 1), "float32")
VOLUME = np.ones((1, 2, 2, 2, 1), "float32")
COUNTLESS = {"ksize": [MOST] * 3, "strides": [1] * 3, "padding": "ADAPTIVE"}
POSITIONS = np.array([0, 2, 0, 2], "int32")


def node(op, *inputs, **changes):
    """Returns a node of an op without parameters, with changed attributes."""
    rank = max(len(changes.get("ksize", [2, 2])), 1)
    plain = {
        "ksize": [2] * rank,
        "strides": [2] * rank,
        "padding": "VALID",
        "data_format": "NHWC",
        "T": "float",
    }
    kinds = {"padding": "string", "data_format": "string", "T": "type"}
    attributes = {k: Attribute(kinds.get(k, "list(int)"), v) for k, v in {**plain, **changes}.items()}
    return Node(f"Softpool>SumPool{op}", attributes, list(inputs), [None] * len(inputs))


CASES = {
    # A division by zero, as in TensorFlow Lite's poolings (CVE-2021-37684) and FractionalMaxPool
    # (CVE-2022-21735).
    "a stride of 0": (node("", X, strides=[0, 2]), "strides must be between 1"),
    "a stride of 0, gradient": (node("Grad", X, X[:, :2, :2], strides=[0, 2]), "strides must be between 1"),
    "a pool size of 0": (node("", X, ksize=[0, 2]), "ksize must be between 1"),
    "a pool size of 0, gradient": (node("Grad", X, X[:, :2, :2], ksize=[2, 0]), "ksize must be between 1"),
    "a negative pool size": (node("", X, ksize=[-1, 2]), "ksize must be between 1"),
    "a negative stride": (node("Grad", X, X[:, :2, :2], strides=[-2, 2]), "strides must be between 1"),
    "a pool size above 32 bits": (
        node("", X, ksize=[2**32 + 1, 2], padding="SAME"), "ksize must be between 1"),
    "the smallest stride": (node("", X, strides=[-(2**63), 1]), "strides must be between 1"),
    # TensorFlow ends the process if a shape has more elements than can be counted in 64 bits.
    "an output of more elements than can be counted": (
        node("", VOLUME, **COUNTLESS), "than can be counted"),
    "an empty output of lengths of more elements than can be counted": (
        node("", VOLUME[..., :0], **COUNTLESS), "than can be counted"),
    "a gradient for more elements than can be counted": (
        node("Grad", VOLUME, VOLUME, **COUNTLESS), "than can be counted"),
    # A read or write outside of a tensor, in gradients of average and max pooling.
    "a gradient that is too small": (node("Grad", X, X[:, :1, :1]), "grad must have shape"),
    "a gradient that is too large": (node("Grad", X, X), "grad must have shape"),
    "a gradient of another batch": (node("Grad", X, X[:0, :2, :2]), "grad must have shape"),
    "a gradient without elements": (node("Grad", X, X[:, :0, :0]), "grad must have shape"),
    "a gradient for an empty input": (node("Grad", X[:0], X[:, :2, :2]), "grad must have shape"),
    "a gradient of another rank": (node("Grad", X, X[0, :2, :2]), "grad must have shape"),
    "a scalar gradient": (node("Grad", X, X[0, 0, 0, 0]), "grad must have shape"),
    # A check that ended the process, for inputs of other ranks.
    "a scalar": (node("", X[0, 0, 0, 0]), "must have rank 4"),
    "a rank that is too small": (node("", X[0]), "must have rank 4"),
    "a rank that is too large": (node("", VOLUME), "must have rank 4"),
    "an empty list of pool sizes": (node("", X, ksize=[], strides=[]), "ksize must name"),
    "many pool sizes": (node("", X, ksize=[2] * 100, strides=[2] * 100), "ksize must name"),
    "lists of other lengths": (node("", X, strides=[2]), "strides must have as many"),
    "a window larger than the input": (node("", X, ksize=[5, 2]), "larger than the input"),
    "an empty input": (node("", X[:, :0]), "larger than the input"),
    # An index that the caller gives, as in gradients of max pooling with argmax and of fractional pooling.
    "a negative position": (node("At", X, POSITIONS - 1), "positions must rise"),
    "a position outside": (node("At", X, POSITIONS + 1), "positions must rise"),
    "the largest position": (node("AtGrad", X, POSITIONS + MOST - 2, X[:, :2, :2]), "positions must rise"),
    "repeated positions": (node("At", X, POSITIONS * 0), "positions must rise"),
    "too few positions": (node("At", X, POSITIONS[:1]), "positions must have shape"),
    "no positions": (node("At", X, POSITIONS[:0]), "positions must have shape"),
    "positions of another rank": (node("At", X, POSITIONS.reshape(2, 2)), "positions must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("way", [eager, graph, c_api])
@pytest.mark.parametrize("name", CASES)
def test_ops(name, way):
    subject, text = CASES[name]
    # Python raises a ValueError if a shape function finds an error while a graph is imported.
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)) as raised:
        way(subject)
    assert text in str(raised.value)


@pytest.mark.parametrize("name", [name for name, (_, text) in CASES.items() if "counted" not in text])
def test_programs(name):
    """The handlers check what the kernels check."""
    subject, text = CASES[name]
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        run_program(Program(subject, [([1, 2, 2, 1], "float")], subject.op))
    assert text in str(raised.value)


PROGRAMS = {
    "padding that no op has": (node("", X, padding="FULL"), {}, "padding must be one of"),
    "a data format that no op has": (node("", X, data_format="NCDHW"), {}, "data_format must be one of"),
    "32-bit lists": (node("", X), {"width": 32}, "attribute ksize is missing or has another type"),
    "a padding that is not UTF-8": (node("", X, padding="é"), {}, "padding must be one of"),
    "no attributes": (Node("Softpool>SumPool", {}, [X], [None]), {}, "attribute ksize is missing"),
    "no op": (node("", X), {"no op": True}, "attribute softpool_op is missing"),
    "an unknown op": (node("", X), {"op": "Nothing"}, "there is no op named Nothing"),
    "two values that look like one": (node("", X, padding="SAME', 'VALID"), {}, "padding must be one of"),
    "too many tensors": (node("", X, X), {}, "got 2 inputs instead of 1"),
    "no tensors": (node(""), {}, "got 0 inputs instead of 1"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_lie(name):
    subject, lies, text = PROGRAMS[name]
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        run_program(Program(subject, [([1, 2, 2, 1], "float")], "Softpool>SumPool", lies))
    assert text in str(raised.value)


# Layers of pool sizes and strides of 0 and below.
@pytest.mark.parametrize("argument", ["pool_size", "strides"])
@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_layers(rank, value, argument):
    layer = getattr(tsp.layers, f"SoftPooling{rank}D")
    with pytest.raises(ValueError, match=argument):
        layer(**{"pool_size": 2, argument: value})
