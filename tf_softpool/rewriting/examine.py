"""What is checked in a model's file before a library reads it: sizes, links and names.

A file of a few kilobytes may say that it unpacks to terabytes, or refer to other files of the machine.
"""

from __future__ import annotations

import io
import math
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from tf_softpool.folders import NotReadableError, check_folder

_WEIGHTS = "model.weights.h5"
# Keras does not compress. Weights that another program has compressed are not a hundred times as large.
_RATIO, _FLOOR = 100, 2**28


def check_keras_file(path: Path) -> None:
    """Checks a Keras file: an archive, an HDF5 file or a folder.

    Raises:
        NotReadableError: if it unpacks to far more than it has, refers to other files, or is damaged.
    """
    try:
        if path.is_dir():
            check_folder(path)
            if (path / _WEIGHTS).is_file():
                _check_hdf5(path / _WEIGHTS, (path / _WEIGHTS).stat().st_size)
        elif zipfile.is_zipfile(path):
            _check_archive(path)
        else:
            _check_hdf5(path, path.stat().st_size)
    except (NotReadableError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        # zipfile and h5py raise errors of many kinds.
        raise NotReadableError(f"it is damaged: {error}") from error


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            parts = member.filename.replace("\\", "/").split("/")
            if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
                raise NotReadableError(f"its member {member.filename!r} leads out of it.")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise NotReadableError(f"its member {member.filename!r} is a link.")
            if member.flag_bits & 1:
                raise NotReadableError(f"its member {member.filename!r} is encrypted.")
        names = [member.filename for member in members]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise NotReadableError(f"it has two members {twice!r}.")
        check_size(sum(member.file_size for member in members), path.stat().st_size)
        if _WEIGHTS in names:
            _check_weights(archive, path)


def _check_weights(archive: zipfile.ZipFile, path: Path) -> None:
    """Checks the weights in an archive."""
    member = archive.getinfo(_WEIGHTS)
    if member.compress_type == zipfile.ZIP_STORED:
        # Going to and fro in a member takes long, because zipfile reads it from the start each time.
        with path.open("rb") as file, io.BufferedReader(_Part(file, _start(file, member), member)) as part:
            _check_hdf5(part, member.file_size)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _check_hdf5(archive.extract(member, folder), member.file_size)


def _start(file: Any, member: zipfile.ZipInfo) -> int:
    """Returns where the data of a member begin. The header before them has two fields of any length."""
    file.seek(member.header_offset + 26)
    name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return member.header_offset + 30 + name + extra


class _Part(io.RawIOBase):
    """A part of an open file, as a file."""

    def __init__(self, file: Any, start: int, member: zipfile.ZipInfo) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, member.file_size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _check_hdf5(file: Any, size: int) -> None:
    """Checks an HDF5 file, given as a path or an open file, of so many bytes."""
    with h5py.File(file, "r") as opened:
        check_size(sum(_bytes_of(each) for each in _arrays(opened)), size)


def _arrays(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Yields the arrays of a file. A group may be in itself, and is entered once."""
    waiting, entered = [file["/"]], set()
    while waiting:
        group = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in entered:
            continue
        entered.add(address)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise NotReadableError(f"its part {_name(group, name)!r} is a link.")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                if found.external or found.is_virtual:
                    raise NotReadableError(f"its array {_name(group, name)!r} is in another file.")
                yield found


def _name(group: h5py.Group, name: str) -> str:
    return f"{(group.name or '').rstrip('/')}/{name}"


def _bytes_of(array: h5py.Dataset) -> int:
    return math.prod(array.shape or ()) * array.dtype.itemsize


def check_size(unpacked: int, size: int) -> None:
    """Raises a NotReadableError if a file of some bytes says that it unpacks to far more."""
    if unpacked > max(_FLOOR, _RATIO * size):
        raise NotReadableError(f"it says that its {size} bytes unpack to {unpacked}.")
