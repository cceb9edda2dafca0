"""The page of a comparison: its HTML, its pictures, and names of files that are no HTML."""

import base64
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image

import tf_softpool as tsp
from tf_softpool.comparison import page
from tf_softpool.comparison.page import page_of
from tf_softpool.comparison.picture import Picture

VOID = {"br", "hr", "img", "input", "link", "meta"}
HOSTILE = '<script>alert("1")</script>&\' onerror="x"'


def random_picture(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def compared(images, pool_size=2, **options):
    return tsp.compare(images, ["gated", "s3"], pool_size, seconds=0, **options)


@pytest.fixture(scope="module")
def small():
    return compared([random_picture(48, 40, 3), random_picture(30, 30, 1)])


@pytest.fixture(scope="module")
def text(small):
    return page_of(small)


class Reader(html.parser.HTMLParser):
    """Reads a page: its elements with their attributes, its text, and whether each element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute is there twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.texts.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def pixels(data):
    """Returns the picture of a data URI, as whole numbers."""
    start, _, coded = data.partition(",")
    assert start == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded, validate=True))).convert("RGB"))


def in_bytes(values):
    """Returns a picture as a PNG file has it, with three channels."""
    return np.broadcast_to((values * 255).round().astype("uint8"), (*values.shape[:2], 3))


def pictures(text):
    """Returns the pictures of a page by what is said of them, those of the first picture if several are."""
    return {image["alt"]: image["src"] for image in reversed(Reader(text).all("img"))}


def test_a_page_is_html_and_complete(small, text):
    reader = Reader(text)
    assert text.startswith("<!DOCTYPE html>")
    assert reader.all("html") == [{"lang": "en"}]
    assert [name for name, _ in reader.elements].count("h1") == 1
    assert len(reader.all("section")) == 2
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = {attributes["aria-labelledby"] for attributes in reader.all("section")}
    assert named == set(ids)
    assert all(line in reader.texts for line in small.header().splitlines())
    # For each of two pictures: two of the original, and three of each entrant.
    assert len(reader.all("img")) == 2 * (2 + 3 * len(small.entrants))
    assert all(image["alt"] and int(image["width"]) and int(image["height"]) for image in reader.all("img"))


def test_a_page_loads_nothing(text):
    reader = Reader(text)
    loading = [a[name] for _, a in reader.elements for name in ("src", "href", "srcset", "data") if name in a]
    assert [each for each in loading if not each.startswith("data:image/png;base64,")] == []
    assert (
        re.findall(r"https?:|//\w|@import|url\(", re.sub(r"data:image/png;base64,[\w+/=]+", "", text)) == []
    )


def test_the_table_is_that_of_the_comparison(small, text):
    reader = Reader(text)
    table = small.table()
    assert [str(column.header) for column in table.columns] == [
        each for each in reader.texts[reader.texts.index("pooling") :] if each
    ][: len(table.columns)]
    assert [each["scope"] for each in reader.all("th")] == ["col"] * len(table.columns) + ["row"] * len(
        small.rows
    )
    assert len(reader.all("td")) == len(small.rows) * (len(table.columns) - 1)
    for column in table.columns:
        assert {str(cell) for cell in column.cells} - {""} <= set(reader.texts)


def test_pooled_pictures_are_there_to_the_pixel(small, text):
    found = pictures(text)
    for picture in small.pictures:
        np.testing.assert_array_equal(
            pixels(found[f"The original of {picture.name}"]), in_bytes(small.original(picture))
        )
        for entrant in small.entrants:
            shown = pixels(found[f"{picture.name}, pooled: {entrant.label}"])
            np.testing.assert_array_equal(shown, in_bytes(small.pooled(picture, entrant)))


def test_zooms_are_parts_of_the_enlarged_pictures(small):
    picture = small.pictures[0]
    found = pictures(page_of(small, region=(4, 6, 8, 10)))
    for entrant in small.entrants:
        expected = in_bytes(small.enlarged(picture, entrant)[6:16, 4:12])
        np.testing.assert_array_equal(pixels(found[f"The zoomed region, pooled: {entrant.label}"]), expected)
    np.testing.assert_array_equal(
        pixels(found["The zoomed region of the original"]), in_bytes(small.original(picture)[6:16, 4:12])
    )


def test_maps_of_errors_are_dark_where_nothing_differs():
    values = np.zeros((32, 32, 1), np.float32)
    values[8, 8] = 1
    shown = pixels(pictures(page_of(compared(values)))["Map of the errors of max"])
    # The window of the white pixel is white, so that its three other pixels are wrong.
    expected = np.zeros((32, 32), bool)
    expected[8:10, 8:10] = True
    expected[8, 8] = False
    assert np.array_equal(shown.sum(-1) > 600, expected)
    assert len(np.unique(shown[~expected], axis=0)) == 1


@pytest.mark.parametrize(("enlarge", "said"), [("nearest", False), ("bicubic", True)])
def test_a_page_says_if_scores_are_not_those_of_squares(enlarge, said):
    assert (
        "enlarged by bicubic interpolation" in page_of(compared(random_picture(16, 16, 1), enlarge=enlarge))
    ) == said


def test_notes_are_shown(text):
    assert {"a draw", "not trained: half max"} <= set(Reader(text).texts)


@pytest.mark.parametrize("name", [HOSTILE, "{{ 7 * 7 }}", "a\nb", "\udcff", "图"])
def test_a_name_can_be_anything(small, name, tmp_path):
    values = random_picture(16, 16, 1)
    picture = Picture(name, values.shape, read=lambda: values)
    entrant = small.entrants[0]
    scores = tuple(
        type(each)(name, each.entrant, each.ssim, each.psnr, each.brightness, each.way)
        for each in small.scores
    )
    comparison = type(small)(small.settings, (picture,), (entrant,), scores, small.rows[:1])
    comparison.html(tmp_path / "page.html")
    reader = Reader((tmp_path / "page.html").read_text(encoding="utf-8"))
    shown = re.sub(r"[\n\udcff]", "\N{REPLACEMENT CHARACTER}", name)
    assert shown in reader.texts
    assert f"The original of {shown}" in [image["alt"] for image in reader.all("img")]
    assert len(reader.all("script")) == 1
    assert [a for _, a in reader.elements if "onerror" in a] == []


def test_a_hostile_name_of_a_pooling_is_escaped():
    named = {HOSTILE: tsp.layers.SoftPooling2D(2)}
    reader = Reader(page_of(tsp.compare(random_picture(16, 16, 1), named, 2, seconds=0)))
    assert len(reader.all("script")) == 1
    assert f"{HOSTILE}, 0..1" in reader.texts


def test_large_pictures_are_reduced_and_said_to_be():
    text = page_of(compared(random_picture(16, 1400, 1)))
    reader = Reader(text)
    sizes = {image["alt"]: (int(image["width"]), int(image["height"])) for image in reader.all("img")}
    assert sizes["The original of picture 1"] == (640, 7)
    assert sizes["picture 1, pooled: max"] == (640, 7)
    assert sizes["Map of the errors of max"] == (240, 3)
    assert "pooled, reduced from 700x8 pixels" in reader.texts
    assert any("1400x16 pixels, shown with 640x7" in each for each in reader.texts)


def test_a_page_says_that_pictures_are_missing(small, monkeypatch):
    monkeypatch.setattr(page, "_MOST_BYTES", 1)
    text = page_of(small)
    assert len(Reader(text).all("section")) == 1
    assert "1 are only in the table" in text


def test_a_clip_is_shown_by_its_middle_frame():
    clip = np.stack([np.full((16, 16, 1), n / 255, np.float32) for n in range(8)])
    found = pictures(page_of(compared([clip])))
    assert np.unique(pixels(found["The original of picture 1"])) == 4
    assert np.unique(pixels(found["picture 1, pooled: max"])) == 5


def test_a_page_replaces_no_file_and_leaves_nothing_if_it_fails(small, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(FileExistsError):
        small.html(path)
    with pytest.raises(ValueError, match="must lie in the picture"):
        small.html(path, region=(0, 0, 99, 99), overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text() == "old"
    small.html(path, overwrite=True)
    assert path.read_text(encoding="utf-8") == page_of(small)


def test_an_unknown_ending_is_an_error(small, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.html or \.htm"):
        small.html(tmp_path / "page.png")
