"""The loading of exported models, each into the runtime of its format."""

import operator
import os
from pathlib import Path

from tf_softpool.packages import plain
from tf_softpool.serving.formats import FORMATS, Format
from tf_softpool.serving.served import Served


def format_of(path: str | os.PathLike[str]) -> Format:
    """Returns the module of the format that the file or folder at `path` has, judged by the name's ending.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if no format has names with this ending.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    suffix = "" if path.is_dir() else path.suffix.lower()
    for module in FORMATS.values():
        if suffix == module.SUFFIX and path.is_dir() == (module.SUFFIX == ""):
            return module
    raise ValueError(
        f"{path} is not an exported model: it must be a SavedModel folder or a file that ends in one of "
        f"{[module.SUFFIX for module in FORMATS.values() if module.SUFFIX]}."
    )


def load(path: str | os.PathLike[str], threads: int | None = None) -> Served:
    """Loads an exported model into the runtime of its format.

    Args:
        path: str or path-like. A SavedModel folder, or a file that ends in `.onnx`, `.tflite` or `.xml`
            (OpenVINO, with the `.bin` file beside it).
        threads: int or None. How many threads compute a call, at most. It must be None for a SavedModel,
            because TensorFlow's threads belong to the whole process: `tf.config.threading` sets their
            number. Default: as many as the runtime takes by itself.

    Returns:
        A `Served`: a callable that takes a dict with an array for the name of each input, and returns a
        dict with an array for the name of each output. Its attributes `inputs` and `outputs` are dicts
        that map names to dtypes and shapes, and `runtime` names the runtime and its version.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if the file or folder is in none of the formats, or is broken. If `threads` is not a
            whole number above zero, or is given for a SavedModel.
        ImportError: if the runtime is not installed. The message says how to install it.
        RuntimeError: if a SavedModel contains compiled ops of tf_softpool and their library cannot be used.
            The message says what to do.

    Example:
        >>> import keras, tempfile
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 1), name="x"), tsp.layers.SoftPooling1D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = tsp.export(model, f"{folder}/model")
        ...     served = tsp.serving.load(f"{folder}/model")
        ...     y = served({"x": np.ones((1, 8, 1), "float32")})
        >>> str(served.inputs["x"]), y["output_0"].shape
        ('float32 [?, 8, 1]', (1, 4, 1))
    """
    if threads is not None and (
        isinstance(threads, bool) or not hasattr(threads, "__index__") or threads < 1
    ):
        raise ValueError(f"`threads` must be a whole number above zero, got {threads!r}.")
    module = format_of(path)
    try:
        return module.Runner(path, threads=threads if threads is None else operator.index(threads))
    except Exception as error:
        # TensorFlow's errors are long, and do not say which model they are about.
        says_so = isinstance(error, RuntimeError | ValueError) and str(path) in str(error)
        if (says_so and module.SUFFIX == "") or isinstance(error, ImportError):
            raise
        raise ValueError(f"{path} cannot be loaded: {plain(error)}") from error
