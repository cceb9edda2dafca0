"""What is checked in a model's folder before a library reads it: nothing leads elsewhere or never ends."""

import os
import stat
from pathlib import Path


class NotReadableError(ValueError):
    """The error about a file that no library is given. Its text says why, and does not name the file."""


def check_folder(path: Path) -> None:
    """Checks that a folder has files and folders alone, and no links to folders outside of it.

    Links to files are followed, because download caches have them.

    Raises:
        NotReadableError: if it has anything else.
    """
    whole = path.resolve()
    for place, folders, names in os.walk(path):
        for name in names:
            if not stat.S_ISREG(os.stat(each := Path(place) / name).st_mode):
                raise NotReadableError(
                    f"{each.relative_to(path)} in it is not a file, but a pipe or a device."
                )
        for name in folders:
            each = Path(place) / name
            target = each.resolve()
            if each.is_symlink() and (whole not in target.parents or target in each.absolute().parents):
                raise NotReadableError(
                    f"{each.relative_to(path)} in it is a link to the folder {target}, which is not a "
                    "part of it. If the model needs that folder, copy the model with its links followed, as "
                    "`cp -rL` does."
                )


def check_saved_model_folder(path: str | os.PathLike[str]) -> None:
    """Checks the folder of a SavedModel, as `check_folder` does.

    Raises:
        ValueError: if it must not be read. The text names the folder.
    """
    try:
        check_folder(Path(path))
    except NotReadableError as error:
        raise ValueError(f"{path} is not read: {error}") from error
