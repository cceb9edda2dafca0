"""What can be said about paths before a model is read."""

import errno
import os
from pathlib import Path


def check_model(path: str) -> None:
    """Checks that something is at the path of a model.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if the path is empty.
    """
    if not path:
        raise ValueError("The path of the model is empty.")
    # A checkpoint of TensorFlow is several files, none of which has its name.
    if not os.path.exists(path) and not os.path.exists(f"{path}.index"):
        raise FileNotFoundError(f"There is no model at {path}.")


def check_file(path: str) -> None:
    """Checks that a file can be read.

    Raises:
        OSError: if it cannot.
    """
    with open(path, "rb"):
        pass


def check_out(path: str, overwrite: bool) -> None:
    """Checks that something can be written at a path.

    Raises:
        FileExistsError: if something is there, and `overwrite` is False.
        ValueError: if the path is empty.
        OSError: if nothing can be written there.
    """
    if not path:
        raise ValueError("The path of OUT is empty.")
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} already exists: give `--overwrite` to replace it.")
    parent = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if not parent.is_dir():
        code = errno.ENOTDIR
    elif not os.access(parent, os.W_OK | os.X_OK):
        code = errno.EACCES
    else:
        return
    raise OSError(code, f"Nothing can be written here: {os.strerror(code)}", path)


def check_picture(path: str) -> None:
    """Checks that there is a file or folder.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if the path is empty.
        OSError: if a file cannot be read.
    """
    if not path:
        raise ValueError("The path of a picture is empty.")
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no picture at {path}.")
    if not os.path.isdir(path):
        check_file(path)
