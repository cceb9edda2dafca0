"""Damage to zip archives that a checksum does not show, and archives that no program writes.

Each function takes the path of a valid archive, a random generator and a folder outside that no reader may
write to. It changes the archive.
"""

import zipfile
import zlib
from pathlib import Path
from random import Random

from byte_damage import BYTE_DAMAGE

_WEIGHTS = ("model.weights.h5", "config.json", "metadata.json")


def read(path: Path) -> dict[str, bytes]:
    """Returns the members of an archive by their names."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: dict[str, bytes]) -> None:
    """Writes an archive, as Keras does, without compression."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def damage_a_member(path: Path, random: Random, outside: Path) -> None:
    """Damages the bytes of a member, and packs it with a right checksum."""
    members = read(path)
    name = random.choice(sorted(members))
    members[name] = random.choice(BYTE_DAMAGE)(members[name], random)
    write(path, members)


def damage_the_directory(path: Path, random: Random, outside: Path) -> None:
    """Damages the directory at the end of the archive."""
    data = path.read_bytes()
    start = data.find(b"PK\1\2")
    path.write_bytes(data[:start] + random.choice(BYTE_DAMAGE)(data[start:], random))


def leave_out_a_member(path: Path, random: Random, outside: Path) -> None:
    """Leaves out a member."""
    members = read(path)
    del members[random.choice(sorted(members))]
    write(path, members)


def exchange_members(path: Path, random: Random, outside: Path) -> None:
    """Gives members the contents of others."""
    members = read(path)
    contents = list(members.values())
    random.shuffle(contents)
    write(path, dict(zip(members, contents, strict=True)))


def compress(path: Path, random: Random, outside: Path) -> None:
    """Packs with another method, and sometimes says that it is one that no program knows."""
    members, method = read(path), random.choice([8, 12, 14, 98])
    with zipfile.ZipFile(path, "w", method if method < 98 else 8) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        for info in archive.filelist:
            info.compress_type = method


def name_twice(path: Path, random: Random, outside: Path) -> None:
    """Has a member twice, with other contents."""
    name = random.choice(_WEIGHTS)
    _append(path, name, random.choice([b"", b"{}", b"[]", random.randbytes(100)]))


def names_outside(path: Path, random: Random, outside: Path) -> None:
    """Adds members whose names lead out of any folder."""
    for name in (
        "../above.txt",
        "assets/../../../above.txt",
        f"{outside}/absolute.txt",
        f"/..{outside}/both.txt",
        "..\\windows.txt",
        "C:\\windows.txt",
        "assets/" + "../" * 12 + f"{outside}/far.txt".lstrip("/"),
        "model.weights.h5/../../above.h5",
    ):
        _append(path, name, b"written")


def link_outside(path: Path, random: Random, outside: Path) -> None:
    """Adds a symbolic link to a folder outside, and a member behind the link."""
    link = zipfile.ZipInfo("assets/link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    _append(path, link, str(outside).encode())
    _append(path, "assets/link/through.txt", b"written")


def link_weights(path: Path, random: Random, outside: Path) -> None:
    """Has a link in the place of the weights."""
    members = read(path)
    members.pop("model.weights.h5", None)
    write(path, members)
    link = zipfile.ZipInfo("model.weights.h5")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    _append(path, link, b"/etc/passwd")


def encrypt(path: Path, random: Random, outside: Path) -> None:
    """Says that a member is encrypted."""
    with zipfile.ZipFile(path, "a") as archive:
        chosen = random.choice(archive.filelist)
        chosen.flag_bits |= 1
        archive.writestr("another", b"")


def declare_huge(path: Path, random: Random, outside: Path) -> None:
    """Says that a small member unpacks to a terabyte."""
    with zipfile.ZipFile(path, "a") as archive:
        chosen = random.choice(archive.filelist)
        chosen.file_size = random.choice([2**40, 2**32 - 2, 2**62])
        archive.writestr("another", b"")


def bomb_in_weights(path: Path, random: Random, outside: Path) -> None:
    """Has ten gigabytes of zeros as weights."""
    _bomb(path, "model.weights.h5")


def bomb_in_config(path: Path, random: Random, outside: Path) -> None:
    """Has ten gigabytes of zeros as its config."""
    _bomb(path, "config.json")


def bomb_in_metadata(path: Path, random: Random, outside: Path) -> None:
    """Has ten gigabytes of zeros as metadata, which the version of Keras is read from."""
    _bomb(path, "metadata.json")


def bomb_in_assets(path: Path, random: Random, outside: Path) -> None:
    """Has ten gigabytes of zeros among the assets, which Keras unpacks to disk."""
    _bomb(path, "assets/zeros.txt")


def many_bombs(path: Path, random: Random, outside: Path) -> None:
    """Has many members of 200 megabytes, none of which is large enough to be noticed by itself."""
    for i in range(40):
        _append_zeros(path, f"assets/{i}.txt", 200)


def many_members(path: Path, random: Random, outside: Path) -> None:
    """Has two thousand empty members."""
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(2_000):
            archive.writestr(f"assets/{i}", b"")


def _append(path: Path, name: str | zipfile.ZipInfo, data: bytes) -> None:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, data)


def _bomb(path: Path, name: str) -> None:
    """Has ten gigabytes of zeros as a member."""
    members = read(path)
    members.pop(name, None)
    write(path, members)
    _append_zeros(path, name, 10 * 1024)


def _append_zeros(path: Path, name: str, mebibytes: int) -> None:
    """Adds a member of zeros. Compressed blocks are independent, so that one block is repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block * mebibytes + packer.flush()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, data)
        info = archive.filelist[-1]
        info.compress_type, info.file_size = 8, mebibytes * 2**20


RANDOM = [damage_a_member, damage_the_directory, leave_out_a_member, exchange_members, compress, name_twice]
HOSTILE = [
    names_outside,
    link_outside,
    link_weights,
    encrypt,
    declare_huge,
    bomb_in_weights,
    bomb_in_config,
    bomb_in_metadata,
    bomb_in_assets,
    many_bombs,
    many_members,
]
