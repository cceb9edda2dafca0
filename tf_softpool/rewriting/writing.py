"""Files and folders that appear complete or not at all."""

import contextlib
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def complete_or_absent(path, overwrite, source):
    """A place to write a file or folder to, which takes its name when all is well, and else is removed.

    Args:
        path: where it is to be.
        overwrite: whether something that is there may be replaced, once the new is complete.
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
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} exists, and is replaced only where `overwrite` says so.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target: only within a file system is renaming one step.
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new = folder / "new" / target.name
        new.parent.mkdir()
        yield new
        if target.exists() and (target.is_dir() or new.is_dir()):
            # Only a file takes a file's place in one step.
            target.rename(folder / "old")
        new.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
