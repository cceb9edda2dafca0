"""The axes of a device mesh over which tensors differ, inside of `jax.shard_map`.

JAX knows which of a mesh's axes a tensor varies along, and does not find it out for calls of ours.
"""

from collections.abc import Sequence
from typing import Any

import jax


def _axes_of(tensor: Any) -> frozenset:
    """Returns the names of the axes that a tensor varies along. Outside of `jax.shard_map` there are none."""
    kind = jax.typeof(tensor)
    # JAX before 0.10 keeps the names themselves.
    manual = getattr(kind, "manual_axis_type", None)
    return manual.varying if manual is not None else getattr(kind, "vma", frozenset())


def like_inputs(outputs: Sequence, inputs: Sequence) -> tuple:
    """Returns outputs that vary along every axis that an input varies along."""
    axes = frozenset().union(*map(_axes_of, inputs))
    return tuple(_varying(output, axes - _axes_of(output)) for output in outputs)


def _varying(tensor: Any, axes: frozenset) -> Any:
    if not axes:
        return tensor
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(tensor, tuple(axes), to="varying")
    return jax.lax.pvary(tensor, tuple(axes))


def like_input(gradient: Any, tensor: Any) -> Any:
    """Returns the gradient of an input: its sum over the axes that the input does not vary along."""
    if gradient is None:
        return None
    axes = _axes_of(gradient) - _axes_of(tensor)
    return jax.lax.psum(gradient, tuple(axes)) if axes else gradient
