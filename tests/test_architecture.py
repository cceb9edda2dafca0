"""The structure that docs/design.md describes: which parts may depend on which."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tf_softpool"
# The other folders that each folder may import from.
MAY_IMPORT = {
    # `writing` is a module that imports nothing of ours. Rewriting and serving both use it.
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


ROOMS = ROOT / "custom_ops" / "softpool"
# A room is a folder of the C++. These are the other rooms that each room may include from.
MAY_INCLUDE = {
    "simd": set(),
    "engine": {"simd"},
    "poolings": {"engine", "simd"},
    "cuda": {"engine", "simd"},
    "tensorflow": {"engine", "simd"},
    "xla": {"engine", "simd", "tensorflow"},
}
SOURCES = sorted(path for path in ROOMS.rglob("*") if path.is_file())


def room(path):
    """Returns the rooms that a file belongs to. A pooling's folder also has files for GPUs and for XLA."""
    folder = path.relative_to(ROOMS).parts[0]
    if folder != "poolings":
        return {folder}
    if path.name.endswith("_xla.cc"):
        return {folder, "xla"}
    own = path.read_text()
    return (
        {folder, "cuda"}
        if path.suffix == ".cu" or ("softpool/cuda/" in own and path.suffix == ".h")
        else {folder}
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOMS)))
def test_cpp_dependencies_point_one_way(path):
    included = {i.split("/")[1] for i in includes(path) if i.startswith("softpool/")}
    rooms = room(path)
    assert included <= rooms.union(*(MAY_INCLUDE[name] for name in rooms))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOMS)))
def test_what_belongs_to_others_stays_in_its_room(path):
    rooms, others = room(path), includes(path)
    foreign = {
        "tensorflow": [i for i in others if i.startswith(("tensorflow/", "Eigen", "unsupported"))],
        "xla": [i for i in others if i.startswith("xla/")],
        "cuda": [i for i in others if i.startswith("cuda") and path.name != "load_store-inl.h"],
        "simd": [i for i in others if i.startswith("hwy") and rooms & {"tensorflow", "xla", "cuda"}],
    }
    # The library for XLA lowers TensorFlow's ops, so its files may include TensorFlow.
    allowed = rooms | ({"tensorflow"} if "xla" in rooms else set())
    assert {name: found for name, found in foreign.items() if found and name not in allowed} == {}


def test_only_its_folder_names_a_pooling():
    """Adding a pooling adds a folder, and changes nothing else."""
    poolings = [path.name for path in (ROOMS / "poolings").iterdir() if path.name != "shared"]
    assert len(poolings) >= 4
    classes = [f"{name.title().replace('_', '')}Pool" for name in poolings]
    named = {
        (str(path.relative_to(ROOMS)), name)
        for path in SOURCES
        for name in classes
        if "poolings" not in room(path) and name in path.read_text()
    }
    assert named == set()


def test_files_fit_in_a_head():
    sources = [*SOURCES, *PACKAGE.rglob("*.py")]
    assert len(sources) > 20
    assert {p.name: n for p in sources if (n := len(p.read_text().splitlines())) > 500} == {}
