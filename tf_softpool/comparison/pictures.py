"""What a user gives to be compared on: files, folders, arrays and pictures of Pillow."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tf_softpool.comparison import arrays, image_files, videos
from tf_softpool.comparison.limits import FRAMES as FRAMES
from tf_softpool.comparison.picture import Picture

Read = Callable[[], tuple[np.ndarray, tuple[str, ...]]]


def pictures_of(images: Any, frames: int = FRAMES) -> tuple[Picture, ...]:
    """Returns pictures and clips. Each is read once, so that it is known that all can be read.

    Args:
        images: what `tf_softpool.compare` takes.
        frames: int: how many frames of a GIF or video are read, the first ones.

    Raises:
        ValueError: if there are no pictures, or one cannot be read. The message names it.
        FileNotFoundError: if there is no file of a name.
    """
    found: dict[str, Picture] = {}
    for i, image in enumerate(_listed(images), 1):
        for name, read in _readers(image, f"picture {i}", frames):
            # One file may be given twice.
            if name not in found:
                values, notes = read()
                found[name] = Picture(name, values.shape, notes, read=partial(_values, read))
    if not found:
        raise ValueError("`images` is empty: give at least one picture.")
    return tuple(found.values())


def _values(read: Read) -> np.ndarray:
    return read()[0]


def _listed(images: Any) -> list[Any]:
    """Returns the items of `images`: of a list, or of an array that is a batch, or `images` itself."""
    if isinstance(images, list | tuple):
        return list(images)
    if not isinstance(images, str | os.PathLike) and not image_files.is_image(images):
        array = np.asarray(images)
        return list(array) if array.ndim > 3 else [array]
    return [images]


def _readers(image: Any, name: str, frames: int) -> Iterator[tuple[str, Read]]:
    """Yields the name of each picture that an item of `images` stands for, and a function that reads it."""
    if isinstance(image, str | os.PathLike):
        for path in _paths(Path(image)):
            file = videos if videos.is_video(path) else image_files
            yield str(path), partial(file.read, path, frames)
    elif image_files.is_image(image):
        yield name, partial(image_files.read_open, image, name, frames)
    else:
        yield name, partial(arrays.read, image, name)


def _paths(path: Path) -> list[Path]:
    """Returns a file, or the images in a folder.

    Raises:
        FileNotFoundError: if there is nothing at the path.
        ValueError: if there is no image in the folder.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no picture at {path}.")
    if not path.is_dir():
        return [path]
    suffixes = image_files.suffixes()
    # Systems keep notes of their own in hidden files, some with the names of pictures.
    shown = (each for each in path.iterdir() if not each.name.startswith("."))
    found = sorted(each for each in shown if each.suffix.lower() in suffixes and each.is_file())
    if not found:
        raise ValueError(f"There is no image file in the folder {path}.")
    return found
