"""Damage to HDF5 files that h5py itself makes: links to other files, and arrays larger than any machine.

Each function takes an open file, a random generator and a folder outside. `of_file` and `of_archive` make
damage to files of them.
"""

import io
from collections.abc import Callable
from pathlib import Path
from random import Random

import archive_damage
import h5py
import numpy as np

WEIGHTS = "model.weights.h5"


def _arrays(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
    return names


def _replace(file: h5py.File, random: Random, make: Callable[[h5py.File, str], object]) -> None:
    """Replaces an array by what a function makes in its place, or makes it where the arrays would be."""
    name = random.choice(_arrays(file) or ["model_weights/conv/kernel", "layers/dense/vars/0"])
    if name in file:
        del file[name]
    make(file, name)


def huge_array(file: h5py.File, random: Random, outside: Path) -> None:
    """Declares an array of up to 2^60 numbers, and stores none of them."""
    shape = random.choice([(2**40,), (2**20, 2**20, 2**20), (2**33,), (3, 3, 3, 2**30)])
    _replace(
        file, random, lambda f, name: f.create_dataset(name, shape, "f4", chunks=tuple([1] * len(shape)))
    )


def every_array_huge(file: h5py.File, random: Random, outside: Path) -> None:
    """Declares each array as one of a gigabyte, and stores one number of each."""
    for name in _arrays(file):
        del file[name]
        made = file.create_dataset(name, (2**28,), "f4", chunks=(2**20,), compression="gzip")
        made[0] = 1


def huge_contiguous_array(file: h5py.File, random: Random, outside: Path) -> None:
    """Declares an array of 16 gigabytes that is not in chunks, and stores none of it."""
    _replace(file, random, lambda f, name: f.create_dataset(name, (2**32,), "f4"))


def huge_type(file: h5py.File, random: Random, outside: Path) -> None:
    """Declares one number whose type has a gigabyte."""
    _replace(file, random, lambda f, name: f.create_dataset(name, (4,), np.dtype(("V", 2**30)), chunks=(1,)))


def other_type(file: h5py.File, random: Random, outside: Path) -> None:
    """Has texts, structures, references or complex numbers in the place of an array."""

    def make(file: h5py.File, name: str) -> None:
        kind = random.choice(["text", "struct", "reference", "complex", "empty", "object", "list"])
        if kind == "text":
            file.create_dataset(name, data=["a", "b"], dtype=h5py.string_dtype())
        elif kind == "struct":
            file.create_dataset(name, (3, 3), np.dtype([("a", "f4"), ("b", "i8")]))
        elif kind == "reference":
            file.create_dataset(name, (2,), h5py.ref_dtype)
        elif kind == "complex":
            file.create_dataset(name, data=np.ones((3, 3), "complex64"))
        elif kind == "empty":
            file.create_dataset(name, data=h5py.Empty("f4"))
        elif kind == "object":
            file.create_group(name)
        else:
            file.create_dataset(name, (2,), h5py.vlen_dtype("f4"))

    _replace(file, random, make)


def external_link(file: h5py.File, random: Random, outside: Path) -> None:
    """Links to an object in another file."""
    other = random.choice([str(outside / "other.h5"), "/etc/passwd", "/dev/zero", "../other.h5"])
    _replace(file, random, lambda f, name: f.__setitem__(name, h5py.ExternalLink(other, "/secret")))


def soft_link(file: h5py.File, random: Random, outside: Path) -> None:
    """Links to another name in the file, to itself or to nothing."""
    target = random.choice(["/", "/nothing", "/vars", "self"])
    _replace(
        file,
        random,
        lambda f, name: f.__setitem__(name, h5py.SoftLink(f"/{name}" if target == "self" else target)),
    )


def external_storage(file: h5py.File, random: Random, outside: Path) -> None:
    """Has the numbers of an array in another file."""
    _replace(
        file,
        random,
        lambda f, name: f.create_dataset(name, (64,), "u1", external=[("/etc/passwd", 0, 64)]),
    )


def virtual_array(file: h5py.File, random: Random, outside: Path) -> None:
    """Has the numbers of an array in an array of another file."""
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(outside / "other.h5"), "secret", (4,))
    _replace(file, random, lambda f, name: f.create_virtual_dataset(name, layout))


def group_in_itself(file: h5py.File, random: Random, outside: Path) -> None:
    """Has a group inside itself, so that a walk through the file never ends."""
    groups = ["/"]
    file.visititems(lambda name, found: groups.append(name) if isinstance(found, h5py.Group) else None)
    first, second = random.choice(groups), random.choice(groups)
    file[first][random.choice(["again", "layers", "vars"]) + str(random.randrange(9))] = file[second]


def names_of_weights(file: h5py.File, random: Random, outside: Path) -> None:
    """Names other weights or layers than there are."""
    group = file.get("model_weights", file)
    names = random.choice([["nothing"], ["../.."], [""], ["/"], ["."], [b"\xff\xfe"], 5, [1.5], [], "text"])
    holders = [group, *[each for each in group.values() if isinstance(each, h5py.Group)]]
    random.choice(holders).attrs[random.choice(["weight_names", "layer_names", "backend"])] = names


def version(file: h5py.File, random: Random, outside: Path) -> None:
    """Names another version of Keras, or something that is no version."""
    value = random.choice(["2.4.0", "1.0", "3.99", "", b"\xff", 2, [2, 3], h5py.Empty("f4"), "2" * 9999])
    file.attrs["keras_version"] = value
    file.attrs["backend"] = random.choice(["tensorflow", "theano", b"\xff", 3])


Change = Callable[[h5py.File, Random, Path], None]
CHANGES: list[Change] = [
    huge_array,
    every_array_huge,
    huge_contiguous_array,
    huge_type,
    other_type,
    external_link,
    soft_link,
    external_storage,
    virtual_array,
    group_in_itself,
    names_of_weights,
    version,
]


def of_file(change: Change) -> Callable[[Path, Random, Path], None]:
    """Returns damage to an HDF5 file."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file, random, outside)

    return damage


def of_archive(change: Change) -> Callable[[Path, Random, Path], None]:
    """Returns damage to the weights in an archive."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        members = archive_damage.read(path)
        content = io.BytesIO(members[WEIGHTS])
        with h5py.File(content, "r+") as file:
            change(file, random, outside)
        members[WEIGHTS] = content.getvalue()
        archive_damage.write(path, members)

    return damage
