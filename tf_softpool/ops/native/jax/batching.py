"""Calls under `jax.vmap`. The mapped axis becomes a part of the batch, if results are the same then."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import numpy as jnp

from tf_softpool.ops.native.jax.calls import Call
from tf_softpool.ops.native.jax.partitioning import divided


@functools.cache
def mapped(call: Call) -> Callable:
    """Returns a function that calls an op with tensors, and that `jax.vmap` can map."""

    @jax.custom_batching.custom_vmap
    def function(*tensors: Any) -> tuple:
        return divided(call)(*tensors)

    @function.def_vmap
    def over_axis(size: int, is_mapped: Sequence[bool], *tensors: Any) -> tuple:
        over = _in_batch if _fits_in_batch(call, is_mapped) else _one_by_one
        results = over(call, size, is_mapped, tensors)
        return results, (True,) * len(results)

    return function


def _fits_in_batch(call: Call, is_mapped: Sequence[bool]) -> bool:
    """Returns whether the images of all calls can be pooled as one batch.

    They cannot if the calls have parameters of their own, if a result is a sum over the images of a call, or
    if what is drawn depends on an image's place in the batch.
    """
    sums = any(output.holds_parameters for output in call.outputs())
    own = [tensor for tensor, is_own in zip(call.inputs(), is_mapped, strict=True) if is_own]
    draws = any(tensor.role == "seed" for tensor in call.inputs())
    return not sums and not draws and all(tensor.holds_values for tensor in own)


def _in_batch(call: Call, size: int, is_mapped: Sequence[bool], tensors: Sequence) -> tuple:
    """Calls an op once, with the mapped axis and the batch as one axis."""
    images = tensors[0].shape[1 if is_mapped[0] else 0]

    def as_batch(tensor: Any, is_own: bool) -> Any:
        every = tensor if is_own else jnp.broadcast_to(tensor, (size, *tensor.shape))
        return every.reshape(size * images, *every.shape[2:])

    triples = zip(call.inputs(), tensors, is_mapped, strict=True)
    results = mapped(call)(*(as_batch(t, own) if spec.holds_values else t for spec, t, own in triples))
    return tuple(y.reshape(size, images, *y.shape[1:]) for y in results)


def _one_by_one(call: Call, size: int, is_mapped: Sequence[bool], tensors: Sequence) -> tuple:
    """Calls an op for each index of the mapped axis."""
    own = tuple(tensor for tensor, is_own in zip(tensors, is_mapped, strict=True) if is_own)

    def call_with(parts: tuple) -> tuple:
        left = iter(parts)
        pairs = zip(tensors, is_mapped, strict=True)
        return mapped(call)(*(next(left) if is_own else tensor for tensor, is_own in pairs))

    return jax.lax.map(call_with, own)
