"""A call of a compiled op from a JAX program."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from tf_softpool.ops.native.jax.manual_axes import like_inputs
from tf_softpool.ops.native.signatures import WINDOWS, Signature, Tensor
from tf_softpool.ops.window import PoolWindow

# The name under which JAX knows our handlers.
TARGET = "tf_softpool"


@dataclass(frozen=True)
class Call:
    """A call of an op without its tensors, which JAX's transformations can compare.

    Attributes:
        signature: the op.
        attributes: names and values of all attributes. A list is a tuple.
        present: whether the op's optional input is there. True also if there is no such input.
    """

    signature: Signature
    attributes: tuple[tuple[str, Any], ...]
    present: bool

    @classmethod
    def of(cls, signature: Signature, arguments: dict[str, Any]) -> tuple["Call", list]:
        """Returns a call and its tensors, for the arguments of a function of TensorFlow's kind.

        Raises:
            TypeError: if arguments are missing, or there are others than the op takes.
        """
        left, present = {**signature.defaults, **arguments}, True
        tensors: list[Any] = []
        known = {*WINDOWS, *signature.attributes, *(tensor.name for tensor in signature.inputs)}
        if known != left.keys():
            wrong = sorted(known ^ left.keys())
            raise TypeError(f"{signature.name} has missing or unknown arguments: {', '.join(wrong)}.")
        for tensor in signature.inputs:
            value = left.pop(tensor.name)
            tensors += value if tensor.optional else [value]
            present &= not tensor.optional or bool(value)
        attributes = {name: tuple(v) if isinstance(v, list) else v for name, v in left.items()}
        return cls(signature, tuple(attributes.items()), present), tensors

    def inputs(self) -> list[Tensor]:
        """Returns what is said of the inputs that are there."""
        return [tensor for tensor in self.signature.inputs if self.present or not tensor.optional]

    def outputs(self) -> list[Tensor]:
        """Returns what is said of the outputs that are there."""
        return [tensor for tensor in self.signature.outputs if self.present or not tensor.optional]

    def window(self, positions: Any = None) -> tuple[PoolWindow, dict[str, Any]]:
        """Returns the windows of the call, and its other attributes."""
        others = dict(self.attributes)
        window = PoolWindow.of_attributes(**{name: others.pop(name) for name in WINDOWS})
        if positions is not None:
            window = window.placed(positions, window.strides)
        return window, others

    def results(self, tensors: Any) -> list[jax.ShapeDtypeStruct]:
        """Returns the shapes and types of the outputs for some inputs."""
        named = {tensor.name: value for tensor, value in zip(self.inputs(), tensors, strict=True)}
        x = tensors[0]
        window, _ = self.window(named.get("positions"))

        def result(output: Tensor) -> jax.ShapeDtypeStruct:
            if output.holds_parameters:
                like = named[self.signature.inputs[output.like].name]
                return jax.ShapeDtypeStruct(like.shape, like.dtype)
            shape = x.shape if output.role == "taps" else window.output_shape(x.shape)
            return jax.ShapeDtypeStruct(shape, x.dtype)

        return [result(output) for output in self.outputs()]

    def in_program(self) -> dict[str, Any]:
        """Returns the attributes as JAX passes them to a handler."""
        values = {name: _in_program(value) for name, value in self.attributes}
        if any(tensor.optional for tensor in self.signature.inputs):
            values["N"] = np.int64(self.present)
        return {"softpool_op": self.signature.name, **values}


def _in_program(value: Any) -> Any:
    if isinstance(value, tuple):
        return np.array(value, np.int64)
    if isinstance(value, bool | str):
        return value
    return np.int64(value) if isinstance(value, int) else np.float64(value)


def run(call: Call, *tensors: Any) -> tuple:
    """Calls the op's kernel, and returns its outputs."""
    function = jax.ffi.ffi_call(TARGET, tuple(call.results(tensors)))
    return like_inputs(function(*tensors, **call.in_program()), tensors)
