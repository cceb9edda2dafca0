"""Changes that make a valid node nearly valid, and hostile nodes of random extremes. All are seeded."""

import numpy as np
from node import TYPES, Attribute, type_name, zeros
from node_ops import op_defs, valid

SIZES = (0, -1, 1, 2, 3, 7, 1000, 2**16, 2**31 - 1, 2**31, 2**32 + 1, 2**62, 2**63 - 1, -(2**31), -(2**63))
STRINGS = ("SAME", "VALID", "ADAPTIVE", "NHWC", "NCHW", "exact", "softmax", "none",
           "FULL", "EXPLICIT", "valid", "", "NHWC\0", 'a", b = "', "SAME', 'VALID", "NCHW_VECT_C", "é",
           "x" * 5000)  # fmt: skip
FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -3.0, 1e38, -1e38)
KINDS = {
    "int": 2, "float": 2.5, "bool": True, "string": "VALID", "type": "float", "shape": [2, 2],
    "list(int)": [2, 2], "list(float)": [2.0, 2.0], "list(string)": ["a"], "list(type)": ["float"],
    "list(bool)": [True],
}  # fmt: skip


def _pick(random, values):
    return values[random.integers(len(values))]


def _lists(node):
    return [name for name, attribute in node.attributes.items() if attribute.kind == "list(int)"]


def _number_in_a_list(random, node):
    name = _pick(random, _lists(node))
    values = list(node.get(name))
    values[random.integers(len(values))] = _pick(random, SIZES)
    node.set(name, values)
    return f"{name} is {values}"


def _length_of_a_list(random, node):
    name = _pick(random, _lists(node))
    values = list(node.get(name))
    values = values[:-1] if random.integers(2) else values + [1] * _pick(random, (1, 2, 100))
    node.set(name, values)
    return f"{name} has {len(values)} values"


def _string(random, node):
    name = _pick(random, [k for k, a in node.attributes.items() if a.kind == "string"])
    node.set(name, _pick(random, STRINGS))
    return f"{name} is another string"


def _kind(random, node):
    name, kind = _pick(random, list(node.attributes)), _pick(random, list(KINDS))
    node.attributes[name] = Attribute(kind, KINDS[kind])
    return f"{name} is of kind {kind}"


def _missing(random, node):
    name = _pick(random, list(node.attributes))
    del node.attributes[name]
    return f"{name} is missing"


def _unknown(random, node):
    name, kind = (
        _pick(random, ("explicit_paddings", "dilations", "_private", "ksize ")),
        _pick(random, list(KINDS)),
    )
    node.attributes[name] = Attribute(kind, KINDS[kind])
    return f"there is an attribute {name}"


def _type(random, node):
    name = _pick(random, [k for k, a in node.attributes.items() if a.kind == "type"])
    node.set(name, _pick(random, list(TYPES)))
    return f"{name} is {node.get(name)}"


def _type_of_all(random, node):
    """A graph that agrees with itself, but has a type that the op does not allow."""
    old, new = node.get("T"), _pick(random, list(TYPES))
    node.attributes["T"] = Attribute("type", new)
    for i, value in enumerate(node.inputs):
        if value.dtype == zeros((), old).dtype:
            node.inputs[i] = zeros(value.shape, new)
    return f"T and its tensors are {new}"


def _count(random, node):
    if "N" not in node.attributes:
        return _number_in_a_list(random, node)
    # A larger number makes TensorFlow itself make a list of so many types.
    node.attributes["N"] = Attribute("int", _pick(random, (0, 1, 2, 3, -1, -(2**63))))
    return f"N is {node.get('N')}"


def _shape(random, node):
    i = random.integers(len(node.inputs))
    shape = list(node.inputs[i].shape)
    at = random.integers(len(shape)) if shape else 0
    sort = _pick(random, ("less", "more", "none", "drop", "add", "scalar", "turned", "much"))
    if sort in ("less", "more", "none", "much") and shape:
        shape[at] = {"less": max(shape[at] - 1, 0), "more": shape[at] + 1, "none": 0, "much": 999}[sort]
    elif sort == "drop" and shape:
        del shape[at]
    elif sort == "turned":
        shape = shape[::-1]
    else:
        shape = [] if sort == "scalar" else [*shape[:at], 1, *shape[at:]]
    old = node.inputs[i]
    node.inputs[i] = np.resize(old, shape).astype(old.dtype) if old.size else zeros(shape, type_name(old))
    return f"input {i} has shape {shape}"


