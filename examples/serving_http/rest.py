"""The JSON of TensorFlow Serving's REST interface: turns requests into arrays, and arrays into answers."""

import base64
import json
from itertools import chain

import numpy as np

SIGNATURE = "serving_default"
# The Python types of the JSON values that an input may have, by the kind of its NumPy type. bfloat16 has kind
# V, and strings have kind O.
_NUMBERS = {int, float}
_VALUES = {"b": {bool}, "i": {int}, "u": {int}, "f": _NUMBERS, "V": _NUMBERS, "O": {str, dict}}
_NAMES = {bool: "true or false", int: "a number", float: "a number with a fraction or an exponent"}
_NAMES |= {str: "a string", list: "a list", dict: "an object", type(None): "null"}


def read_request(body, inputs):
    """Reads the body of a predict request.

    Args:
        body: bytes, the body.
        inputs: dict of input names to objects with a `dtype` and a `shape`.

    Returns:
        A dict of names to arrays, and a bool: True if the request has rows, in `instances`, and False if it
        has columns, in `inputs`.

    Raises:
        ValueError: if the request is wrong. The message says what is wrong with it.
    """
    request = _parse(body)
    if not isinstance(request, dict):
        raise ValueError("The body is not a JSON object.")
    signature = request.get("signature_name", SIGNATURE)
    if signature != SIGNATURE:
        raise ValueError(f"There is no signature {signature!r}: the model is served with {SIGNATURE!r}.")
    in_rows = "instances" in request
    if in_rows == ("inputs" in request):
        raise ValueError("The body needs one of the keys 'instances' and 'inputs'.")
    if in_rows:
        columns = _columns(request["instances"], inputs)
    else:
        columns = _by_name(request["inputs"], inputs, "'inputs'")
    return {name: _array(name, columns[name], info) for name, info in inputs.items()}, in_rows


def _parse(body):
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"The body is not JSON in UTF-8: {error}") from error


def _no_constant(name):
    raise ValueError(f"{name} is not a JSON number.")


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"An object has a key twice, of the keys {[key for key, _ in pairs]}.")
    return found


def _columns(instances, inputs):
    """Turns rows into columns: a list of values for each input."""
    if not isinstance(instances, list) or not instances:
        raise ValueError("'instances' is not a list of one row or more.")
    if len(inputs) == 1 and dict not in set(map(type, instances)):
        return dict.fromkeys(inputs, instances)
    rows = [_by_name(row, inputs, f"Row {i} of 'instances'") for i, row in enumerate(instances)]
    return {name: [row[name] for row in rows] for name in inputs}


def _by_name(value, inputs, what):
    """Returns the value for each input, by name. The value of an only input may come without its name."""
    if len(inputs) == 1 and not (isinstance(value, dict) and value.keys() != {"b64"}):
        return dict.fromkeys(inputs, value)
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object with the inputs {sorted(inputs)}.")
    if value.keys() != inputs.keys():
        raise ValueError(f"{what} has the inputs {sorted(value)}, the model takes {sorted(inputs)}.")
    return value


def _array(name, value, info):
    """Turns nested lists into an array of the input's type."""
    flat, shape = _flatten(name, value)
    dtype = np.dtype(object if info.dtype == "string" else info.dtype)
    # NumPy would turn true into a number, and a number beside a string into a string.
    foreign = set(map(type, flat)) - _VALUES.get(dtype.kind, set())
    if foreign:
        place = next(i for i, element in enumerate(flat) if type(element) in foreign)
        index = [int(i) for i in np.unravel_index(place, shape)]
        raise ValueError(f"The input {name!r} is {info}, but has {_NAMES[type(flat[place])]} at {index}.")
    if info.dtype == "string":
        flat = [_string_bytes(element) for element in flat]
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype)
        in_range = dtype.kind not in "fV" or np.isfinite(array).all()
    except OverflowError:
        in_range = False
    if not in_range:
        raise ValueError(f"The input {name!r} is {info}, but has a number beyond the range of {info.dtype}.")
    return array.reshape(shape)


def _flatten(name, value):
    """Returns the elements of nested lists as one list, and the shape of the nested lists."""
    flat, shape = [value], []
    while flat and isinstance(flat[0], list):
        lengths = {len(element) if isinstance(element, list) else None for element in flat}
        if len(lengths) > 1:
            raise ValueError(f"The lists of the input {name!r} differ in length or in depth.")
        shape += lengths
        flat = list(chain.from_iterable(flat))
    return flat, shape


def _string_bytes(value):
    if isinstance(value, str):
        return value.encode()
    if value.keys() != {"b64"} or not isinstance(value["b64"], str):
        raise ValueError('An object instead of a string must be {"b64": "..."}, with base64 in it.')
    return base64.b64decode(value["b64"], validate=True)


def check_rows(outputs):
    """Raises a ValueError if outputs cannot be cut into rows."""
    shapes = {name: array.shape for name, array in outputs.items()}
    if () in shapes.values() or len({shape[0] for shape in shapes.values()}) > 1:
        raise ValueError(f"The outputs have no rows in common, {shapes}: ask with 'inputs' to get columns.")


def write_answer(outputs, in_rows):
    """Returns the body of the answer: `predictions` in rows, or `outputs` in columns."""
    columns = {name: _json_values(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        (values,) = columns.values()
    elif in_rows:
        values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    else:
        values = columns
    return json.dumps({"predictions" if in_rows else "outputs": values}, allow_nan=False).encode()


def _json_values(name, array):
    """Turns an array into nested lists. NaN and infinities become strings, as in Protocol Buffers' JSON."""
    if array.dtype.kind in "OSU":
        write = _base64 if name.endswith("_bytes") else _text
        return np.frompyfunc(write, 1, 1)(array.astype(object)).tolist()
    if array.dtype.kind not in "fV" or np.isfinite(array).all():
        return array.tolist()
    values = array.astype(float).astype(object)
    values[np.isnan(array)] = "NaN"
    values[array == np.inf] = "Infinity"
    values[array == -np.inf] = "-Infinity"
    return values.tolist()


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}


def describe(name, inputs, outputs):
    """Returns the answer to a metadata request, as a dict."""
    signature = {
        "inputs": {name: _tensor_info(name, info) for name, info in inputs.items()},
        "outputs": {name: _tensor_info(name, info) for name, info in outputs.items()},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": "1"},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


_DTYPES = {"float16": "DT_HALF", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}


def _tensor_info(name, info):
    lengths = [str(-1 if length is None else length) for length in info.shape or ()]
    return {
        "dtype": _DTYPES.get(info.dtype, f"DT_{info.dtype.upper()}"),
        "tensor_shape": {
            "dim": [{"size": length, "name": ""} for length in lengths],
            "unknown_rank": info.shape is None,
        },
        "name": name,
    }
