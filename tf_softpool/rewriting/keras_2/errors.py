"""The error about a file of Keras 2 that cannot be read, with the ways out."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring = 1, 100


class Keras2Error(ValueError):
    """Something in a file of Keras 2 that Keras 3 has nothing for. Its text says what."""


def shown(value: object) -> str:
    """Returns a value of a config as messages show it, without what is deep inside."""
    return _SHORT.repr(value)


def cannot_be_read(path: object, version: str, why: object) -> ValueError:
    """Returns the error for a file that cannot be read.

    Args:
        path: the file.
        version: the version of Keras that wrote it.
        why: which key or class is in the way.
    """
    return ValueError(
        f"{path} was written by Keras {version}, and Keras 3 cannot read it: {why} There are two ways "
        "out. "
        "With Keras 2, which `pip install --no-deps tf_keras` installs beside Keras 3, make a SavedModel, "
        "and replace the pooling in that: "
        f"`tf_keras.models.load_model({str(path)!r}, compile=False).export('saved_model')`. Or make the "
        "model anew with Keras 3, and load only the weights into it."
    )
