"""Files and folders that appear complete or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def complete_or_absent(
    path: str | os.PathLike[str], overwrite: bool, source: str | os.PathLike[str] | None = None
) -> Iterator[Path]:
    """Yields a temporary path to write a file or folder to.

    The result is renamed to `path` if the block succeeds, and removed if it fails. Files that the block
    writes beside the temporary path are moved beside `path` first.

    Args:
        path: str or path-like. Where the result goes. Missing parent folders are made.
        overwrite: bool. Whether the result may replace what is at `path`.
        source: str, path-like or None. A file or folder that the block reads and that must not change.

    Raises:
        FileExistsError: if something exists at `path`, or beside it under the name of another file that the
            block wrote, and `overwrite` is False.
        ValueError: if `path` is `source`, is inside it, or contains it.
        OSError: if nothing can be written at `path`.
    """
    path, target = Path(path), Path(path).resolve()
    if source is not None:
        _check_is_apart(path, target, Path(source).resolve())
    check_is_free(path, overwrite)
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    # The temporary folder is beside the target because a rename is atomic only within one file system.
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        # The user knows the target, and not the name of the temporary folder.
        raise OSError(error.errno, f"Nothing can be written here: {error.strerror}", str(path)) from error
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
            # `rmdir` removes the parents that are still empty and fails on the others.
            for parent in made:
                parent.rmdir()


def _check_is_apart(path: Path, target: Path, source: Path) -> None:
    if target == source or source in target.parents or target in source.parents:
        raise ValueError(f"{path} cannot be written: it is, contains or lies inside {source}, which is read.")


def check_is_free(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raises a FileExistsError if something exists at `path` and `overwrite` is False."""
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} already exists: set `overwrite` to replace it.")


def _take_name(new: Path, target: Path, old: Path, overwrite: bool) -> None:
    """Renames `new` to `target`. A folder that is at `target` is moved to `old` first."""
    if new.is_file():
        if overwrite:
            new.replace(target)
        else:
            _link(new, target)
        return
    if target.exists():
        target.rename(old)
    new.rename(target)


def _link(new: Path, target: Path) -> None:
    """Gives a file the name `target`, and raises a FileExistsError if another process has just taken it."""
    try:
        os.link(new, target)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links.
        new.rename(target)
