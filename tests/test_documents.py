"""The examples in docstrings and documents run, and print what they say. Links lead to existing files."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import tf_softpool

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MODULES = [
    module.name
    for module in pkgutil.walk_packages(tf_softpool.__path__, "tf_softpool.")
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


@pytest.mark.parametrize("name", ["README.md", "docs/rewriting.md", "docs/serving.md"])
def test_examples_in_documents(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in DOCS.glob("*.md"))]
)
def test_links_lead_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []
