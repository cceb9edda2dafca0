"""Arrays in .npy and .npz files, such as the input to compare models on."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tf_softpool.rewriting.examine import NotReadableError, check_size


def read_sample(path: str | os.PathLike[str]) -> Any:
    """Returns the array in a .npy file, or a dict of the arrays in a .npz file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a file, unpacks to far more than it has, or does not fit into memory.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_size(sum(member.file_size for member in archive.infolist()), Path(path).stat().st_size)
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        arrays = dict(found.items())
        # NumPy returns the bytes of a member that is no array.
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a member is no array")
        return arrays
    except NotReadableError as error:
        raise ValueError(f"{path} is not read: {error}") from error
    except MemoryError as error:
        # A damaged header may say that there is an array of any size.
        raise ValueError(f"{path} does not fit into memory, or is damaged. {error}".rstrip()) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:
        # NumPy uses Python's parser and zipfile, which raise errors of many kinds.
        raise ValueError(f"{path} is not a .npy or .npz file with arrays of numbers.") from error
