"""The signatures of a SavedModel, in a session as a model server has them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_softpool.effects import effects_of_signature
from tf_softpool.graphs import needed_nodes, references
from tf_softpool.samples import closed, numbers
from tf_softpool.sessions import load_into

# Inputs of more bytes than these are not made up, and no run may take longer than this.
_BYTES, _MILLISECONDS = 64 * 2**20, 60_000
# What the names of ops begin with whose outputs have other shapes for other values.
_OF_VALUES = (
    *("Where", "Unique", "NonMaxSuppression", "CombinedNonMax", "CTC", "DynamicPartition", "ListDiff"),
    *("Ragged", "Sparse", "StringSplit", "Bincount", "RandomPoisson", "While", "StatelessWhile", "LoopCond"),
)


class Signatures:
    """The signatures of one graph of a SavedModel, loaded with its variables.

    Attributes:
        names: the names of the signatures.
    """

    def __init__(self, session: Any, meta_graph: Any) -> None:
        self._session = session
        self._meta_graph = meta_graph
        self._signatures = dict(meta_graph.signature_def.items())
        self.names = sorted(self._signatures)

    def shapes(self) -> dict[tuple[str, str, str], list[str]]:
        """Returns the shapes of all inputs and outputs, as far as the graph knows them."""
        graph = self._session.graph
        return {
            (name, side, key): [str(graph.get_tensor_by_name(each).shape) for each in tensor_names(info)]
            for name, signature in self._signatures.items()
            for side, infos in (("input", signature.inputs), ("output", signature.outputs))
            for key, info in infos.items()
        }

    def sample(self, name: str, length: int) -> dict[str, np.ndarray] | None:
        """Returns made-up inputs for a signature by the names of their tensors, or None if there are none.

        Args:
            name: the name of a signature.
            length: the length of open dimensions. The first dimension is the batch.
        """
        generator = np.random.default_rng(0)
        arrays: dict[str, np.ndarray] = {}
        for _, info in sorted(self._signatures[name].inputs.items()):
            shape = _shape(info, length)
            size = sum(array.nbytes for array in arrays.values())
            if shape is None or size + np.prod(shape, dtype=float) * _dtype(info).size > _BYTES:
                return None
            arrays[info.name] = _array(generator, shape, _dtype(info))
        return arrays

    def is_open(self, name: str) -> bool:
        """Returns whether an input has open dimensions besides the batch."""
        infos = self._signatures[name].inputs.values()
        return any(dim.size < 0 for info in infos for dim in info.tensor_shape.dim[1:])

    def run(self, name: str, sample: dict[str, np.ndarray]) -> dict[str, list[tuple[int, ...]]]:
        """Runs a signature, and returns the shapes of the tensors of each output."""
        outputs = {key: tensor_names(info) for key, info in self._signatures[name].outputs.items()}
        options = tf.compat.v1.RunOptions(timeout_in_ms=_MILLISECONDS)
        values = self._session.run(outputs, sample, options=options)
        return {key: [np.shape(value) for value in values[key]] for key in outputs}

    def may_run(self, name: str) -> bool:
        """Returns whether a signature has outputs, and leaves nothing behind when it runs."""
        outputs = [each for info in self._signatures[name].outputs.values() for each in tensor_names(info)]
        return bool(outputs) and not effects_of_signature(self._meta_graph, name)

    def depends_on_values(self, name: str) -> bool:
        """Returns whether the shapes of a signature's outputs may depend on the values of its inputs."""
        outputs = [each for info in self._signatures[name].outputs.values() for each in tensor_names(info)]
        nodes = needed_nodes(self._meta_graph.graph_def, outputs)
        return any(node.op.startswith(_OF_VALUES) for node in nodes)


@contextlib.contextmanager
def loaded(path: Path, meta_graph: Any) -> Iterator[Signatures]:
    """Loads one graph of a SavedModel into a session, as model servers do.

    Args:
        path: the folder of the SavedModel.
        meta_graph: the graph, as the SavedModel has it.
    """
    tags = list(meta_graph.meta_info_def.tags)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        yield Signatures(session, load_into(session, tags, path))


def tensor_names(info: Any) -> list[str]:
    """Returns the names of the tensors of an input or output. A sparse or ragged one has several."""
    # A signature that only initialises has the name of a node in place of a tensor's.
    return [name for name in references(info) if ":" in name]


def _dtype(info: Any) -> tf.DType:
    return tf.as_dtype(info.dtype)


def _shape(info: Any, length: int) -> list[int] | None:
    """Returns a shape for an input, or None if no numbers can be made up for it."""
    is_number = info.WhichOneof("encoding") == "name" and (
        _dtype(info).is_floating or _dtype(info).is_integer or _dtype(info).is_bool
    )
    if not is_number or info.tensor_shape.unknown_rank:
        return None
    sizes = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    return closed(sizes, length)


def _array(generator: np.random.Generator, shape: list[int], dtype: tf.DType) -> np.ndarray:
    return numbers(generator, shape, dtype.is_floating).astype(dtype.as_numpy_dtype)
