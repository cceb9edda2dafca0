"""Files and folders that appear complete or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def complete_or_absent(path, overwrite, source=None):
    """A place to write a file or folder to, which takes its name when all is well, and else is removed.

    What else is written beside it goes with it, before it.

    Args:
        path: where it is to be.
        overwrite: whether what is there may be replaced, once the new is complete.
        source: what is read meanwhile, and must stay as it is, or None.

    Raises:
        FileExistsError: there is something, and it may not be replaced.
        ValueError: the path is the source, or in it, or has it inside.
        OSError: it cannot be written there.
    """
    path, target = Path(path), Path(path).resolve()
    if source is not None:
        _check_is_apart(path, target, Path(source).resolve())
    check_is_free(path, overwrite)
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target: only within a file system is renaming one step.
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    old = folder / "old"
    try:
        new = folder / "new" / target.name
        new.parent.mkdir()
        yield new
        check_is_free(path, overwrite)
        for other in sorted(set(new.parent.iterdir()) - {new}):
            check_is_free(target.parent / other.name, overwrite)
            other.replace(target.parent / other.name)
        _take_name(new, target, old, overwrite)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            # Of folders made for nothing; there is something in the others.
            for parent in made:
                parent.rmdir()


def _check_is_apart(path, target, source):
    if target == source or source in target.parents or target in source.parents:
        raise ValueError(f"{path} cannot be written: it is, holds, or is in {source}, which is read.")


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