def _nothing_of_much(random, node):
    """Tensors without elements may have lengths that no memory holds."""
    i = random.integers(len(node.inputs))
    shape = list(node.inputs[i].shape) or [1]
    at = random.integers(len(shape))
    shape[at] = 0
    shape[at - 1] = _pick(random, (2**31, 2**33, 2**40, 2**55)) if len(shape) > 1 else 0
    node.inputs[i] = np.zeros(shape, node.inputs[i].dtype)
    return f"input {i} has shape {shape}"


def _input_type(random, node):
    i, name = random.integers(len(node.inputs)), _pick(random, list(TYPES))
    node.inputs[i] = zeros(node.inputs[i].shape, name)
    return f"input {i} is of type {name}"


def _inputs(random, node):
    i = random.integers(len(node.inputs))
    sort = _pick(random, ("dropped", "doubled", "swapped"))
    if sort == "dropped":
        del node.inputs[i]
    elif sort == "doubled":
        node.inputs.insert(i, node.inputs[i])
    else:
        node.inputs[i], node.inputs[-1] = node.inputs[-1], node.inputs[i]
    return f"input {i} is {sort}"


def _whole_numbers(random, node):
    at = [i for i, v in enumerate(node.inputs) if v.dtype == np.int32 and v.size]
    if not at:
        return _values(random, node)
    i = _pick(random, at)
    values = np.array(node.inputs[i])
    value = _pick(random, (-1, 0, 1, 2, 100, 2**31 - 1, -(2**31)))
    values.flat[random.integers(values.size)] = value
    if not random.integers(3):
        values = values.ravel()[::-1].reshape(values.shape).copy()
    node.inputs[i] = values
    return f"input {i} has the number {value}"


def _values(random, node):
    at = [i for i, v in enumerate(node.inputs) if v.dtype.kind not in "iubcO" and v.size]
    if not at:
        return _shape(random, node)
    i = _pick(random, at)
    values = np.array(node.inputs[i])
    share = values.flat[:: int(random.integers(1, 4))]
    with np.errstate(all="ignore"):
        values.flat[:: max(1, values.size // max(1, share.size))] = np.array(_pick(random, FLOATS)).astype(
            values.dtype
        )
    node.inputs[i] = values
    return f"input {i} has special values"


def _declared(random, node):
    i = random.integers(len(node.inputs))
    shape = list(node.inputs[i].shape)
    if random.integers(2) and shape:
        shape[random.integers(len(shape))] = _pick(random, (-1, 0, 1, 2**20, 2**40, 2**62, 2**63 - 1))
    node.declared[i] = shape
    return f"the graph declares that input {i} has shape {shape}"


CHANGES = (_number_in_a_list, _number_in_a_list, _length_of_a_list, _string, _kind, _missing, _unknown, _type,
           _type_of_all, _count, _shape, _shape, _nothing_of_much, _input_type, _inputs, _whole_numbers,
            _whole_numbers,
           _values, _values, _declared)  # fmt: skip


def _change(random, node, count):
    for _ in range(count):
        change = _pick(random, CHANGES)
        try:
            node.changes.append(change(random, node))
        except (IndexError, KeyError, ValueError, TypeError, MemoryError):
            continue  # an earlier change left nothing that this one could change
        node.declared = (node.declared + [None] * 9)[: len(node.inputs)]


def _hostile(random, node):
    """Replaces every number of a node."""
    for name in _lists(node):
        length = int(_pick(random, (0, 1, 2, 2, 3, 3, 4, 100)))
        node.set(name, [int(_pick(random, SIZES)) for _ in range(length)])
    if random.integers(2):  # lists that agree, so that later checks are reached
        node.set("strides", [int(_pick(random, SIZES)) for _ in node.get("ksize")])
    if random.integers(2):
        ones = [int(n) for n in random.integers(1, 3, len(node.get("ksize")))]
        node.set("ksize", ones) if random.integers(2) else node.set("strides", ones)
    node.changes.append("all numbers are random")
    _change(random, node, int(random.integers(0, 4)))


def node_of(seed, op=None):
    """Returns the node of a seed: valid, nearly valid or hostile.

    One of ten nodes is valid. Two of the others are hostile for every five that are nearly valid.
    """
    random = np.random.default_rng(seed)
    node = valid(random, op or _pick(random, list(op_defs())))
    sort = random.random()
    if sort < 0.65:
        _change(random, node, int(random.integers(0 if sort < 0.1 else 1, 4)) if sort >= 0.1 else 0)
    elif sort < 0.7:
        for i in range(len(node.inputs)):
            node.declared[i] = list(node.inputs[i].shape)
    else:
        _hostile(random, node)
    return node
