"""The notebook: it is kept without outputs, and runs from its first cell to its last."""

import ast
import os

import nbformat
import pytest
from nbclient import NotebookClient
from pages import ROOT

PATH = ROOT / "examples" / "tour.ipynb"
NOTEBOOK = nbformat.read(PATH, as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def test_it_is_a_notebook():
    nbformat.validate(NOTEBOOK)
    assert len(CODE) > 5


@pytest.mark.parametrize("cell", CODE, ids=lambda cell: cell.id)
def test_outputs_are_not_kept(cell):
    assert (cell.outputs, cell.execution_count, cell.metadata) == ([], None, {})


@pytest.mark.parametrize("cell", CODE, ids=lambda cell: cell.id)
def test_cells_are_short_and_compile(cell):
    ast.parse(cell.source)
    lines = cell.source.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("cell", CODE, ids=lambda cell: cell.id)
def test_text_comes_before_code(cell):
    before = NOTEBOOK.cells[: NOTEBOOK.cells.index(cell)]
    assert "markdown" in [each.cell_type for each in before[-2:]]


def test_links_lead_somewhere():
    targets = [
        link.partition(")")[0]
        for cell in NOTEBOOK.cells
        if cell.cell_type == "markdown"
        for link in cell.source.split("](")[1:]
    ]
    assert targets
    assert [target for target in targets if not (PATH.parent / target).exists()] == []


@pytest.mark.slow
def test_it_runs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{PATH.parent}")
    # The tests may have chosen a drawing backend, and the kernel is to take its own.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    ran = nbformat.read(PATH, as_version=4)
    NotebookClient(ran, timeout=120, kernel_name="python3").execute(cwd=PATH.parent)
    outputs = {cell.id: cell.outputs for cell in ran.cells if cell.cell_type == "code"}
    assert [name for name, each in outputs.items() if any(o.get("name") == "stderr" for o in each)] == []
    assert all(
        words in text(outputs["replace-pooling"]) for words in ("MaxPooling2D", "2 replaced, 0 skipped")
    )
    drawn = [name for name, each in outputs.items() if any("image/png" in o.get("data", {}) for o in each)]
    assert drawn == ["scales", "pooled-pictures", "load", "draw-ranks"]
    accuracies = [text(outputs[name]) for name in ("train", "fine-tune", "train-sorted")]
    assert [line for each in accuracies for line in each.splitlines() if percent(line) < 80] == []


def text(outputs):
    return "".join(output.text for output in outputs if output.output_type == "stream")


def percent(line):
    return float(line.split()[-1].rstrip("%"))
