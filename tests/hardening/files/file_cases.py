"""The cases: each kind of file with each damage that it can have, and each way to read it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import archive_damage
import array_damage
import byte_damage
import config_damage
import folder_damage
import graph_damage
import hdf5_damage

Damage = Callable[[Path, Random, Path], None]


class Case(NamedTuple):
    """A file to damage and read.

    Attributes:
        kind: the kind of file, a key of `valid_files.KINDS`.
        damage: the name of the damage, a key of `DAMAGE[kind]`.
        seed: what the damage is chosen by.
        reader: how the file is read, a key of `file_readers.READERS`.
    """

    kind: str
    damage: str
    seed: int
    reader: str

    def random(self) -> Random:
        """Returns the generator of this case."""
        return Random(f"{self.kind} {self.damage} {self.seed}")


def _bytes(change: Callable[[bytes, Random], bytes]) -> Damage:
    def damage(path: Path, random: Random, outside: Path) -> None:
        path.write_bytes(change(path.read_bytes(), random))

    return damage


def _named(prefix: str, functions: list, wrap: Callable = lambda each: each) -> dict[str, Damage]:
    return {f"{prefix}.{each.__name__}": wrap(each) for each in functions}


_BYTES = _named("bytes", byte_damage.BYTE_DAMAGE, _bytes)
_ZIP = _named("zip", archive_damage.RANDOM)
_ARCHIVE = (
    _BYTES
    | _ZIP
    | _named("config", config_damage.RANDOM, config_damage.of_archive)
    | _named("weights", hdf5_damage.CHANGES, hdf5_damage.of_archive)
)
_HDF5 = (
    _BYTES
    | _named("config", config_damage.RANDOM, config_damage.of_hdf5)
    | _named("hdf5", hdf5_damage.CHANGES, hdf5_damage.of_file)
)
_SAVED_MODEL = _named("folder", folder_damage.RANDOM) | _named(
    "graph", graph_damage.CHANGES, graph_damage.of_folder
)
_FOLDER = _named("folder", folder_damage.RANDOM[:2]) | _named(
    "config", config_damage.RANDOM, config_damage.of_folder
)
# Damage that is chosen at random, so that another seed is another damage.
RANDOM: dict[str, dict[str, Damage]] = {
    "keras": _ARCHIVE,
    "assets": _ARCHIVE,
    "keras_2": _ARCHIVE,
    "folder": _FOLDER,
    "hdf5": _HDF5,
    "keras_2_hdf5": _HDF5,
    "saved_model": _SAVED_MODEL,
    "tensorflow_1": _SAVED_MODEL,
    "onnx": _BYTES,
    "litert": _BYTES,
    "openvino": _BYTES,
    "array": _BYTES | _named("header", array_damage.RANDOM),
    "arrays": _BYTES | _named("zip", archive_damage.RANDOM[:2]),
}
_HOSTILE_ARCHIVE = _named("zip", archive_damage.HOSTILE) | _named(
    "config", config_damage.HOSTILE, config_damage.of_archive
)
_HOSTILE_HDF5 = _named("config", config_damage.HOSTILE, config_damage.of_hdf5)
_HOSTILE_FOLDER = _named("links", folder_damage.LINKS) | _named(
    "config", config_damage.HOSTILE, config_damage.of_folder
)
# Damage that somebody means. A few seeds have all of its forms.
HOSTILE: dict[str, dict[str, Damage]] = {
    "keras": _HOSTILE_ARCHIVE,
    "assets": _HOSTILE_ARCHIVE,
    "keras_2": _HOSTILE_ARCHIVE,
    "folder": _HOSTILE_FOLDER,
    "hdf5": _HOSTILE_HDF5,
    "keras_2_hdf5": _HOSTILE_HDF5,
    "saved_model": _named("links", folder_damage.LINKS) | _named("active", folder_damage.ACTIVE),
    "array": _named("header", array_damage.HOSTILE),
    "arrays": _named("zip", [*archive_damage.HOSTILE[3:5], array_damage.bomb_in_arrays]),
}
DAMAGE = {kind: RANDOM[kind] | HOSTILE.get(kind, {}) for kind in RANDOM}

_KERAS = ("rewrite", "replace_command", "export_command")
READERS: dict[str, tuple[str, ...]] = {
    "keras": _KERAS,
    "assets": _KERAS,
    "keras_2": _KERAS,
    "folder": _KERAS,
    "hdf5": _KERAS,
    "keras_2_hdf5": _KERAS,
    "saved_model": ("rewrite", "load", "replace_command", "export_command", "litert_command"),
    "tensorflow_1": ("rewrite", "load", "replace_command", "export_command", "litert_command"),
    "onnx": ("load", "replace_command"),
    "litert": ("load", "replace_command"),
    "openvino": ("load", "replace_command"),
    "array": ("sample_command",),
    "arrays": ("sample_command",),
}


# Exporting a model runs it, for as long as it takes.
_NOT_EXPORTED = ("active.endless_loop", "active.huge_result")


def hostile(kinds: list[str], seeds: int) -> Iterator[Case]:
    """Yields each hostile damage with each seed. The readers take turns."""
    for kind in kinds:
        for number, name in enumerate(HOSTILE.get(kind, {})):
            for seed in range(seeds):
                readers = READERS[kind][: 3 if name in _NOT_EXPORTED else None]
                yield Case(kind, name, seed, readers[(number + seed) % len(readers)])


def at_random(kind: str, count: int) -> Iterator[Case]:
    """Yields so many cases of a kind. Damage and readers take turns. The first reader has more turns."""
    names, readers = sorted(RANDOM[kind]), READERS[kind]
    for i in range(count):
        turn = i // len(names)
        reader = readers[0] if turn % 2 == 0 else readers[(turn // 2 + i) % len(readers)]
        yield Case(kind, names[i % len(names)], turn, reader)
