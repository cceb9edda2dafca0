"""Nodes of a graph as plain data: an op's name, attributes of any kind, and inputs of any shape and type."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tensorflow.core.framework import attr_value_pb2, node_def_pb2, types_pb2

# The names that attributes have for types.
TYPES = {
    "half": "float16",
    "bfloat16": "bfloat16",
    "float": "float32",
    "double": "float64",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "bool": "bool",
    "complex64": "complex64",
    "string": "object",
}


@dataclass(frozen=True)
class Attribute:
    """A value of any kind, also of one that the op does not take.

    Attributes:
        kind: string, `"int"`, `"float"`, `"bool"`, `"string"`, `"type"` or `"shape"`, or a list of one of
            these such as `"list(int)"`.
        value: the value, or a list. A type is its name in `TYPES`.
    """

    kind: str
    value: Any

    def proto(self):
        """Returns the value as TensorFlow writes it into graphs."""
        value = attr_value_pb2.AttrValue()
        if self.kind.startswith("list("):
            value.list.SetInParent()
            for item in self.value:
                _add(value.list, self.kind[5:-1], item)
        elif self.kind == "shape":
            for size in self.value:
                value.shape.dim.add(size=size)
        else:
            setattr(value, {"int": "i", "float": "f", "bool": "b", "string": "s", "type": "type"}[self.kind],
                    _plain(self.kind, self.value))  # fmt: skip
        return value


def _plain(kind, value):
    if kind == "string":
        return value.encode()
    return getattr(types_pb2, f"DT_{value.upper()}") if kind == "type" else value


def _add(values, kind, item):
    name = {"int": "i", "float": "f", "bool": "b", "string": "s", "type": "type"}[kind]
    getattr(values, name).append(_plain(kind, item))


@dataclass
class Node:
    """One call of an op.

    Attributes:
        op: string, the op's name with its namespace.
        attributes: dict of `Attribute` by name.
        inputs: list of arrays. A list of tensors has its tensors here, one after the other.
        declared: list of the shapes that a graph declares for the inputs. None declares nothing. Other shapes
            may be wrong.
        changes: list of strings, what was done to a valid node.
    """

    op: str
    attributes: dict
    inputs: list
    declared: list = field(default_factory=list)
    changes: list = field(default_factory=list)

    def node_def(self, name="node"):
        """Returns the node as TensorFlow writes it into graphs. Its inputs are called `input_0` and so on."""
        node = node_def_pb2.NodeDef(name=name, op=self.op)
        node.input.extend(f"input_{i}" for i in range(len(self.inputs)))
        for key, attribute in self.attributes.items():
            node.attr[key].CopyFrom(attribute.proto())
        return node

    def get(self, name, default=None):
        """Returns an attribute's value."""
        return self.attributes[name].value if name in self.attributes else default

    def set(self, name, value):
        """Sets the value of an attribute, which keeps its kind."""
        self.attributes[name] = Attribute(self.attributes[name].kind, value)

    def __str__(self):
        attributes = ", ".join(f"{k}={a.value!r} ({a.kind})" for k, a in self.attributes.items())
        inputs = ", ".join(
            f"{v.dtype.name}{list(v.shape)}" + (f"={v.ravel().tolist()}" if 0 < v.size <= 6 else "")
            for v in self.inputs
        )
        declared = f" declared as {self.declared}" if any(d is not None for d in self.declared) else ""
        return f"{self.op}({inputs}{declared}; {attributes}), {'; '.join(self.changes) or 'unchanged'}"


def type_name(array):
    """Returns the name that an attribute has for an array's type."""
    return next(name for name, numpy in TYPES.items() if numpy == array.dtype.name)


def data_type(array):
    """Returns the number that TensorFlow has for an array's type."""
    return getattr(types_pb2, f"DT_{type_name(array).upper()}")


def zeros(shape, name):
    """Returns an array of a type that is named as in attributes."""
    if name == "string":
        return np.full(shape, b"text", object)
    return np.zeros(shape, _numpy(name))


def _numpy(name):
    import ml_dtypes

    return ml_dtypes.bfloat16 if name == "bfloat16" else TYPES[name]
