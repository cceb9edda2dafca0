"""The export of a SavedModel, of any program, to the formats that are converted from one."""

import functools
import os
from pathlib import Path
from typing import Any

from tf_softpool.effects import check_loading, effects_of_signature
from tf_softpool.folders import check_saved_model_folder
from tf_softpool.packages import plain
from tf_softpool.serving.endpoints import DEFAULT, Endpoint, endpoint_of
from tf_softpool.serving.formats import CONVERTED_FORMATS, format_named, tf_saved_model
from tf_softpool.serving.places import check_place
from tf_softpool.serving.report import ExportReport
from tf_softpool.serving.steps import Options, Source, write_export
from tf_softpool.serving.tensorflow_1 import CannotFreezeError, frozen_signature


def export_saved_model(
    folder: str | os.PathLike[str], path: str | os.PathLike[str], format: str, options: Options
) -> ExportReport:
    """Writes the default signature of a SavedModel in another format, and compares the two.

    Args:
        folder: str or path-like. The folder of the SavedModel.
        path: str or path-like. Where to write, as in `tf_softpool.export`.
        format: str. `"onnx"`, `"litert"` or `"openvino"`.
        options: `Options`.

    Returns:
        An `ExportReport`, as of `tf_softpool.export`.

    Raises:
        ValueError: if `format` is not one of these, if the end of `path` does not suit it, if the SavedModel
            has no default signature, or links to other folders, pipes or devices, if the sample does not fit
            it, or if `quantize` is given.
        ImportError: if a package that the format needs is missing.
        FileExistsError: if something is at `path` that may not be replaced.
        RuntimeError: if the SavedModel cannot be loaded, if it has operations of tf_softpool or others that
            the format lacks, such as tables, if it has sparse or ragged tensors, if its graph is broken, or
            if the result fails its check.

    Warns:
        UserWarning: if an output differs by more than rounding explains.
    """
    module = format_named(format)
    if options.quantize:
        raise ValueError(
            f"{folder} is a SavedModel, whose operations are not chosen for integers. Leave out `quantize`, "
            "or export the Keras model with it."
        )
    if module is tf_saved_model:
        raise ValueError(
            f"{folder} is a SavedModel already, so there is nothing to export: copy the folder. To write a "
            "SavedModel with other pooling, use `tf-softpool replace`. To write one of standard operations, "
            "export the Keras model with `portable=True`."
        )
    tf_saved_model.check()
    module.check()
    check_place(Path(path), module)
    check_saved_model_folder(folder)
    if needed := tf_saved_model.custom_ops(folder):
        raise RuntimeError(
            f"{folder} has compiled ops of tf_softpool, which {format!r} does not have: {', '.join(needed)}. "
            "Export the Keras model to this format instead, or first to a SavedModel with `portable=True`."
        )
    source = _source(folder)
    report = ExportReport(str(path), format, portable=True)
    try:
        write_export(source, report, CONVERTED_FORMATS[format], options)
    except (ImportError, OSError, RuntimeError, ValueError, Warning):
        raise
    except Exception as error:
        # TensorFlow and the converters raise errors of many kinds if a graph is broken.
        raise RuntimeError(f"{folder} cannot be exported to this format: {plain(error)}") from error
    return report


def _source(folder: str | os.PathLike[str]) -> Source:
    """Returns the default signature of a SavedModel as what is exported.

    Raises:
        RuntimeError: if TensorFlow cannot load the SavedModel.
        ValueError: if it has no default signature.
    """
    graph = tf_saved_model.graph_to_serve(folder)
    if tf_saved_model.DEFAULT_SIGNATURE not in graph.signature_def:
        # TensorFlow has signatures of its own, which begin with two underscores.
        others = sorted(name for name in graph.signature_def if not name.startswith("__"))
        raise ValueError(
            f"{folder} has no signature {tf_saved_model.DEFAULT_SIGNATURE!r}, which is the one that is "
            f"exported. It has {others}."
        )
    _check_is_dense(folder, graph.signature_def[tf_saved_model.DEFAULT_SIGNATURE])
    check_loading(folder, [graph])
    if effects := effects_of_signature(graph, tf_saved_model.DEFAULT_SIGNATURE):
        raise RuntimeError(
            f"{folder} runs {', '.join(effects)} when it is called, which the other formats do not have: "
            "these may write files, run code or reach other machines."
        )
    tags = list(graph.meta_info_def.tags)
    try:
        return _load(str(folder), tags) if graph.HasField("object_graph_def") else _frozen(folder, tags)
    except RuntimeError:
        raise
    except Exception as error:
        raise RuntimeError(f"{folder} cannot be loaded by TensorFlow: {plain(error)}") from error


def _check_is_dense(folder: str | os.PathLike[str], signature: Any) -> None:
    """Raises a RuntimeError if an input or output of a signature is no plain tensor."""
    for side, infos in (("input", signature.inputs), ("output", signature.outputs)):
        for name, info in sorted(infos.items()):
            if (kind := info.WhichOneof("encoding")) != "name":
                what = "sparse" if kind == "coo_sparse" else "sparse or ragged"
                raise RuntimeError(
                    f"The {side} {name!r} of {folder} is a {what} tensor, and the other formats have only "
                    "dense ones. Give a SavedModel whose signature has dense tensors, as "
                    "`tf.sparse.to_dense` and `tf.RaggedTensor.to_tensor` make them."
                )


def _load(folder: str, tags: list[str]) -> Source:
    """Loads the objects of a SavedModel, or only its graph if TensorFlow cannot make them again."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(folder, tags=tags)
    except Exception as first:
        # TensorFlow cannot make some objects again, such as the optimizers of Keras 2.
        try:
            return _frozen(folder, tags)
        except RuntimeError:
            raise
        except Exception:
            raise first from None
    signature = loaded.signatures[tf_saved_model.DEFAULT_SIGNATURE]
    named = sorted(signature.structured_input_signature[1].items())

    def function(*tensors: Any) -> Any:
        return signature(**{name: tensor for (name, _), tensor in zip(named, tensors, strict=True)})

    # A spec may have the name of a placeholder instead of the one that the signature has.
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in named]
    trace = functools.partial(_trace, loaded)
    return Source([endpoint_of(DEFAULT, function, specs)], trace, list(getattr(loaded, "variables", [])))


def _frozen(folder: str | os.PathLike[str], tags: list[str]) -> Source:
    try:
        function, specs = frozen_signature(folder, tags, tf_saved_model.DEFAULT_SIGNATURE)
    except CannotFreezeError as error:
        raise RuntimeError(f"{folder} cannot be exported to this format: {error}.") from error
    return Source([endpoint_of(DEFAULT, function, specs)], functools.partial(_trace, None))


def _trace(loaded: Any, endpoints: list[Endpoint], folder: Path) -> None:
    """Writes a SavedModel with the default signature alone. Its inputs have the names of the endpoint.

    Args:
        loaded: what owns the variables and tables, or None if there are none.
        endpoints: list of one `Endpoint`.
        folder: where to write.
    """
    import tensorflow as tf

    (endpoint,) = endpoints
    module = tf.Module()
    module.loaded = loaded
    module.function = tf.function(endpoint.function, input_signature=endpoint.signature, autograph=False)
    tf.saved_model.save(module, str(folder), signatures={tf_saved_model.DEFAULT_SIGNATURE: module.function})
