"""The structure that docs/design.md describes: which parts may depend on which."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tf_softpool"
# The package that comes before TensorFlow is imported.
BEFORE = ROOT / "tf_softpool_cli"
# What each room may import from besides itself. A room is a module, or a folder with everything in it. Of the
# rooms that a module is in, the innermost one counts.
MAY_IMPORT = {
    "benchmark": {"ops", "rewriting.policy"},
    "cli": {"benchmark", "comparison", "ops", "rewriting", "serving", "writing"},
    "comparison": {"benchmark", "layers", "ops", "packages", "rewriting.policy.kinds", "writing"},
    "effects": {"graphs"},
    "folders": set(),
    "graphs": set(),
    "keras_versions": set(),
    "layers": {"ops"},
    "lib": set(),
    "ops": set(),
    "ops.arguments": {"ops.window"},
    "ops.numerics": set(),
    "ops.native": {"ops.window", "__version__"},
    "ops.portable": {"ops.arguments", "ops.numerics", "ops.window"},
    "ops.window": set(),
    "packages": set(),
    "requirements": set(),
    "rewriting": {"writing"},
    "rewriting.examine": {"folders"},
    "rewriting.identify": {"folders"},
    "rewriting.keras_2": {"packages", "rewriting.identify"},
    "rewriting.keras_model": {
        "keras_versions",
        "ops",
        "packages",
        "rewriting.examine",
        "rewriting.identify",
        "rewriting.keras_2",
        "rewriting.policy",
        "rewriting.request",
        "samples",
        "writing",
    },
    "rewriting.policy": {"keras_versions", "layers", "ops"},
    "rewriting.request": {"rewriting.policy"},
    "rewriting.saved_model": {
        "effects",
        "folders",
        "graphs",
        "ops",
        "packages",
        "rewriting.identify",
        "rewriting.policy",
        "rewriting.request",
        "samples",
        "sessions",
        "writing",
    },
    "samples": set(),
    "serving": {
        "effects",
        "folders",
        "keras_versions",
        "layers",
        "ops",
        "packages",
        "samples",
        "sessions",
        "writing",
    },
    "sessions": set(),
    "writing": set(),
}
# What each room may import from the package that comes before TensorFlow. Other rooms import nothing from it.
MAY_IMPORT_FROM_BEFORE = {
    "": {"__version__", "handover"},
    "__main__": {"script"},
    "requirements": {"backend", "installed"},
    "ops.native": {"backend", "supported"},
    "cli": {"doctor.findings", "names", "options", "switches", "terminal"},
    "comparison": {"__version__", "names", "ranges", "tables"},
    "rewriting.policy": {"tables"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))
# What the package that comes before TensorFlow may import besides itself and Python's own modules.
LIGHT = {"rich", "shtab"}
MODULES_BEFORE = sorted(BEFORE.rglob("*.py"))
# The one module that may use private attributes of Keras.
INTERNALS = PACKAGE / "rewriting" / "keras_model" / "internals.py"


def for_types_alone(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(path):
    """Yields the nodes of a module, without what only a type checker sees."""
    nodes = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        yield node
        nodes += [child for child in ast.iter_child_nodes(node) if not for_types_alone(child)]


def imports(path):
    """Yields the names of the modules that a module imports, and of what it takes from them."""
    for node in statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name, room):
    return f"{name}.".startswith(f"{room}.")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_python_dependencies_point_one_way(path):
    names = set(imports(path))
    assert not [n for n in names if n.startswith("keras.src")]
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    rooms = sorted((room for room in MAY_IMPORT if is_in(module, room)), key=len)
    if rooms:
        allowed = {*MAY_IMPORT[rooms[-1]], rooms[-1]}
        used = {n.removeprefix("tf_softpool.") for n in names if n.startswith("tf_softpool.")}
        assert [name for name in used if not any(is_in(name, room) for room in allowed)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_few_rooms_import_from_the_package_before(path):
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
    rooms = [room for room in MAY_IMPORT_FROM_BEFORE if (is_in(module, room) if room else not module)]
    allowed = set().union(*(MAY_IMPORT_FROM_BEFORE[room] for room in rooms))
    used = {n.removeprefix("tf_softpool_cli.") for n in imports(path) if n.startswith("tf_softpool_cli.")}
    assert [name for name in used if not any(is_in(name, each) for each in allowed)] == []


@pytest.mark.parametrize("path", MODULES_BEFORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_package_before_imports_little(path):
    imported = {name.partition(".")[0] for name in imports(path)} - {BEFORE.name, *sys.stdlib_module_names}
    # The process of the doctor's checks imports what it checks.
    assert imported <= (LIGHT | {PACKAGE.name} if path.name == "child.py" else LIGHT)


def foreign_private_attributes(path):
    """Returns the private attributes that a module uses of objects that are not its own."""
    return [
        f"{ast.unparse(node.value)}.{node.attr}"
        for node in statements(path)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) not in ("self", "cls")
    ]


@pytest.mark.parametrize("path", [*MODULES, *MODULES_BEFORE], ids=lambda p: str(p.relative_to(ROOT)))
def test_private_attributes_are_used_in_one_module(path):
    found = foreign_private_attributes(path)
    assert bool(found) == (path == INTERNALS)


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
    # Handlers of XLA's foreign function interface, which know no TensorFlow.
    "ffi": {"engine", "simd"},
    "jax": {"ffi", "simd"},
    "xla": {"engine", "ffi", "simd", "tensorflow"},
}
# TensorFlow's ops for GPUs find their stream in this header. TensorFlow's own header for that needs parts of
# LLVM that not all of its wheels have.
STREAM = "xla/stream_executor/stream.h"
# The headers of XLA's foreign function interface.
FFI = "xla/ffi/api/"
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
        "xla": [i for i in others if i.startswith("xla/") and i != STREAM and not i.startswith(FFI)],
        "ffi": [i for i in others if i.startswith(FFI)],
        "cuda": [i for i in others if i.startswith("cuda") and path.name != "load_store-inl.h"],
        "simd": [i for i in others if i.startswith("hwy") and rooms & {"tensorflow", "xla", "cuda"}],
    }
    assert STREAM not in others or "tensorflow" in rooms
    # The library for XLA lowers TensorFlow's ops, so its files may include TensorFlow.
    allowed = rooms | ({"tensorflow", "ffi"} if "xla" in rooms else set())
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
    sources = [*SOURCES, *MODULES, *MODULES_BEFORE]
    assert len(sources) > 20
    assert {p.name: n for p in sources if (n := len(p.read_text().splitlines())) > 500} == {}
