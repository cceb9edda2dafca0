"""What models of Keras 2 compute and Keras 3 lacks. It is registered, so the models can be saved."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

from tf_softpool.rewriting.keras_2.errors import Keras2Error

# The functions of TensorFlow that a file may name: those that only compute. Others may read or write files,
# or run code.
_MODULES = "__operators__|math|nn|linalg|bitwise|signal|strings|image|random|keras.activations|keras.backend"
_FUNCTIONS = (
    "abs|add|add_n|argmax|argmin|argsort|boolean_mask|broadcast_to|cast|clip_by_norm|clip_by_value|concat"
    "|convert_to_tensor|cos|cosh|cumsum|divide|einsum|ensure_shape|equal|exp|expand_dims|eye|fill|floor|floordiv|gather"
    "|gather_nd|greater|greater_equal|identity|less|less_equal|logical_and|logical_not|logical_or|matmul"
    "|maximum|meshgrid|minimum|mod|multiply|negative|norm|not_equal|one_hot|ones|ones_like|pad|pow|range|rank"
    "|realdiv|repeat|reduce_all|reduce_any|reduce_logsumexp|reduce_max|reduce_mean|reduce_min|reduce_prod"
    "|reduce_sum|reshape|reverse|roll|round|scalar_mul|sequence_mask|shape|sigmoid|sign|sin|sinh|size|slice"
    "|softmax|sort|split|sqrt|square|squeeze|stack|stop_gradient|strided_slice|subtract|tan|tanh|tensordot"
    "|tile|transpose|truediv|truncatediv|unstack|where|zeros|zeros_like"
)
_COMPUTES = re.compile(rf"(compat\.v1\.)?((?:{_MODULES})\.[a-z]\w*|{_FUNCTIONS})")


# Keras 3.5 takes a registered function with the name of one of its own for its own.
@keras.saving.register_keras_serializable(package="tf_softpool", name="keras_2_hard_sigmoid")
def keras_2_hard_sigmoid(x: Any) -> Any:
    """Computes the hard sigmoid of Keras 2, `max(0, min(1, 0.2 x + 0.5))`. Keras 3 has `relu6(x + 3) / 6`."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


# Activations that compute something else in Keras 3.
ACTIVATIONS = {"hard_sigmoid": keras_2_hard_sigmoid}


@keras.saving.register_keras_serializable(package="tf_softpool")
class MaskedConcatenate(keras.layers.Concatenate):
    """Concatenates as Keras 2 does: a step is masked if it is masked in any of the inputs.

    In Keras 3 a step is masked only if it is masked in all of them. An input without a mask drops the mask.
    """

    def compute_mask(self, inputs: Sequence[Any], mask: Any = None) -> Any:
        """Returns the mask of the output, or None if no input has one."""
        if mask is None or all(each is None for each in mask):
            return None
        return JoinedMask(self.axis)(list(inputs), list(mask))


@keras.saving.register_keras_serializable(package="tf_softpool")
class JoinedMask(keras.Operation):
    """The mask of `MaskedConcatenate`, as a node of a Functional model with a name of its own.

    Args:
        axis: int. The axis that is concatenated along.
        name: str. The operation's name.
    """

    def __init__(self, axis: int, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = axis

    def call(self, inputs: Sequence[Any], masks: Sequence[Any]) -> Any:
        """Returns which steps no mask leaves out."""
        parts = [_mask_of(x, each) for x, each in zip(inputs, masks, strict=True)]
        return keras.ops.all(keras.ops.concatenate(parts, axis=self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"axis": self.axis, "name": self.name}


def _mask_of(x: Any, mask: Any) -> Any:
    """Returns a mask as a tensor that can be concatenated as the tensor is."""
    if mask is None:
        return keras.ops.ones_like(x, dtype="bool")
    mask = keras.ops.cast(mask, "bool")
    return keras.ops.expand_dims(mask, -1) if len(mask.shape) < len(x.shape) else mask


@keras.saving.register_keras_serializable(package="tf_softpool")
class TensorFlowFunction(keras.Operation):
    """A function of TensorFlow in a Functional model, which is a layer `TFOpLambda` in Keras 2.

    It runs on Keras's TensorFlow backend only.

    Args:
        function: str. The function's name in TensorFlow's public interface, such as `"math.multiply"` or
            `"__operators__.getitem"`.
        name: str. The operation's name.

    Raises:
        Keras2Error: if the function may do more than compute, or TensorFlow does not have it.
    """

    def __init__(self, function: str, name: str | None = None) -> None:
        super().__init__(name=name)
        self.function = function
        self._call = _function_of(function)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function. A number in the place of the first tensor becomes a tensor, as in Keras 2."""
        if args and isinstance(args[0], int | float) and not isinstance(args[0], bool):
            args = (keras.ops.convert_to_tensor(args[0]), *args[1:])
        if self.function.endswith("__operators__.getitem"):
            args = tuple(_with_slices(each) for each in args)
            kwargs = {name: _with_slices(value) for name, value in kwargs.items()}
        return self._call(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"function": self.function, "name": self.name}


def _function_of(name: str) -> Callable[..., Any]:
    if not _COMPUTES.fullmatch(name):
        raise Keras2Error(f"it calls TensorFlow's function {name!r}, which may do more than compute.")
    # Keras's other backends do without TensorFlow.
    import tensorflow as tf

    try:
        found: Callable[..., Any] = functools.reduce(getattr, name.split("."), tf)
    except AttributeError as error:
        raise Keras2Error(f"it calls TensorFlow's function {name!r}, which this TensorFlow lacks.") from error
    return found


def _with_slices(value: Any) -> Any:
    """Returns indices with each description of a slice exchanged for the slice."""
    if isinstance(value, dict):
        return slice(value["start"], value["stop"], value["step"])
    return [_with_slices(each) for each in value] if isinstance(value, list | tuple) else value
