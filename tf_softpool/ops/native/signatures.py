"""What the compiled ops take and give, as the kernels' library describes them."""

import ctypes
import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAMESPACE = "Softpool>"
# The attributes that describe a `PoolWindow`.
WINDOWS = ("ksize", "strides", "padding", "data_format")
_OF_WINDOWS = {"data_format": "NHWC"}
_PARAMETERS = ("channels", "ranks", "places")
_VALUES = ("taps", "windows")


@dataclass(frozen=True)
class Tensor:
    """A tensor that an op takes or gives.

    Attributes:
        name: the argument's name.
        role: what the tensor holds, as `Role` in `engine/op.h` says.
        optional: whether the argument is a list of one tensor or none.
        like: for an output that holds parameters, the index of the input that has its shape.
    """

    name: str
    role: str
    optional: bool = False
    like: int = 0

    @property
    def holds_values(self) -> bool:
        """Whether there is a value for each position or window of each image."""
        return self.role in _VALUES

    @property
    def holds_parameters(self) -> bool:
        """Whether there are parameters that all images share."""
        return self.role in _PARAMETERS


@dataclass(frozen=True, eq=False)
class Signature:
    """An op. Two signatures are equal only if they are the same object.

    Attributes:
        name: the op's name with its namespace.
        inputs: the tensors that the op takes.
        outputs: the tensors that the op gives.
        attributes: the types of the op's attributes, in TensorFlow's notation, by their names.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    attributes: dict[str, str]

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """The values of the attributes that have a default."""
        given = {name: text.partition(" = ")[2] for name, text in self.attributes.items()}
        return {**_OF_WINDOWS, **{name: _value(text) for name, text in given.items() if text}}


def _value(text: str) -> Any:
    """Returns the value that TensorFlow's notation writes so."""
    return json.loads(text.replace("'", '"'))


def read(kernels: ctypes.CDLL) -> dict[str, Signature]:
    """Returns the signatures of all ops that the library of kernels knows now, by their names."""
    describe = kernels.tf_softpool_describe_ops
    describe.restype = ctypes.c_char_p
    found = {}
    for op in json.loads(describe().decode()):
        op["inputs"] = tuple(Tensor(**tensor) for tensor in op["inputs"])
        op["outputs"] = tuple(Tensor(**tensor) for tensor in op["outputs"])
        op["attributes"] = {each["name"]: each["type"] for each in op["attributes"]}
        found[op["name"]] = Signature(**op)
    return found


def have_gradients(inputs: Sequence[str], outputs: Sequence[str]) -> list[bool]:
    """Returns, for each input of a pooling, whether the gradient op has its gradient.

    Args:
        inputs: the names of the gradient op's inputs. The last is the gradient of the pooling's output.
        outputs: the names of the gradient op's outputs.
    """
    names = set(outputs)
    # Sorted pooling calls the gradient of its logits by another name.
    names |= {"rank_logits_grad"} if "rank_grad" in names else set()
    return [True, *(f"{name}_grad" in names for name in inputs[1:-1])]


def function_name(op: str) -> str:
    """Returns the name that TensorFlow gives to an op's function in a loaded library."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^>])(?=[A-Z][a-z])", "_", op).replace(">", "_").lower()
