"""Valid nodes of every pooling that TensorFlow's registry has.

The registry says which inputs an op has, and their types. It says nothing of their shapes, so these are found
by trying: of the shapes that an input may have, one is right. A new pooling needs no line here.
"""

import functools
import itertools
import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import tensorflow as tf
from node import TYPES, Attribute, Node
from node_ways import eager
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

import tf_softpool  # noqa: F401 (the ops)

FLOATS = ("half", "bfloat16", "float", "double")
# The roles that an input of a type may have: see `softpool/engine/op.h`.
ROLES = {"T": ("taps", "windows"), "U": ("channels", "ranks", "places", "centre"), "": ("seed", "positions")}


@dataclass(frozen=True)
class Layout:
    """The sizes of a valid call."""

    batch: int
    spatial: tuple
    channels: int
    ksize: tuple
    strides: tuple
    padding: str
    data_format: str

    def shape(self, spatial):
        """Returns the shape of a tensor with these spatial sizes."""
        if self.data_format == "NCHW":
            return (self.batch, self.channels, *spatial)
        return (self.batch, *spatial, self.channels)

    def outputs(self, placed=False):
        """Returns the number of windows along each axis."""
        if self.padding == "ADAPTIVE":
            return self.ksize
        strides = (1,) * len(self.spatial) if placed else self.strides
        out = [
            -(-n // s) if self.padding == "SAME" else (n - k) // s + 1
            for n, k, s in zip(self.spatial, self.ksize, strides, strict=True)
        ]
        return tuple(-(-n // s) for n, s in zip(out, self.strides, strict=True)) if placed else tuple(out)

    def shape_of(self, role, placed):
        """Returns the shape of an input with a role."""
        return {
            "taps": self.shape(self.spatial),
            "windows": self.shape(self.outputs(placed)),
            "channels": (self.channels,),
            "ranks": (min(3, math.prod(self.ksize)),),
            "places": (math.prod(self.ksize), self.channels),
            "centre": (3 ** len(self.spatial), self.channels),
            "seed": (2,),
            "positions": (sum(self.outputs(placed)),),
        }[role]


@functools.cache
def op_defs():
    """Returns the definitions of all ops of ours, by name."""
    ops = op_def_pb2.OpList()
    buffer = pywrap_tf_session.TF_GetAllOpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(buffer))
    return {op.name: op for op in sorted(ops.op, key=lambda op: op.name) if op.name.startswith("Softpool>")}


def is_placed(op):
    """Returns whether an op takes the positions of its windows."""
    return any(argument.name == "positions" for argument in op.input_arg)


@functools.cache
def roles(name):
    """Returns the roles of an op's inputs, found by trying which shapes it takes."""
    op = op_defs()[name]
    layout = Layout(2, (7, 6), 5, (2, 2), (2, 1), "VALID", "NHWC")
    for found in itertools.product(*(ROLES[argument.type_attr] for argument in op.input_arg)):
        node = _node(np.random.default_rng(0), op, layout, found, "float", count=1)
        if found[0] != "taps":
            continue
        try:
            eager(node)
        except tf.errors.InvalidArgumentError:
            continue
        return found
    raise AssertionError(f"no shapes were found that {name} takes")


def _values(random, role, shape, dtype, layout, placed):
    if role == "seed":
        return random.integers(-9, 9, 2).astype("int32")
    if role == "positions":
        out = layout.outputs(placed)
        rooms = [n if layout.padding == "SAME" else n - k + 1
                 for n, k in zip(layout.spatial, layout.ksize, strict=True)]  # fmt: skip
        chosen = [np.sort(random.choice(room, n, replace=False)) for room, n in zip(rooms, out, strict=True)]
        return np.concatenate(chosen).astype("int32")
    parameter = role not in ("taps", "windows")
    values = random.uniform(1, 3, shape) if parameter else random.normal(0, 2, shape)
    return values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else TYPES[dtype])


def _node(random, op, layout, found, dtype, count):
    placed, wide = is_placed(op), "double" if dtype == "double" else "float"
    inputs = []
    for argument, role in zip(op.input_arg, found, strict=True):
        if argument.number_attr and not count:
            continue
        of = wide if argument.type_attr == "U" else dtype
        inputs.append(_values(random, role, layout.shape_of(role, placed), of, layout, placed))
    attributes = {}
    for attr in op.attr:
        value = {
            "ksize": list(layout.ksize), "strides": list(layout.strides), "padding": layout.padding,
            "data_format": layout.data_format, "T": dtype, "U": wide, "N": count,
        }.get(attr.name)  # fmt: skip
        attributes[attr.name] = Attribute(attr.type, _any_value(random, attr) if value is None else value)
    return Node(op.name, attributes, inputs, [None] * len(inputs))


def _any_value(random, attr):
    """Returns an allowed value of an attribute that only some poolings have."""
    if attr.allowed_values.list.s:
        return random.choice([s.decode() for s in attr.allowed_values.list.s]).item()
    return {"bool": bool(random.integers(2)), "int": 1, "float": 1.0, "list(int)": [1], "string": ""}[
        attr.type
    ]


def _layout(random, op, found):
    placed, rank = is_placed(op), int(random.choice([1, 2, 2, 2, 3]))
    paddings = ["VALID", "SAME"] + ([] if placed or "places" in found else ["ADAPTIVE"])
    padding = random.choice(paddings).item()
    spatial = tuple(random.integers(1, 9 - rank, rank).tolist())
    largest = np.minimum(spatial, 4) if padding == "VALID" else 4
    return Layout(
        batch=int(random.choice([0, 1, 1, 2, 3])),
        spatial=spatial,
        channels=int(random.choice([0, 1, 2, 3, 5, 17], p=[0.02, 0.2, 0.2, 0.38, 0.1, 0.1])),
        ksize=tuple(random.integers(1, largest, rank, endpoint=True).tolist()),
        strides=tuple(random.integers(1, 4, rank).tolist()),
        padding=padding,
        data_format=random.choice(["NHWC", "NCHW"]).item(),
    )


def valid(random, name=None):
    """Returns a valid node of small size, of a given op or of any."""
    name = name or random.choice(list(op_defs())).item()
    op, found = op_defs()[name], roles(name)
    count = int(random.integers(2))
    return _node(random, op, _layout(random, op, found), found, random.choice(FLOATS).item(), count)
