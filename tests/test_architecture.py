"""The structure that docs/design.md describes: who may depend on whom."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tf_softpool"
# Which other folders a folder may import from.
MAY_IMPORT = {
    # A module that stands by itself, of use to both.
    "writing": set(),
    "rewriting": {"layers", "ops", "writing"},
    "serving": {"layers", "ops", "writing"},
    "layers": {"ops"},
    "ops": set(),
    "lib": set(),
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_python_dependencies_point_one_way(path):
    names = set(imports(path))
    assert not [n for n in names if n.startswith("keras.src")]
    folder = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if folder not in MAY_IMPORT:
        return
    inner = {n.split(".")[1] for n in names if n.startswith("tf_softpool.")}
    assert inner <= MAY_IMPORT[folder] | {folder}


def includes(path):
    return re.findall(r'#include [<"]([^>"]+)[>"]', path.read_text())


KERNELS = sorted(ROOT.glob("custom_ops/kernels/**/*.*"))


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.name)
def test_kernels_know_nothing_of_tensorflow(path):
    assert not [i for i in includes(path) if i.startswith(("tensorflow", "Eigen", "unsupported"))]


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.name)
def test_only_kernels_of_devices_know_of_cuda(path):
    cuda = [i for i in includes(path) if i.startswith(("cuda", "kernels/cuda/"))]
    # Which mathematics includes in the place of Highway.
    assert not cuda or path.parent.name == "cuda" or path.name == "simd.h"


@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("custom_ops/tensorflow/*")) + sorted(ROOT.glob("custom_ops/xla/*")),
    ids=lambda p: p.name,
)
def test_ops_know_nothing_of_simd(path):
    assert not [i for i in includes(path) if i.startswith("hwy") or i.endswith("-inl.h")]


def test_nothing_depends_on_the_library_for_xla():
    others = [*KERNELS, *ROOT.glob("custom_ops/tensorflow/*")]
    assert not [path for path in others for i in includes(path) if i.startswith("xla/")]


def test_files_fit_in_a_head():
    sources = [*ROOT.glob("custom_ops/**/*.[ch]*"), *PACKAGE.rglob("*.py")]
    assert len(sources) > 20
    assert {p.name: n for p in sources if (n := len(p.read_text().splitlines())) > 350} == {}
