"""All uses of Keras's private attributes in this package. No other module may use them.

Keras may rename a private attribute in any version. Each function below uses one attribute. Its docstring
says what for, since which version of Keras 3 the attribute exists, and what fails without the attribute.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras

# Attributes in which Keras itself keeps a layer's inner layers, in addition to the user's own attributes.
BOOKKEEPING = ("_layers", "_tracker")


def held_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers in a layer's attributes and in containers there, in the order of assignment.

    `Layer._flatten_layers`, since 3.0. A model's public `layers` has the same, but other layers have no
    public list. Without it, poolings inside `TimeDistributed`, `Bidirectional` and layers of the user's own
    cannot be found.
    """
    return layer._flatten_layers(include_self=False, recursive=False)


class Call(NamedTuple):
    """A call of an operation on symbolic tensors.

    Attributes:
        tensors: the tensors in its first argument.
        is_masked: whether it also gets a mask.
    """

    tensors: list[keras.KerasTensor]
    is_masked: bool


def calls_of(operation: Any) -> list[Call]:
    """Returns all calls of an operation on symbolic tensors.

    `Operation._inbound_nodes`, since 3.0. The public `input` fails if an operation has been called twice, and
    says nothing of masks. Without it, poolings of integers cannot be told apart, and are replaced with layers
    that cannot pool integers.
    """
    found = []
    for node in operation._inbound_nodes:
        arguments, keywords = node.arguments.args, dict(node.arguments.kwargs)
        mask = keywords.pop("mask", arguments[1] if len(arguments) > 1 else None)
        tensors = keras.tree.flatten(arguments[:1] or keywords)
        found.append(Call([t for t in tensors if isinstance(t, keras.KerasTensor)], mask is not None))
    return found


def first_output_of(operation: Any) -> keras.KerasTensor | None:
    """Returns the first symbolic output of the first call of an operation, or None if there is none.

    `Operation._inbound_nodes`, since 3.0: see `calls_of`. Without it, `keras.ops.max_pool` and
    `average_pool` in a model cannot be replaced.
    """
    nodes = operation._inbound_nodes
    return nodes[0].outputs[0] if nodes and nodes[0].outputs else None


def producer_of(tensor: keras.KerasTensor) -> Any:
    """Returns the operation that produces a symbolic tensor.

    `KerasTensor._keras_history`, since 3.0. Without it, a copy's inputs cannot be matched with the copied
    input layers, and Keras renames them.
    """
    return tensor._keras_history.operation


def copy_trainable_flag(old: keras.Layer, new: keras.Layer) -> None:
    """Sets a layer's own flag `trainable`, and not those of the layers inside it.

    `Layer._trainable`, since 3.0. The public setter also sets the flags of all inner layers. Without it, a
    copy of a partly frozen model is frozen differently.
    """
    new._trainable = old._trainable


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Returns the arguments that a model was compiled with, as the objects themselves.

    `Trainer._compile_config`, since 3.0. The public `get_compile_config` serializes them, and fails for
    losses that are plain functions. Without it, copies of compiled models must be compiled again by the user.
    """
    # Keras takes the optimizer out of them when it writes HDF5.
    return {"optimizer": model.optimizer, **model._compile_config.config}


def variables_optimized_by(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables that an optimizer was built for. They may have been frozen since then.

    `Optimizer._trainable_variables`, since 3.0. Without it, the optimizer of a copy starts anew. Before 3.12
    a `LossScaleOptimizer` has none of its own, and those of the optimizer inside it are returned.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    return optimizer._trainable_variables or (variables_optimized_by(inner) if inner is not None else [])


@contextlib.contextmanager
def exchanged_in_tracker(holder: keras.Layer, old: keras.Layer, new: keras.Layer) -> Iterator[None]:
    """Replaces `old` with `new` among the tracked layers, and unlocks the attributes inside the block.

    `Layer._tracker`, since 3.0, with `unlock` since 3.1 and `replace_tracked_value` since 3.3. Without it, a
    pooling that a layer makes itself cannot be replaced in place.
    """
    tracker = holder._tracker
    locked = tracker.locked
    tracker.unlock()
    tracker.replace_tracked_value("layers", old, new)
    yield
    if locked:
        tracker.lock()
