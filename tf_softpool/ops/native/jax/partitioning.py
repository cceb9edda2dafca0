"""Calls under `jax.jit` over arrays that are divided among devices: each device pools a part of the batch."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec

from tf_softpool.ops.native.jax.calls import Call, run
from tf_softpool.ops.native.signatures import Tensor


@functools.cache
def divided(call: Call) -> Callable:
    """Returns a function that calls an op with tensors, and that JAX can divide among devices."""
    whole = functools.partial(run, call)
    function = custom_partitioning(lambda *tensors: whole(*tensors))

    def partition(mesh: Any, inputs: Sequence, outputs: Sequence) -> tuple:
        axis = _axis_of_batch(call, inputs)

        def on_a_device(*tensors: Any) -> tuple:
            pairs = zip(whole(*tensors), call.outputs(), strict=True)
            return tuple(_sum_over(axis, y) if spec.holds_parameters else y for y, spec in pairs)

        of = functools.partial(_sharding, mesh, axis)
        return mesh, on_a_device, tuple(map(of, call.outputs())), tuple(map(of, call.inputs()))

    def infer(mesh: Any, inputs: Sequence, outputs: Sequence) -> tuple:
        return tuple(_sharding(mesh, _axis_of_batch(call, inputs), each) for each in call.outputs())

    function.def_partition(partition, infer, sharding_rule=functools.partial(_rule, call))
    return function


def _axis_of_batch(call: Call, inputs: Sequence) -> Any:
    """Returns the axis of the mesh, or several of them, that the batch is divided along, or None.

    What is drawn depends on an image's place in the whole batch, so each device then draws for all of it.
    """
    if any(tensor.role == "seed" for tensor in call.inputs()):
        return None
    spec = inputs[0].sharding.spec
    return spec[0] if len(spec) else None


def _sum_over(axis: Any, gradient: Any) -> Any:
    return gradient if axis is None else jax.lax.psum(gradient, axis)


def _sharding(mesh: Any, axis: Any, tensor: Tensor) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec(axis) if tensor.holds_values else PartitionSpec())


def _rule(call: Call, mesh: Any, inputs: Sequence, outputs: Sequence) -> str:
    """Returns which axes of tensors are the same, in the notation of JAX's sharding rules: the batch is."""

    def axes(specs: Sequence[Tensor], types: Sequence, prefix: str) -> str:
        names = []
        for i, (spec, kind) in enumerate(zip(specs, types, strict=True)):
            own = [f"{prefix}{i}x{k}" for k in range(len(kind.shape))]
            names.append(" ".join(["batch", *own[1:]] if spec.holds_values else own))
        return ", ".join(names)

    return f"{axes(call.inputs(), inputs, 'i')} -> {axes(call.outputs(), outputs, 'o')}"
