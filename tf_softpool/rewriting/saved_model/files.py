"""SavedModel folders with the pooling in their graphs replaced."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import message, text_format
from tensorflow.core.protobuf import saved_model_pb2

from tf_softpool.effects import check_loading
from tf_softpool.folders import check_saved_model_folder
from tf_softpool.ops import native
from tf_softpool.ops.dispatch import portable
from tf_softpool.packages import plain
from tf_softpool.rewriting.identify import KERAS_SUFFIXES, is_saved_model
from tf_softpool.rewriting.policy.report import Report
from tf_softpool.rewriting.request import FileRequest
from tf_softpool.rewriting.saved_model.check import check
from tf_softpool.rewriting.saved_model.nodes import unknown_ops
from tf_softpool.rewriting.saved_model.rewrite import BrokenGraphError, plan_graph
from tf_softpool.writing import complete_or_absent

_BINARY, _TEXT = "saved_model.pb", "saved_model.pbtxt"
# Files that describe the old graph: a digest of it, and the layers that Keras 2 would make again.
_FINGERPRINT, _KERAS_2 = "fingerprint.pb", "keras_metadata.pb"


@dataclass(frozen=True)
class SavedModel:
    """A SavedModel that has been read.

    Attributes:
        path: its folder.
        proto: its graphs, as a `saved_model_pb2.SavedModel`.
        is_text: whether the folder has the graphs as text.
    """

    path: Path
    proto: Any
    is_text: bool


def rewrite_saved_model(request: FileRequest) -> Report:
    """Writes a SavedModel with other pooling, and loads it as a check.

    Raises:
        ValueError: if there is no SavedModel, it is broken or needs ops that are not loaded, or the result
            cannot be written as asked.
    """
    _check_places(request)
    request.step("reading")
    saved_model = _read(request.path)
    request.step("replacing")
    try:
        with portable() if request.portable else contextlib.nullcontext():
            report = _rewrite(saved_model, request)
    except BrokenGraphError as error:
        raise ValueError(f"{request.path} has a broken graph: {error}") from error
    if request.dry_run:
        return report
    if not report.replaced:
        report.notes.append(f"No pooling was replaced in {request.path}.")
    # Before anything is written: a user may turn warnings into errors.
    report.warn(stacklevel=5)
    if not report.replaced:
        return report
    with complete_or_absent(request.target, request.overwrite, request.path) as place:
        request.step("writing")
        _write(saved_model, place)
        request.step("checking")
        report.check, notes = check(request.path, place, saved_model.proto.meta_graphs)
        # The result lacks nothing that the original has, so there is no warning.
        report.notes += notes
    return report


def _check_places(request: FileRequest) -> None:
    """Raises a ValueError if no SavedModel can be written as asked."""
    out = request.out
    if out is None:
        return
    if out.suffix.lower() in KERAS_SUFFIXES:
        raise ValueError(f"A SavedModel must be written to a folder, got {out}.")
    if out.exists() and not is_saved_model(out):
        raise ValueError(f"{out} is not a SavedModel, so no SavedModel replaces it. Remove it yourself.")


def _read(path: Path) -> SavedModel:
    """Reads a SavedModel.

    Raises:
        ValueError: if it is broken, needs ops that are not loaded, or does more than compute when it is
            loaded.
    """
    native.load()
    check_saved_model_folder(path)
    is_text = not (path / _BINARY).is_file()
    proto = _parse(path / (_TEXT if is_text else _BINARY), is_text)
    check_loading(path, proto.meta_graphs)
    graphs = [meta_graph.graph_def for meta_graph in proto.meta_graphs]
    if unknown := sorted({op for graph in graphs for op in unknown_ops(graph)}):
        raise ValueError(
            f"{path} needs ops that are not loaded: {', '.join(unknown)}. Load their library first, with "
            "`tf.load_op_library`, or import the package that has them."
        )
    return SavedModel(path, proto, is_text)


def _parse(file: Path, is_text: bool) -> Any:
    proto = saved_model_pb2.SavedModel()
    try:
        if is_text:
            text_format.Parse(file.read_text(), proto)
        else:
            proto.ParseFromString(file.read_bytes())
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a SavedModel's graph, or is truncated: {plain(error)}") from error
    if not proto.meta_graphs:
        raise ValueError(f"{file} has no graphs: it is empty, or not a SavedModel.")
    return proto


def _rewrite(saved_model: SavedModel, request: FileRequest) -> Report:
    """Replaces pooling in all graphs, unless this is a dry run or there is nothing to replace."""
    metas = saved_model.proto.meta_graphs
    rewritings = [plan_graph(meta_graph.graph_def, request) for meta_graph in metas]
    report = Report([f for r in rewritings for f in r.plan.findings], dry_run=request.dry_run)
    if request.dry_run or not report.replaced:
        return report
    if (saved_model.path / _KERAS_2).exists():
        report.notes.append(
            f"{_KERAS_2} is left out, because Keras 2 would make the old layers from it. Load the "
            "result with TensorFlow."
        )
    for meta_graph, rewriting in zip(metas, rewritings, strict=True):
        rewriting.apply()
        known = {op.name for op in meta_graph.meta_info_def.stripped_op_list.op}
        new = [op_def for name, op_def in rewriting.op_defs.items() if name not in known]
        meta_graph.meta_info_def.stripped_op_list.op.extend(new)
    return report


def _write(saved_model: SavedModel, folder: Path) -> None:
    """Writes a SavedModel to a folder that does not exist yet. Everything except the graphs is copied."""
    for place, _, names in os.walk(saved_model.path, followlinks=True):
        # Folders are made and not copied, because the permissions of a model's folders may forbid writing.
        new = folder / Path(place).relative_to(saved_model.path)
        new.mkdir()
        left_out = (_BINARY, _TEXT, _FINGERPRINT, _KERAS_2) if new == folder else ()
        for name in names:
            if name not in left_out:
                shutil.copy(Path(place) / name, new / name)
    if saved_model.is_text:
        (folder / _TEXT).write_text(text_format.MessageToString(saved_model.proto))
    else:
        (folder / _BINARY).write_bytes(saved_model.proto.SerializeToString(deterministic=True))
