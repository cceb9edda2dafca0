"""Where an export may be written: to a free path, or over an earlier export."""

from pathlib import Path

from tf_softpool.serving.formats import FORMATS, Format, openvino

_IN_A_SAVED_MODEL = {
    "assets",
    "assets.extra",
    "fingerprint.pb",
    "keras_metadata.pb",
    "saved_model.pb",
    "variables",
}
_SUFFIXES = {module.SUFFIX for module in FORMATS.values()} | {".h5", ".hdf5", ".keras", ".pb"}


def check_place(path: Path, module: Format) -> None:
    """Checks that a model may be written to `path` in the format of `module`.

    Raises:
        ValueError: if the end of `path` does not suit the format.
        FileExistsError: if something that is not an earlier export is there.
    """
    suffix = module.SUFFIX
    if suffix and path.suffix != suffix:
        raise ValueError(f"The format {module.NAME!r} needs a `path` that ends in {suffix!r}, got {path}.")
    if not suffix and path.suffix and path.suffix in _SUFFIXES:
        raise ValueError(
            f"A SavedModel is a folder, so `path` must not end in {path.suffix!r}, got {path}. "
            "Pass another `format` to write a file."
        )
    if not (_is_free_for_file(path, module) if suffix else _is_free_for_folder(path)):
        raise FileExistsError(
            f"{path} cannot be replaced: what is there is not an earlier export. "
            "Remove it, or choose another path."
        )


def _is_free_for_folder(path: Path) -> bool:
    """Returns whether a SavedModel may be written to `path`.

    The working directory and the folders that contain it are never replaced.
    """
    if not path.is_dir():
        return not path.exists()
    resolved = path.resolve()
    if resolved in (here := Path.cwd(), *here.parents):
        return False
    names = {entry.name for entry in path.iterdir()}
    return not names or ("saved_model.pb" in names and names <= _IN_A_SAVED_MODEL)


def _is_free_for_file(path: Path, module: Format) -> bool:
    """Returns whether a file of a format may be written to `path`.

    An export may replace any file with the format's suffix. OpenVINO's .xml and .bin files are an exception:
    they replace only an earlier export of OpenVINO.
    """
    if path.is_dir():
        return False
    if module is not openvino:
        return True
    if not path.exists():
        return not path.with_suffix(".bin").exists()
    with path.open("rb") as file:
        return b"<net" in file.read(1000)
