"""The derivatives of the compiled ops on JAX.

Of first order they are the kernels of the gradient ops. Of second order they are standard operations, so
they can be differentiated again, to any order. Only reverse mode is there: `jax.jvp` and `jax.jacfwd`
refuse the compiled ops. `tf_softpool.portable()` has forms for these.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from tf_softpool.ops.native.derivatives import at_positions, derivative_of
from tf_softpool.ops.native.jax.batching import mapped
from tf_softpool.ops.native.jax.calls import Call
from tf_softpool.ops.native.jax.manual_axes import like_input
from tf_softpool.ops.native.signatures import NAMESPACE, Signature, have_gradients

# What each gradient op computes, in standard operations, by the op's name.
_SEND_BACK: dict[str, Callable] = {}
# The ops' signatures, by their names.
SIGNATURES: dict[str, Signature] = {}


def register(name: str, portable: Callable | None = None, send_back: Callable | None = None) -> None:
    """Registers a pooling's gradient of second order: see `register` in `native/tensorflow/gradients.py`."""
    gradient_op = f"{NAMESPACE}{name}Grad"
    if send_back is None:
        assert portable is not None  # one of the two functions must be given
        send_back = derivative_of(portable, lambda: _have_gradients(SIGNATURES[gradient_op]))
    _SEND_BACK[gradient_op] = send_back
    _SEND_BACK[f"{NAMESPACE}{name}AtGrad"] = at_positions(send_back)


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def pool(call: Call, *tensors: Any) -> tuple:
    """Calls an op, and returns its outputs. They can be differentiated in reverse mode."""
    return mapped(call)(*tensors)


def _forward(call: Call, *tensors: Any) -> tuple[tuple, tuple]:
    return pool(call, *tensors), tensors


def _backward(call: Call, tensors: tuple, gradients: tuple) -> tuple:
    """Returns the gradient of each input, or None for an input that has none."""
    return tuple(map(like_input, _gradients(call, tensors, gradients), tensors))


def _gradients(call: Call, tensors: tuple, gradients: tuple) -> tuple:
    name = call.signature.name
    if name in _SEND_BACK:
        return _second_order(_SEND_BACK[name], call, tensors, gradients)
    signature = SIGNATURES[f"{name}Grad"]
    sent = iter(pool(Call(signature, call.attributes, call.present), *tensors, *gradients))
    pairs = zip(call.signature.inputs, _have_gradients(signature), strict=True)
    has = [has for tensor, has in pairs if call.present or not tensor.optional]
    return tuple(next(sent) if each else None for each in has)


pool.__wrapped__.defvjp(_forward, _backward)


def _have_gradients(signature: Signature) -> list[bool]:
    """Returns, for each input of a pooling, whether the op with this signature has its gradient."""
    return have_gradients(
        [tensor.name for tensor in signature.inputs], [tensor.name for tensor in signature.outputs]
    )


def _second_order(send_back: Callable, call: Call, tensors: tuple, gradients: tuple) -> tuple:
    names = [tensor.name for tensor in call.inputs()]
    real = [i for i, tensor in enumerate(tensors) if jnp.issubdtype(tensor.dtype, jnp.floating)]

    def sent(*values: Any) -> tuple:
        replaced = dict(zip(real, values, strict=True))
        given = {name: replaced.get(i, tensors[i]) for i, name in enumerate(names)}
        *inputs, gradient = [given.get(tensor.name) for tensor in call.signature.inputs]
        window, attributes = call.window()
        return tuple(send_back(*inputs, gradient, window, **attributes))

    _, back = jax.vjp(sent, *(tensors[i] for i in real))
    found = dict(zip(real, back(gradients), strict=True))
    return tuple(found.get(i) for i in range(len(tensors)))
