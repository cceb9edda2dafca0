"""The page of results: its blocks are what is recorded, and no table or figure of the papers is left out."""

import re

import drawings
import pytest
import results_page
from experiments import data, store
from experiments.experiment import Experiment, Results, Table

PAGE = results_page.PAGE.read_text()
# What the documents show. Slides with pictures of other people's work count as one.
INVENTORY = [
    *(f"SoftPool, figure {i}" for i in range(1, 7)),
    *(f"SoftPool, table {i}" for i in range(1, 8)),
    *(f"SoftPool, figure S{i}" for i in range(1, 8)),
    "SoftPool, table S1",
    "SoftPool, equations 1 and 2",
    "SoftPool, equation S1",
    "SoftPool, section S7",
    "Sorted, cross entropy and accuracy",
    "Sorted, every `pool_range`",
    "Sorted, faster and sharper convergence",
    "Sorted, `top_k`",
    "Sorted, max pooling loses 75 %",
    "DPP, table of results",
    "DPP, formulas",
    "DPP, properties",
    "DPP, problems of pooling",
    "DPP, benefits of pooling",
    "DPP, conclusion",
    "DPP, pictures and the table of VGG",
]
# Its last words begin a new line.
NOTES = "w" * 117 + " - no item"
VERDICTS = {"reproduced", "refuted", "partly", "not seen", "not testable here", "nothing to test"}


def rows():
    """Returns the rows of the table at the top: what is claimed, where, the verdict, and the section."""
    table = re.search(r"^\| where \|.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]
    ]


@pytest.mark.parametrize("name", results_page.names())
def test_every_experiment_has_a_block(name):
    assert results_page.blocks(PAGE).count(name) == 1


@pytest.mark.parametrize("name", results_page.blocks(PAGE))
def test_every_block_has_a_record(name):
    assert results_page.record(name).exists()


def test_every_record_has_a_block():
    recorded = {path.stem for path in results_page.RECORDS.glob("*.json")}
    assert recorded - set(results_page.blocks(PAGE)) == set()


def test_the_page_is_what_the_script_makes():
    assert results_page.filled(PAGE) == PAGE


def test_every_table_and_figure_is_in_the_first_table_once():
    named = [name for where, *_ in rows() for name in where.split("; ")]
    assert sorted(named) == sorted(INVENTORY)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_claim_has_a_verdict_and_a_section(row):
    _, claim, verdict, section = row
    assert claim
    assert re.fullmatch(r"\[.+\]\(#[\w-]+\)", section)
    kinds = re.sub(r" \([^)]*\)", "", verdict).split(", ")
    assert [kind for kind in kinds if kind not in VERDICTS and not re.fullmatch(r"TODO\(\w+\)", kind)] == []


@pytest.mark.parametrize("name", results_page.blocks(PAGE))
def test_what_is_recorded_is_judged(name):
    assert not results_page.record(name).exists() or f"TODO({name})" not in PAGE


def test_only_experiments_decide_what_is_open():
    assert set(re.findall(r"TODO\((\w*)\)", PAGE)) <= set(results_page.blocks(PAGE))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("a\n\n<!-- results: x -->\nold\n<!-- end of results -->\n\nb\n", ["x"]),
        ("<!-- results: x -->\n<!-- end of results -->\n", ["x"]),
        (
            "<!-- results: x -->\n1\n<!-- end of results -->\n<!-- results: y -->\n<!-- end of results -->",
            ["x", "y"],
        ),
        ("a <!-- results: x -->\n<!-- end of results -->\n", []),
        ("<!-- results: x -->\nno end\n", []),
    ],
)
def test_blocks_are_filled(page, expected):
    filled = results_page.filled(page, lambda name: f"of {name}\n")
    assert results_page.blocks(page) == expected
    for name in expected:
        assert f"<!-- results: {name} -->\n\nof {name}\n\n<!-- end of results -->" in filled
    assert results_page.filled(filled, lambda name: f"of {name}\n") == filled
    assert filled.startswith("a\n\n<") == page.startswith("a\n\n<")
    assert expected or filled == page


