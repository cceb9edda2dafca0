"""Damage to the bytes of any file. Each function takes bytes and a random generator, and returns bytes."""

from random import Random

# Values that often mean a size, an offset or an end.
_TELLING = [b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\x7f" + b"\xff" * 3, b"\0\0\0\x80", b"\x80" * 10, b"\1"]


def flip_bits(data: bytes, random: Random) -> bytes:
    """Flips between one and eight bits."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 8) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, random: Random) -> bytes:
    """Writes a run of random bytes over others."""
    start = random.randrange(len(data) + 1)
    return _over(data, start, random.randbytes(random.randint(1, 64)))


def overwrite_number(data: bytes, random: Random) -> bytes:
    """Writes a number that is no size over a few bytes."""
    start = random.randrange(len(data) + 1)
    return _over(data, start, random.choice(_TELLING))


def truncate(data: bytes, random: Random) -> bytes:
    """Leaves out the end, often only a few bytes."""
    kept = random.randrange(len(data) + 1) if random.random() < 0.5 else len(data) - random.randint(1, 40)
    return data[: max(kept, 0)]


def extend(data: bytes, random: Random) -> bytes:
    """Adds bytes to the end or the start."""
    more = random.choice([random.randbytes, bytes])(random.randint(1, 4000))
    return data + more if random.random() < 0.7 else more + data


def repeat_block(data: bytes, random: Random) -> bytes:
    """Writes a block twice, which moves what is behind it."""
    start, end = _block(data, random)
    return data[:end] + data[start:end] + data[end:]


def drop_block(data: bytes, random: Random) -> bytes:
    """Leaves out a block."""
    start, end = _block(data, random)
    return data[:start] + data[end:]


def swap_blocks(data: bytes, random: Random) -> bytes:
    """Exchanges two blocks of the same size."""
    size = random.randint(1, max(1, min(256, len(data) // 2)))
    first, second = sorted(random.randrange(max(1, len(data) - size)) for _ in range(2))
    if second < first + size:
        return data[::-1]
    middle = data[first + size : second]
    return (
        data[:first]
        + data[second : second + size]
        + middle
        + data[first : first + size]
        + data[second + size :]
    )


def _over(data: bytes, start: int, new: bytes) -> bytes:
    return data[:start] + new + data[start + len(new) :]


def _block(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.randint(1, 512))


BYTE_DAMAGE = [
    flip_bits,
    overwrite,
    overwrite_number,
    truncate,
    extend,
    repeat_block,
    drop_block,
    swap_blocks,
]
