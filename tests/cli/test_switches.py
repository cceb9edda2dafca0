"""Errors of the command line name its switches, and not the arguments of Python's functions."""

import ast
import inspect
import re

import pytest
from test_architecture import PACKAGE

import tf_softpool as tsp
from tf_softpool_cli.switches import with_switches

ROOMS = ("rewriting", "serving")
ARGUMENTS = {
    name
    for function in (tsp.export, tsp.replace_pooling, tsp.replace_pooling_in_file)
    for name in inspect.signature(function).parameters
}
NAMED = re.compile(r"`(\w+)(?:=\w+)?`(?! of `tf_softpool\.)")
# These only occur if Python's functions are called in a way that the command line does not.
PYTHON_ONLY = {"model", "in_place"}


def texts(path):
    """Yields the texts in a module that are not docstrings, each as the user would read it."""
    tree = ast.parse(path.read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    }
    inner = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    } - {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    for node in ast.walk(tree):
        if id(node) in documents or id(node) in inner:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)


MODULES = [PACKAGE / "writing.py", *(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))]
ALL = sorted({text for path in MODULES for text in texts(path) if set(NAMED.findall(text)) & ARGUMENTS})


@pytest.mark.parametrize("text", ALL)
def test_every_text_that_names_an_argument(text):
    result = with_switches(text)
    assert set(NAMED.findall(result)) & ARGUMENTS <= PYTHON_ONLY
    assert "custom_objects" not in result


def test_there_are_such_texts():
    assert len(ALL) > 15


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a already exists: set `overwrite` to replace it.", "give `--overwrite` to replace it"),
        ("register them, or give them as custom_objects.", "`--import`"),
        ("Pass `safe_mode=False` to the loading function", "give `--unsafe`"),
        ("`check=False` keeps it.", "`--no-check` keeps it."),
        ("with `portable=True`", "with `--portable`"),
        ("needs a `path` that ends in '.onnx'", "needs an OUT that ends"),
        ("`format` must be one of", "`--format` must be one of"),
        ("give a `sample`", "give a `--sample`"),
        ("`where` excludes it", "`--where` excludes it"),
        ("`first` and `last` leave it out", "`--first` and `--last` leave it out"),
        ("Give an `input_signature` with all", "`input_signature` of `tf_softpool.export` in Python"),
        ("LiteRT has `dtype`", "LiteRT has `dtype`"),
        (r"C:\new `path`", r"C:\new OUT"),
    ],
)
def test_what_is_said(text, said):
    assert said in with_switches(text)
