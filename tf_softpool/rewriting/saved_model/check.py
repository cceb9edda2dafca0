"""The check of a rewritten SavedModel: both are loaded as a server loads them, and run on the same input."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_softpool.packages import plain
from tf_softpool.rewriting.policy.report import Check
from tf_softpool.rewriting.saved_model.signatures import Signatures, loaded
from tf_softpool.samples import LENGTHS

# The errors of a machine that is too small or too slow. They say nothing about a model.
_LIMITS = (tf.errors.DeadlineExceededError, tf.errors.ResourceExhaustedError)


class _RewrittenError(ValueError):
    """The result cannot be run, and the original can."""


@dataclass(frozen=True)
class _Run:
    """A signature that was run on a made-up input.

    Attributes:
        length: the length that the input's open dimensions had.
        shapes: the shapes of the tensors of each output.
    """

    length: int
    shapes: dict[str, list[tuple[int, ...]]]


@dataclass
class _Outcome:
    """What is known of the signatures of a SavedModel.

    Attributes:
        shapes: the shapes that the graph knows.
        runs: the signatures that were run.
    """

    shapes: dict[tuple[str, str, str], list[str]]
    runs: dict[str, _Run] = field(default_factory=dict)


def check(path: Path, folder: Path, meta_graphs: Iterable[Any]) -> tuple[Check, list[str]]:
    """Compares a rewritten SavedModel with the original.

    Args:
        path: the folder of the original.
        folder: the folder of the result.
        meta_graphs: the graphs of one of them.

    Returns:
        What the comparison found, and notes for the user.

    Raises:
        ValueError: if the original cannot be loaded, or only the result cannot be loaded or run.
    """
    notes, shapes, runs = [], [], []
    for meta_graph in meta_graphs:
        note = _compare_objects(path, folder, meta_graph)
        notes += [note] if note else []
        same, alike = _compare_signatures(path, folder, meta_graph)
        shapes.append(same)
        runs += alike
    variables = _variables(folder)
    found = Check(
        carried=len(variables),
        parameters=sum(int(np.prod(shape)) for _, shape in variables),
        changed=0 if _same_variables(path, folder) else len(variables),
        shapes_equal=all(shapes) and all(runs),
        ran=bool(runs),
    )
    return found, list(dict.fromkeys(notes))


def _compare_objects(path: Path, folder: Path, meta_graph: Any) -> str:
    """Loads the objects of the result, if it has any. Returns a note if neither it nor the original loads."""
    if not meta_graph.HasField("object_graph_def"):
        return ""
    tags = list(meta_graph.meta_info_def.tags)
    try:
        tf.saved_model.load(str(folder), tags=tags)
        return ""
    except Exception as error:
        reason = error
    try:
        tf.saved_model.load(str(path), tags=tags)
    except Exception:
        # The rewriting is not at fault.
        return _note(path, reason)
    raise ValueError(f"{path}, rewritten, cannot be loaded by TensorFlow: {plain(reason)}") from reason


def _note(path: Path, reason: Exception) -> str:
    return (
        f"TensorFlow {tf.__version__} cannot load the objects of {path}, before or after the rewriting: "
        f"{plain(reason)}. Its signatures can be loaded, as model servers and `tsp.serving.load` do. If "
        "Keras 2 wrote it, `pip install --no-deps tf_keras` may help."
    )


def _compare_signatures(path: Path, folder: Path, meta_graph: Any) -> tuple[bool, list[bool]]:
    """Returns whether the signatures of two SavedModels have equal shapes, and so in each run of both.

    Raises:
        ValueError: if the original cannot be loaded, or only the result cannot be loaded or run.
    """
    try:
        with loaded(path, meta_graph) as signatures:
            old = _Outcome(signatures.shapes())
            for name in filter(signatures.may_run, signatures.names):
                if run := _first_run(signatures, name):
                    old.runs[name] = run
    except Exception as error:
        raise ValueError(f"{path} itself cannot be loaded by TensorFlow: {plain(error)}") from error
    try:
        with loaded(folder, meta_graph) as signatures:
            same = signatures.shapes() == old.shapes
            runs = [_runs_alike(path, signatures, name, run) for name, run in old.runs.items()]
            return same, [alike for alike in runs if alike is not None]
    except _RewrittenError:
        raise
    except Exception as error:
        raise ValueError(f"{path}, rewritten, cannot be loaded by TensorFlow: {plain(error)}") from error


def _first_run(signatures: Signatures, name: str) -> _Run | None:
    """Runs a signature of the original on the first made-up input that it accepts, or returns None."""
    for length in LENGTHS if signatures.is_open(name) else LENGTHS[:1]:
        sample = signatures.sample(name, length)
        if sample is None:
            return None
        try:
            return _Run(length, signatures.run(name, sample))
        except _LIMITS:
            return None
        except Exception:
            # The signature does not take this input, which is no fault of it.
            continue
    return None


def _runs_alike(path: Path, signatures: Signatures, name: str, old: _Run) -> bool | None:
    """Returns whether a signature of the result returns the shapes that the original's returned.

    None stands for a run that the machine is too small or too slow for.

    Raises:
        ValueError: if it cannot be run.
    """
    sample = signatures.sample(name, old.length)
    assert sample is not None  # the original was run on it
    try:
        shapes = signatures.run(name, sample)
    except _LIMITS:
        return None
    except Exception as error:
        sizes = [list(array.shape) for array in sample.values()]
        raise _RewrittenError(
            f"{path}, rewritten, cannot be run: its signature {name!r} fails on an input of the shape "
            f"{', '.join(map(str, sizes))}, which the original accepts: {plain(error)}"
        ) from error
    if not signatures.depends_on_values(name):
        return shapes == old.shapes
    ranks = [{key: list(map(len, each)) for key, each in run.items()} for run in (shapes, old.shapes)]
    return ranks[0] == ranks[1]


def _variables(path: Path) -> list[tuple[str, list[int]]]:
    """Returns the names and shapes of a SavedModel's variables."""
    prefix = path / "variables" / "variables"
    if not prefix.with_suffix(".index").exists():
        return []
    found = tf.train.list_variables(str(prefix))
    found = [(name, shape) for name, shape in found if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    # Keras writes the variables that it tracks a second time under names of its own. Other variables have
    # only those.
    own = ("_all_variables/", "_trainable_variables/")
    return [each for each in found if not each[0].startswith(own)] or found


def _same_variables(path: Path, folder: Path) -> bool:
    """Returns whether two SavedModels have equal files of variables."""
    first, second = path / "variables", folder / "variables"
    if not first.is_dir():
        return not second.exists()
    names = sorted(file.name for file in first.iterdir())
    return not any(filecmp.cmpfiles(first, second, names, shallow=False)[1:])
