"""Image files and pictures of Pillow, read as arrays."""

import contextlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tf_softpool.comparison.arrays import scaled
from tf_softpool.comparison.limits import check_size
from tf_softpool.packages import plain, require

# Formats whose further pictures are frames. Those of others are pages, or the same picture in other sizes.
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_SIXTEEN_BITS = 65535

Found = tuple[np.ndarray, tuple[str, ...]]


def is_image(image: Any) -> bool:
    """Returns whether an object is a picture of Pillow, without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def suffixes() -> set[str]:
    """Returns the endings of files that Pillow reads, in lower case and with the dot."""
    pillow = _pillow()
    return {suffix for suffix, of in pillow.registered_extensions().items() if of in pillow.OPEN}


def read(path: Path, frames: int) -> Found:
    """Returns a file's picture `[height, width, channels]`, or its frames, as float32 from 0 to 1, and notes.

    Raises:
        ValueError: if the file is no picture, is damaged, or has too many pixels.
        OSError: if the file cannot be opened.
    """
    pillow = _pillow()
    with path.open("rb") as file, warnings.catch_warnings():
        # `check_size` has a limit of its own.
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
        try:
            image = pillow.open(file)
        except pillow.DecompressionBombError as error:
            raise ValueError(f"{path} is too large: {plain(error)}") from error
        except pillow.UnidentifiedImageError as error:
            raise ValueError(f"{path} is not a picture or video that can be read.") from error
        except Exception as error:
            raise _damaged(path, error) from error
        with image:
            return read_open(image, str(path), frames)


def read_open(image: Any, name: str, frames: int) -> Found:
    """Does what `read` does, for a picture of Pillow."""
    count = getattr(image, "n_frames", 1)
    notes = []
    if count > 1 and image.format in _ANIMATED:
        check_size(name, (min(count, frames), image.height, image.width))
        if count > frames:
            notes.append(f"the first {frames} of {count} frames")
        with _reading(name):
            found = [_still(_frame(image, i), name) for i in range(min(count, frames))]
        notes += dict.fromkeys(note for _, its in found for note in its)
        return np.stack([values for values, _ in found]), tuple(notes)
    check_size(name, (image.height, image.width))
    if count > 1:
        notes.append(f"the first of {count} pages")
    transpose = require("compare", "PIL.ImageOps", purpose="The comparison of pictures").exif_transpose
    with _reading(name):
        values, its = _still(transpose(image), name)
    return values, (*notes, *its)


def _frame(image: Any, index: int) -> Any:
    image.seek(index)
    # Frames of one file may have different modes.
    return image.convert("RGBA")


def _still(image: Any, name: str) -> Found:
    """Returns a picture as an array, and notes. Transparent parts are laid over white."""
    notes: tuple[str, ...] = ()
    if image.mode.startswith("I;16"):
        return scaled(np.asarray(image).astype(np.uint16)[..., np.newaxis], name), notes
    if image.mode in ("I", "F"):
        return _wide(image, name), notes
    is_grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            notes = ("transparent parts over white",)
            white = _pillow().new("RGBA", image.size, "white")
            white.alpha_composite(image)
            image = white
    values = np.asarray(image.convert("L" if is_grey else "RGB"))
    return scaled(values.reshape(*values.shape[:2], -1), name), notes


def _wide(image: Any, name: str) -> np.ndarray:
    """Returns a picture of 32-bit integers, which are 16-bit values, or of 32-bit floats."""
    values = np.asarray(image)[..., np.newaxis]
    if image.mode == "I":
        if values.min() < 0 or values.max() > _SIXTEEN_BITS:
            raise ValueError(
                f"The values of {name} are integers from {values.min()} to {values.max()}, and must be from "
                f"0 to {_SIXTEEN_BITS}."
            )
        values = values.astype(np.uint16)
    return scaled(values, name)


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Lets errors of Pillow name the file. Pillow raises many kinds of errors for damaged files."""
    try:
        yield
    except ValueError as error:
        raise (error if name in str(error) else _damaged(name, error)) from error
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str | Path, error: Exception) -> ValueError:
    return ValueError(f"{name} cannot be read: {plain(error)}")


def _pillow() -> Any:
    return require("compare", "PIL.Image", purpose="The comparison of pictures")
