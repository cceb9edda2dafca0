"""Which runtime an exported model is for."""

from pathlib import Path

from tf_softpool.serving.formats import FORMATS


def format_of(path):
    """The module of the format that something at a path is in, by its name.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is in none of the formats.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    suffix = "" if path.is_dir() else path.suffix.lower()
    for module in FORMATS.values():
        if suffix == module.SUFFIX and path.is_dir() == (module.SUFFIX == ""):
            return module
    raise ValueError(
        f"{path} is no exported model: neither a SavedModel folder nor a file that ends in one of "
        f"{[module.SUFFIX for module in FORMATS.values() if module.SUFFIX]}."
    )


def load(path):
    """Loads an exported model into the runtime of its format, to be called with arrays.

    Args:
        path: a SavedModel folder, or a file that ends in `.onnx`, `.tflite` or `.xml` (OpenVINO's, with the
            `.bin` file beside it).

    Returns:
        A function of a dict of arrays by the names of the inputs, which returns a dict of arrays, and has
        the attributes `inputs` and `outputs`, dicts of names to types and shapes, and `runtime`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is in none of the formats, or broken.
        ImportError: the runtime is not installed: says how to install it.
        RuntimeError: a SavedModel needs our compiled ops, and they cannot be used here: says what to do.

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
    module = format_of(path)
    try:
        return module.Runner(path)
    except Exception as error:
        says_so = isinstance(error, RuntimeError | ValueError) and module.SUFFIX == ""
        if says_so or isinstance(error, ImportError):
            raise
        raise ValueError(f"{path} cannot be loaded: {error}") from error
