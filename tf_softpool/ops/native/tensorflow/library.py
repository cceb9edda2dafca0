"""Finds, checks and loads the ops for the TensorFlow that is running, or says why they cannot be used."""

import json
from pathlib import Path

import tensorflow as tf

from tf_softpool.ops.native.library import Native, how_to_build
from tf_softpool_cli.supported import minor

OPS = "libtf_softpool_ops.so"

# Groups of TensorFlow's minor versions. Ops that were built for one version of a group load in all versions
# of the group. Ops for any other version load in that version alone.
_INTERCHANGEABLE = [{(2, 17), (2, 18), (2, 19)}]


def loads_in(built_for: str, running: str) -> bool:
    """Returns whether ops built for one version of TensorFlow load in another."""
    pair = {minor(built_for), minor(running)}
    return len(pair) == 1 or any(pair <= group for group in _INTERCHANGEABLE)


def load(folder: Path) -> Native:
    """Loads the ops for the TensorFlow that is running."""
    running, build = tf.__version__, how_to_build("TensorFlow")
    try:
        kernels = json.loads((folder / "build.json").read_text())
        skins = {path.parent: json.loads(path.read_text()) for path in folder.glob("tf*/build.json")}
        built_for = {path: skin["tensorflow"] for path, skin in skins.items()}
    except (OSError, ValueError, KeyError):
        built_for = {}
    if not built_for:
        return Native(error=f"there is no compiled library in {folder}. {build}", running=running)
    # Of several ops that load, those for this very version have XLA too.
    fit = [path for path, version in built_for.items() if loads_in(version, running)]
    fit.sort(key=lambda path: minor(built_for[path]) != minor(running))
    if not fit:
        versions = ", ".join(sorted(built_for.values(), key=minor))
        error = f"it was built for TensorFlow {versions}, running {running}. {build}"
        return Native(error=error, built=kernels, running=running)
    built, library = {**kernels, **skins[fit[0]]}, fit[0] / OPS
    try:
        return Native(tf.load_op_library(str(library)), library, built=built, running=running)
    except (tf.errors.OpError, OSError) as error:
        message = f"TensorFlow could not load {library}: {error}. {build}"
        return Native(error=message, built=built, running=running)
