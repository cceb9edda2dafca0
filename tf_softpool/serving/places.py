"""Where exports may be written: in the place of earlier ones, and of nothing else."""

from pathlib import Path

from tf_softpool.serving.formats import FORMATS, openvino

_IN_A_SAVED_MODEL = {
    "assets",
    "assets.extra",
    "fingerprint.pb",
    "keras_metadata.pb",
    "saved_model.pb",
    "variables",
}
_SUFFIXES = {module.SUFFIX for module in FORMATS.values()} | {".h5", ".hdf5", ".keras", ".pb"}


def check_place(path, module):
    """Checks where a model is to be written.

    Raises:
        ValueError: the path does not end as the files of a format do.
        FileExistsError: there is something that is no earlier export.
    """
    suffix = module.SUFFIX
    if suffix and path.suffix != suffix:
        raise ValueError(f"A model in the format {module.NAME!r} is written to a file {suffix}, got {path}.")
    if not suffix and path.suffix and path.suffix in _SUFFIXES:
        raise ValueError(f"A SavedModel is a folder, and {path} ends as a file does.")
    if not (_is_free_for_file(path, module) if suffix else _is_free_for_folder(path)):
        raise FileExistsError(f"{path} is no earlier export, so none takes its place: remove it yourself.")


def _is_free_for_folder(path):
    if not path.is_dir():
        return not path.exists()
    resolved = path.resolve()
    if resolved in (here := Path.cwd(), *here.parents):
        return False
    names = {entry.name for entry in path.iterdir()}
    return not names or ("saved_model.pb" in names and names <= _IN_A_SAVED_MODEL)


def _is_free_for_file(path, module):
    if path.is_dir():
        return False
    if module is not openvino:
        return True
    if not path.exists():
        return not path.with_suffix(".bin").exists()
    with path.open("rb") as file:
        return b"<net" in file.read(1000)
