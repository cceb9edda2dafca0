"""SavedModel folders with the pooling in their graphs replaced."""

import filecmp
import os
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import message, text_format
from tensorflow.core.protobuf import saved_model_pb2

from tf_softpool.ops import native
from tf_softpool.rewriting.policy.report import Check, Report
from tf_softpool.rewriting.saved_model.rewrite import GraphRewriting, unknown_ops

_BINARY, _TEXT = "saved_model.pb", "saved_model.pbtxt"
# What describes the old graph: a digest of it, and the layers that Keras 2 would make anew.
_FINGERPRINT, _KERAS_2 = "fingerprint.pb", "keras_metadata.pb"


def is_saved_model(path):
    """Whether a folder is a SavedModel."""
    return any((Path(path) / name).is_file() for name in (_BINARY, _TEXT))


class SavedModel:
    """A SavedModel folder, and what rewriting it does.

    Raises:
        ValueError: the folder is no SavedModel, a broken one, or needs ops that are not loaded.
    """

    def __init__(self, path):
        native.load()
        self.path = Path(path)
        self.is_text = not (self.path / _BINARY).is_file()
        self.proto = _read(self.path / (_TEXT if self.is_text else _BINARY), self.is_text)
        if unknown := sorted({op for graph in self._graphs() for op in unknown_ops(graph)}):
            raise ValueError(
                f"{path} needs ops that are not loaded: {', '.join(unknown)}. Load their library first, with "
                "`tf.load_op_library`, or import the package that has them."
            )
        self.rewritings = []

    def _graphs(self):
        return [meta_graph.graph_def for meta_graph in self.proto.meta_graphs]

    def rewrite(self, rules, selection, dry_run):
        """Replaces pooling in all graphs. Returns a `Report`."""
        self.rewritings = [GraphRewriting(graph, rules, selection) for graph in self._graphs()]
        report = Report([finding for r in self.rewritings for finding in r.findings], dry_run=dry_run)
        if dry_run or not report.replaced:
            return report
        if (self.path / _KERAS_2).exists():
            report.notes.append(
                f"{_KERAS_2}, from which Keras 2 would make the old layers anew, is left out: load the "
                "result with TensorFlow."
            )
        for meta_graph, rewriting in zip(self.proto.meta_graphs, self.rewritings, strict=True):
            rewriting.apply()
            known = {op.name for op in meta_graph.meta_info_def.stripped_op_list.op}
            new = [op_def for name, op_def in rewriting.op_defs.items() if name not in known]
            meta_graph.meta_info_def.stripped_op_list.op.extend(new)
        return report

    def write(self, folder):
        """Writes the SavedModel to a folder that is not there yet; all but the graphs is copied."""
        folder = Path(folder)
        for place, _, names in os.walk(self.path, followlinks=True):
            # Folders are made, not copied: those of a model may forbid that anything is put there.
            new = folder / Path(place).relative_to(self.path)
            new.mkdir()
            left_out = (_BINARY, _TEXT, _FINGERPRINT, _KERAS_2) if new == folder else ()
            for name in names:
                if name not in left_out:
                    shutil.copy(Path(place) / name, new / name)
        if self.is_text:
            (folder / _TEXT).write_text(text_format.MessageToString(self.proto))
        else:
            (folder / _BINARY).write_bytes(self.proto.SerializeToString(deterministic=True))

    def check(self, folder):
        """Loads what was written, variables and all.

        Returns:
            A `Check`.

        Raises:
            ValueError: TensorFlow cannot load it.
        """
        try:
            shapes = [
                _signature_shapes(folder, each) == _signature_shapes(self.path, each)
                for each in self.proto.meta_graphs
            ]
        except Exception as error:
            raise ValueError(f"{self.path}, rewritten, cannot be loaded by TensorFlow: {error}") from error
        variables = _variables(folder)
        return Check(
            carried=len(variables),
            parameters=sum(int(np.prod(shape)) for _, shape in variables),
            changed=0 if _same_variables(self.path, folder) else len(variables),
            shapes_equal=all(shapes),
        )


def _read(file, is_text):
    proto = saved_model_pb2.SavedModel()
    try:
        if is_text:
            text_format.Parse(file.read_text(), proto)
        else:
            proto.ParseFromString(file.read_bytes())
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a SavedModel's graph, or is truncated: {error}") from error
    if not proto.meta_graphs:
        raise ValueError(f"{file} has no graphs: it is empty, or not a SavedModel.")
    return proto


def _signature_shapes(path, meta_graph):
    """The shapes of all outputs of all signatures of a SavedModel, which is loaded for that."""
    tags = list(meta_graph.meta_info_def.tags)
    if meta_graph.HasField("object_graph_def"):
        loaded = tf.saved_model.load(str(path), tags=tags)
        outputs = {name: function.structured_outputs for name, function in loaded.signatures.items()}
        return tf.nest.map_structure(lambda tensor: str(tensor.shape), outputs)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        signatures = tf.compat.v1.saved_model.load(session, tags, str(path)).signature_def
        return {
            (name, output): str(graph.get_tensor_by_name(info.name).shape)
            for name, signature in signatures.items()
            for output, info in signature.outputs.items()
        }


def _variables(path):
    """The names and shapes of a SavedModel's variables."""
    prefix = Path(path) / "variables" / "variables"
    if not prefix.with_suffix(".index").exists():
        return []
    found = tf.train.list_variables(str(prefix))
    found = [(name, shape) for name, shape in found if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    # Keras writes the variables that it tracks twice, under names of its own too; others only under those.
    own = ("_all_variables/", "_trainable_variables/")
    return [each for each in found if not each[0].startswith(own)] or found


def _same_variables(path, folder):
    """Whether two SavedModels have the same files of variables."""
    first, second = (Path(each) / "variables" for each in (path, folder))
    if not first.is_dir():
        return not second.exists()
    names = sorted(file.name for file in first.iterdir())
    return not any(filecmp.cmpfiles(first, second, names, shallow=False)[1:])
