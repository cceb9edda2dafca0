"""Files and folders that appear complete or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def complete_or_absent(path, overwrite, source):
    """A place to write a file or folder to, which takes its name when all is well, and else is removed.

    Args:
        path: where it is to be.
        overwrite: whether what is there may be replaced, once the new is complete.
        source: what is read meanwhile, and must stay as it is.

    Raises:
        FileExistsError: there is something, and it may not be replaced.
        ValueError: the path is the source, or in it, or has it inside.
        OSError: it cannot be written there.
    """
    path, source = Path(path), Path(source).resolve()
    target = path.resolve()
    if target == source or source in target.parents or target in source.parents:
        raise ValueError(f"{path} cannot be written: it is, holds, or is in {source}, which is read.")
    check_is_free(path, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target: only within a file system is renaming one step.
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    old = folder / "old"
    try:
        new = folder / "new" / target.name
        new.parent.mkdir()
        yield new
        check_is_free(path, overwrite)
        _take_name(new, target, old, overwrite)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(folder, ignore_errors=True)


def check_is_free(path, overwrite):
    """Raises a FileExistsError where there is something that may not be replaced."""
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} exists, and is replaced only where `overwrite` says so.")


def _take_name(new, target, old, overwrite):
    """Renames what is new, which takes the place of what is there."""
    if new.is_file():
        if overwrite:
            new.replace(target)
        else:
            _link(new, target)
        return
    if target.exists():
        target.rename(old)
    new.rename(target)


def _link(new, target):
    """As renaming, but for what someone else has put there meanwhile, which it leaves alone."""
    try:
        os.link(new, target)
    except FileExistsError:
        raise
    except OSError:
        # Not all file systems have links.
        new.rename(target)
