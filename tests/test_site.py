"""The parts of docs/site that fill the pages of the documentation. `make docs` tests the rest."""

import re
from pathlib import Path

import costs
import gallery
import links
import markers
import pooling_pages
import pytest
import skimage.data
from pages import ROOT

from tf_softpool import layers
from tf_softpool.rewriting.policy.kinds import KINDS

MEASURED = (ROOT / "docs/benchmarks.md").read_text()
NAMES = list(pooling_pages.POOLINGS)


def test_every_kind_has_a_page():
    kinds = {kind for kind in KINDS if not kind.startswith(("global_", "adaptive_"))}
    assert set(NAMES) == kinds - {"max", "average"}


def test_every_layer_is_described_once():
    described = [
        name
        for pooling in pooling_pages.POOLINGS.values()
        for form in pooling_pages.FORMS
        for name in (*pooling_pages.classes(pooling, form), *(pooling.others if form == "windows" else ()))
    ]
    assert sorted(described) == sorted(layers.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_place_for_each_part(name):
    page = (ROOT / f"docs/poolings/{name}.md").read_text()
    assert re.findall("^<!-- (.*) -->$", page, re.MULTILINE) == ["picture", "costs", "layers"]


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_ratios_of_the_page_of_measurements(name):
    pooling = pooling_pages.POOLINGS[name]
    ratios = re.findall(r"\| ([\d.]+ x)", costs.costs(MEASURED, pooling))
    # Two ratios for each peer, and each row has 2x2 and 3x3 windows.
    assert len(ratios) % (4 * len(pooling.measured) or 1) == 0
    assert bool(ratios) == bool(pooling.measured)
    assert [ratio for ratio in ratios if f"| {ratio} |" not in MEASURED] == []


def test_costs_of_known_rows():
    soft, median = (pooling_pages.POOLINGS[name] for name in ("soft", "median"))
    assert ("soft_pool", "2x2", "average pooling", *ratios("soft_pool", "avg_pool")) in costs.measured(
        MEASURED, soft.measured
    )
    assert [row[:2] for row in costs.exported(MEASURED, median.exported)] == [
        ("2x2", "median"),
        ("3x3, stride 2", "median"),
    ]


def ratios(name, peer):
    """Returns the first ratios of a pooling and a peer, forward and with its gradient, without a parser."""
    text = MEASURED[MEASURED.index(f"| {name} | forward |") :]
    lines = [line for line in text.splitlines() if f"| {peer} |" in line][:2]
    return tuple(re.findall(r"([\d.]+) x", line)[1] for line in lines)


def test_rows_that_are_gone_are_an_error():
    with pytest.raises(ValueError, match=r"no rows of \['gone'\]"):
        costs.costs(MEASURED, pooling_pages.Pooling("gone", "GonePooling", {"gone": ""}, {}))


@pytest.mark.parametrize(
    ("text", "source", "place", "expected"),
    [
        ("[a](docs/gpu.md#limits)", "contributing.md", "", "[a](gpu.md#limits)"),
        ("[a](README.md)", "contributing.md", "", "[a](index.md)"),
        ("[a](docs/poolings/soft.md)", "poolings/index.md", "", "[a](soft.md)"),
        ("[a](../gpu.md)", "poolings/soft.md", "docs/poolings", "[a](../gpu.md)"),
        ("[a](../examples/tour.ipynb)", "index.md", "docs", "[a](tour.ipynb)"),
        ("[a](../CONTRIBUTING.md)", "index.md", "docs", "[a](contributing.md)"),
        ("[`a`](../tests/midrange) b", "adding_a_pooling.md", "docs", "`a` b"),
        ("[a](LICENSE)", "contributing.md", "", "a"),
        (
            "[a](#here) [b](https://example.com/c.md)",
            "gpu.md",
            "docs",
            "[a](#here) [b](https://example.com/c.md)",
        ),
        ("`[a](LICENSE)`", "gpu.md", "docs", "`[a](LICENSE)`"),
        ("```\n[a](LICENSE)\n```", "gpu.md", "docs", "```\n[a](LICENSE)\n```"),
    ],
)
def test_links_fit_the_site(text, source, place, expected):
    assert links.for_site(text, source, place) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\n<!-- part -->\n\nb", "a\n\n1\n\nb"),
        ("a <!-- part --> b", "a <!-- part --> b"),
        ("<!-- end of part -->", "<!-- end of part -->"),
    ],
)
def test_places_are_filled(text, expected):
    assert markers.fill(text, "page.md", {"part": lambda: "1"}) == expected


def test_an_unknown_place_is_an_error():
    with pytest.raises(ValueError, match=r"page\.md has the place '<!-- gone -->'"):
        markers.fill("<!-- gone -->", "page.md", {"part": lambda: "1"})


def test_the_gallery_has_its_place_and_its_photographs():
    assert "\n<!-- gallery -->\n" in (ROOT / "docs/gallery.md").read_text()
    # Photographs that scikit-image would have to download are none of them.
    files = {path.stem for path in Path(skimage.data.__file__).parent.iterdir()}
    renamed = {"immunohistochemistry": "ihc"}
    assert {renamed.get(name, name) for name in gallery.PHOTOGRAPHS} <= files
    assert gallery.SHEET in gallery.PHOTOGRAPHS
