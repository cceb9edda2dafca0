"""The examples in docstrings and documents run, and print what they say. Links lead to existing files."""

import doctest
import importlib
import io
import json
import pkgutil
import re
import urllib.request

import numpy as np
import pytest
from pages import ON_JAX, PAGES, ROOT, Checkout, excerpts, headings, missing, programs, prose

import tf_softpool
import tf_softpool_cli

MODULES = [
    module.name
    for package in (tf_softpool, tf_softpool_cli)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.startswith("tf_softpool.lib")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_every_public_thing_has_an_example():
    modules = (tf_softpool, tf_softpool.layers, tf_softpool.serving)
    public = {getattr(module, name) for module in modules for name in module.__all__} - set(modules)
    assert [thing.__name__ for thing in public if "Example:" not in (thing.__doc__ or "")] == []


@pytest.mark.parametrize(
    "name", [name for name in PAGES if programs((ROOT / name).read_text()) and name not in ON_JAX]
)
def test_examples_in_documents(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    names = {}
    for block in programs((ROOT / name).read_text()):
        exec(compile(block, name, "exec"), names)


def answer(url, body):
    """Answers as TensorFlow Serving would, for a model in a folder such as models/digits."""
    model = re.fullmatch(r"http://localhost:8501/v1/(models/\w+):predict", url)[1]
    served = tf_softpool.serving.load(f"{model}/1")
    (name,) = served.inputs
    (pooled,) = served({name: np.array(json.loads(body)["instances"], "float32")}).values()
    return io.StringIO(json.dumps({"predictions": pooled.tolist()}))


@pytest.mark.parametrize("name", [name for name in PAGES if excerpts((ROOT / name).read_text())])
def test_excerpts_in_documents_are_in_their_files(name):
    for path, lines in excerpts((ROOT / name).read_text()):
        left = iter((ROOT / path).read_text().splitlines())
        assert [line for line in lines if line not in left] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text()) if "://" not in link]
    assert [link for link in links if not leads_somewhere(ROOT / name, link)] == []


def leads_somewhere(page, link):
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in headings(target.read_text()))


@pytest.fixture(scope="module")
def checkout():
    return Checkout()


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_names_is_there(name, checkout):
    assert missing((ROOT / name).read_text(), checkout) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`cases.py` and `support/cases.py`, tests/support/cases.py", []),
        ("`gone.py`, gone_too.h, [a page](../docs/gone.md)", ["gone.py", "gone_too.h", "docs/gone.md"]),
        ("`kernels/cases.py`", ["kernels/cases.py"]),
        ("`<name>_pool.cc`, `*_pool.cu`, `_pool_ops.cc`, `-inl.h`", []),
        ("`_gone.cc`", ["_gone.cc"]),
        ("`poolings/`, `tests/cuda`, `tests/gone`, `gone/`", ["tests/gone", "gone"]),
        ("```\ntf_softpool/\n    ops/      functions\n    gone/    nothing\n```", ["gone"]),
        ("https://example.com/gone.py", []),
        ("`build/gone.md`", []),
        ("`tf_softpool.layers.base`, `tsp.layers.SoftPooling2D`, `tsp.layers.<name>1D`", []),
        ("`tf_softpool.ops.gone`, `tsp.gone(x)`", ["tf_softpool.ops.gone", "tf_softpool.gone"]),
        ("`make test`, `make gone`, to make something", ["make gone"]),
        ("```sh\nmake lint    # and then\nmake gone\n```", ["make gone"]),
    ],
)
def test_what_is_gone_is_found(text, expected, checkout):
    assert missing(text, checkout) == expected


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_not_long(name):
    lines = prose((ROOT / name).read_text())
    # A word that is longer than a line cannot be broken.
    assert {i: len(line) for i, line in lines.items() if len(line) > 120 and " " in line.strip()} == {}
