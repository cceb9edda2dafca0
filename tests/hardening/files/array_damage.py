"""Damage to the headers of `.npy` files, whose text is Python's notation of a dict."""

import zipfile
from pathlib import Path
from random import Random

import archive_damage

_MAGIC = b"\x93NUMPY"
_SHAPES = [
    *(
        "(-1,)",
        "(0,)",
        "()",
        "(2, 4, 4, 1)",
        "(2, 4, 4, 2)",
        "(1,",
        "1",
        "[2, 16]",
        "(1.5,)",
        "(True,)",
        "None",
    ),
    *(
        f"({2**62}, {2**62})",
        f"({2**40},)",
        f"({2**33},)",
        "(" + "1," * 64 + ")",
        "(0, 18446744073709551616)",
    ),
    *("(2, 16, 1, 99999999999999999999999)", "(" * 90 + ")" * 90, "(" * 4000 + ")" * 4000, "('x',)", "(a,)"),
]
_TYPES = [
    *(
        "'<f4'",
        "'>f4'",
        "'|O'",
        "'<f16'",
        "'<c8'",
        "'<U9'",
        "'|V4'",
        "'<M8[ns]'",
        "[('a', '<f4')]",
        "'f' * 9",
    ),
    *("'<f3'", "5", "''", "__import__('os')", "'<f4\\0'", "[('a', [('b', '<f4')])]", "'|S999999999'", "None"),
]


def header(shape: str, kind: str = "'<f4'", order: str = "False") -> bytes:
    """Returns the start of a file."""
    return pack(f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}")


def pack(text: str, version: int = 1, size: int | None = None) -> bytes:
    """Returns the start of a file whose header is this text, and says that it has this size."""
    data = text.encode("latin1", "replace") + b"\n"
    length = len(data) if size is None else size
    return _MAGIC + bytes([version, 0]) + length.to_bytes(2 if version == 1 else 4, "little") + data


def change_the_shape(path: Path, random: Random, outside: Path) -> None:
    """Has another shape, type or order."""
    kind = random.choice(_TYPES) if random.random() < 0.5 else "'<f4'"
    order = random.choice(["True", "False", "False", "False", "1", "Maybe"])
    path.write_bytes(header(random.choice(_SHAPES), kind, order) + bytes(128))


def change_the_text(path: Path, random: Random, outside: Path) -> None:
    """Has a character of the header exchanged, or another size of it."""
    text = list("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4, 4, 1), }")
    for _ in range(random.randint(0, 3)):
        text[random.randrange(len(text))] = random.choice("0129,:()'\"-{}[] x\0\\#")
    version = random.choice([1, 1, 2, 3, 0, 4, 255])
    size = random.choice([None, None, 0, 1, 65535, 2**32 - 1 if version != 1 else 9999])
    path.write_bytes(pack("".join(text), version, size) + bytes(128))


def pickled(path: Path, random: Random, outside: Path) -> None:
    """Has a pickle that runs a command when it is read, with and without a header."""
    code = b"cos\nsystem\n(S'touch canary'\ntR."
    path.write_bytes(header("(1,)", "'|O'") + code if random.random() < 0.5 else code)


def huge_shape(path: Path, random: Random, outside: Path) -> None:
    """Says that the array has 32 gigabytes, or more than any number can say."""
    path.write_bytes(header(random.choice([f"({2**33},)", f"({2**62},)", f"({2**31}, 4)"])) + bytes(128))


def bomb_in_arrays(path: Path, random: Random, outside: Path) -> None:
    """Has an array of ten gigabytes of zeros in an archive."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", header("(1,)") + bytes(4))
    archive_damage._bomb(path, "zeros.npy")


RANDOM = [change_the_shape, change_the_text]
HOSTILE = [pickled, huge_shape]
