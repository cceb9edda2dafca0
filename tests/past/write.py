"""Writes what this version's models are and compute, for later versions to read. Run once for each release.

Usage: PYTHONPATH=.:tests/support:tests/past python tests/past/write.py VERSION

Writes `models.zip` and `interface.json` to the folder `tests/past/VERSION`, with "_" for "." in its name.
Files that are there already stay as they are, because they are the promise.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import promises
from written_models import FILES

HERE = Path(__file__).parent
# Files have the same date, so that the archive of the same files has the same bytes.
DATE = (2000, 1, 1, 0, 0, 0)


def main(version: str) -> None:
    """Writes the folder of a version."""
    folder = HERE / version.replace(".", "_")
    folder.mkdir(exist_ok=True)
    if not (folder / "models.zip").exists():
        write_models(folder / "models.zip")
    if not (folder / "interface.json").exists():
        (folder / "interface.json").write_text(json.dumps(promises.today(), indent=1) + "\n")


def write_models(archive: Path) -> None:
    """Writes an archive of all models, with the arrays that they were called with and returned."""
    arrays = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for name, write in FILES.items():
            keras.utils.set_random_seed(0)
            keras.backend.clear_session()
            for signature, sides in write(folder / name).items():
                for side, tensors in zip(("in", "out"), sides, strict=True):
                    arrays |= {f"{name}|{signature}|{side}|{key}": value for key, value in tensors.items()}
        np.savez_compressed(folder / "arrays.npz", **arrays)
        with zipfile.ZipFile(archive, "w") as file:
            for each in sorted(path for path in folder.rglob("*") if path.is_file()):
                info = zipfile.ZipInfo(str(each.relative_to(folder)), DATE)
                file.writestr(info, each.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(sys.argv[1])
