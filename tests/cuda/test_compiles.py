"""The package's library has its CUDA kernels for all cards that it claims to support."""

import json
import re
import shutil
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "tf_softpool" / "lib" / "libsoftpool_kernels.so"
# The bytes that begin a collection of the same kernels for several architectures, and the kinds of its
# entries.
MAGIC = struct.pack("<I", 0xBA55ED50)
PTX, MACHINE_CODE = 1, 2


def collections(content):
    """Yields, for each collection in a library, the set of its entries' kinds and architectures.

    The function reads the format that nvcc writes, because the toolkit's own reader is not installed wherever
    nvcc is.
    """
    for found in re.finditer(re.escape(MAGIC), content):
        header, size = struct.unpack_from("<HQ", content, found.start() + 6)
        at = found.start() + header
        end, entries = at + size, set()
        while at < end:
            kind, entry_header, entry_size = struct.unpack_from("<H2xIQ", content, at)
            (architecture,) = struct.unpack_from("<I", content, at + 28)
            entries.add((kind, architecture))
            at += entry_header + entry_size
        yield entries


def built(which="cuda_architectures"):
    """Returns architectures from build.json: those built for, or those whose PTX the library has.

    Skips the test if the package has no CUDA kernels.
    """
    path = LIBRARY.with_name("build.json")
    if not path.exists():
        pytest.skip("the package is not built in this checkout")
    build = json.loads(path.read_text())
    architectures = [int(n) for n in re.findall(r"\d+", build.get("cuda_architectures", ""))]
    if not architectures:
        reason = build.get("cuda_missing") or "build.json names no CUDA architectures"
        wanted = shutil.which("nvcc") and "TF_SOFTPOOL_CUDA=" not in reason
        assert not wanted, f"nvcc is installed, but the library has no CUDA kernels: {reason}"
        pytest.skip(reason)
    return [int(n) for n in re.findall(r"\d+", build[which])]


def test_every_kernel_is_there_for_every_architecture():
    architectures = built()
    kernels = [entries for entries in collections(LIBRARY.read_bytes()) if entries]
    assert kernels
    for entries in kernels:
        assert {a for kind, a in entries if kind == MACHINE_CODE} >= set(architectures)


def test_cards_to_come_find_what_they_can_compile():
    ptx = built("cuda_ptx")
    if not ptx:
        pytest.skip("CUDAARCHS left out the PTX that later cards can compile")
    newest = max(ptx)
    kernels = [entries for entries in collections(LIBRARY.read_bytes()) if (PTX, newest) in entries]
    assert len(kernels) >= len(list(ROOT.glob("custom_ops/softpool/poolings/*/*.cu")))
