"""A new model compared with the one that it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from tf_softpool.rewriting.keras_model.carry import Pair
from tf_softpool.rewriting.keras_model.structure import is_graph
from tf_softpool.rewriting.policy.report import Check


@dataclass(frozen=True)
class Before:
    """What a model was before its copy was made. Making the copy may change the model in place."""

    variables: list[keras.Variable]
    shapes: list[tuple] | None

    @classmethod
    def of(cls, model: keras.Model) -> "Before":
        """Notes a model's variables and the shapes of its outputs."""
        return cls(list(model.variables), _output_shapes(model)[0])

    def pairs_of(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Returns the pairs whose old variable the model had. It may have others after a change in place."""
        ids = {id(variable) for variable in self.variables}
        return [pair for pair in pairs if id(pair[0]) in ids]


def check_model(before: Before, new: keras.Model, pairs: Sequence[Pair], notes: list[str]) -> Check:
    """Compares a new model with the old one. Each pair is an old variable and its copy.

    If only the new model cannot be called, a note says why.
    """
    old_of = {id(copy): variable for variable, copy in pairs}
    pairs = [(old_of[id(v)], v) for v in new.variables if id(v) in old_of]
    same = [copy for old, copy in pairs if np.array_equal(bits(old), bits(copy))]
    kept = {id(old) for old, _ in pairs}
    shapes, error = _output_shapes(new)
    if error and before.shapes is not None:
        notes.append(f"The new model cannot be called as the given one can: {error}")
    return Check(
        carried=len(same),
        parameters=sum(int(np.prod(variable.shape)) for variable in same),
        added=len(new.variables) - len(pairs),
        dropped=sum(id(variable) not in kept for variable in before.variables),
        changed=len(pairs) - len(same),
        shapes_equal=None if None in (before.shapes, shapes) else before.shapes == shapes,
    )


def bits(variable: keras.Variable) -> np.ndarray:
    """Returns a variable's bytes as integers. Two NaN with the same bits are equal then."""
    return np.frombuffer(variable.numpy().tobytes(), "uint8")


def _output_shapes(model: keras.Model) -> tuple[list[tuple] | None, str]:
    """Returns the shapes of a model's outputs, or None and why they are not known."""
    try:
        if is_graph(model):
            outputs = model.outputs
        else:
            shape = model.get_build_config()["input_shape"]
            outputs = keras.tree.flatten(model.compute_output_spec(keras.KerasTensor(shape)))
        return [tuple(output.shape) for output in outputs], ""
    except Exception as error:
        return None, str(error) or type(error).__name__