@pytest.mark.parametrize(("seconds", "time"), [(59, "59 s"), (99.6, "100 s"), (600, "10 minutes")])
def test_what_is_recorded(seconds, time, tmp_path, monkeypatch):
    about = {"processor": "Xeon", "tensorflow": "2.21.0", "keras": "3.15.1", "seconds": seconds}
    results = Results("probe", {"seeds": 3, "epochs": 2}, {"max": [{"seed": 0, "accuracy": 0.5}]}, about)

    def tables(found):
        row = ["max", str(found.values("max", "accuracy")[0])]
        return [Table(title, ["setting", "mean"], [row], NOTES) for title in ("Accuracy", "Entropy", "a < b")]

    probe = Experiment("probe", "", ["max"], {}, {}, None, tables, None)
    monkeypatch.setattr(results_page, "RECORDS", tmp_path)
    monkeypatch.setattr(results_page, "experiment", {"probe": probe}.get)
    assert results_page.recorded("probe") == (
        "Nothing has been recorded yet. `make example EXAMPLE=probe` runs it."
    )
    store.save(results, tmp_path / "probe.json")
    assert results_page.recorded("probe").splitlines() == [
        f"Run with seeds 3, epochs 2, in {time} of computing on Xeon, TensorFlow 2.21.0, Keras 3.15.1.",
        "",
        "**Accuracy**",
        "",
        "| setting | mean |",
        "| --- | ---: |",
        "| max | 0.5 |",
        "",
        "w" * 117,
        r"\- no item",
        "",
        '<details markdown="1">',
        "<summary>Entropy</summary>",
        "",
        "| setting | mean |",
        "| --- | ---: |",
        "| max | 0.5 |",
        "",
        "w" * 117,
        r"\- no item",
        "",
        "</details>",
        "",
        '<details markdown="1">',
        "<summary>a &lt; b</summary>",
        "",
        "| setting | mean |",
        "| --- | ---: |",
        "| max | 0.5 |",
        "",
        "w" * 117,
        r"\- no item",
        "",
        "</details>",
    ]


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        ("- a", r"\- a"),
        ("* a", r"\* a"),
        ("# a", r"\# a"),
        ("| a", r"\| a"),
        ("1. a", r"1\. a"),
        ("1.5", "1.5"),
    ],
)
def test_no_line_becomes_something_else(beginning, expected):
    long = "w" * 117
    assert results_page._wrapped(f"{long} {beginning}") == f"{long}\n{expected}"
    assert results_page._wrapped(f"| {long} {beginning}") == f"| {long} {beginning}"


def test_an_example_without_an_experiment_is_an_error():
    with pytest.raises(ValueError, match=r"digits\.py has no Experiment"):
        results_page.experiment("digits")


def test_the_site_shows_pictures(monkeypatch):
    monkeypatch.setattr(results_page, "recorded", lambda name: f"of {name}")
    page = "\n".join(f"<!-- results: {name} -->\n<!-- end of results -->" for name in "xy")
    shown = drawings.with_pictures(page, {"pictures/results_x.png": b""})
    assert "of x\n\n![What the runs of x show](pictures/results_x.png)\n\n<!-- end" in shown
    assert "of y\n\n<!-- end" in shown


@pytest.mark.parametrize(("error", "expected"), [(None, b"x"), (data.MissingDataError("no clips"), None)])
def test_an_experiment_without_its_data_has_no_picture(error, expected, tmp_path, monkeypatch):
    def draw(results, path):
        if error:
            raise error
        path.write_bytes(results.experiment[-1].encode())

    store.save(Results("x", {}, {"max": [{}]}), tmp_path / "x.json")
    monkeypatch.setattr(results_page, "RECORDS", tmp_path)
    monkeypatch.setattr(
        results_page, "experiment", lambda name: Experiment(name, "", [], {}, {}, None, None, draw)
    )
    assert drawings.drawn("x") == expected
