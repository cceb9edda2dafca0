"""Which backend Keras will choose, found out without importing Keras."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT = "tensorflow"


@dataclass(frozen=True)
class Framework:
    """A framework that Keras can run on.

    Attributes:
        name: its name in sentences.
        package: the package that is imported.
        install: what to run to install it.
        hint: what to say about another way to install it.
    """

    name: str
    package: str
    install: str
    hint: str = ""


FRAMEWORKS = {
    "tensorflow": Framework(
        "TensorFlow",
        "tensorflow",
        'pip install "tf_softpool[tensorflow-cpu]"',
        "tf_softpool[tensorflow] instead also computes on GPUs, and is larger",
    ),
    "jax": Framework(
        "JAX", "jax", 'pip install "tf_softpool[jax]"', 'For GPUs, run: pip install "jax[cuda13]"'
    ),
    "torch": Framework("PyTorch", "torch", "pip install torch"),
}


def chosen() -> str:
    """Returns the name of the backend that Keras will choose.

    Keras takes the variable KERAS_BACKEND, or else what its file of settings says.
    """
    if named := os.environ.get("KERAS_BACKEND"):
        return named
    home = os.environ.get("KERAS_HOME")
    settings = Path(home) if home else Path.home() / ".keras"
    try:
        said = json.loads((settings / "keras.json").read_text()).get("backend", DEFAULT)
    except (OSError, ValueError, AttributeError):
        return DEFAULT
    return said if isinstance(said, str) else DEFAULT


def framework() -> Framework:
    """Returns the framework that Keras will run on. For a name that nobody knows, it is TensorFlow."""
    return FRAMEWORKS.get(chosen(), FRAMEWORKS[DEFAULT])
