"""Contact sheets: what is drawn is what was compared, at the size that was asked for."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

import tf_softpool as tsp
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.regions import Region, where_pictures_differ
from tf_softpool.comparison.sheet import sheet_of, write_sheet
from tf_softpool.comparison.texts import fitting_line, lines_of, text_width
from tf_softpool.comparison.views import Views, error_scale, fitted

FEW = ["gated", "s3"]


def random_picture(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def compared(images, poolings=FEW, pool_size=2):
    return tsp.compare(images, poolings, pool_size, seconds=0)


def axes_of(figure):
    """Returns the axes of a sheet's pictures by picture, entrant and kind."""
    return {tuple(ax.get_label().split("\t")): ax for ax in figure.axes if "\t" in ax.get_label()}


def drawn(ax):
    """Returns the array that axes show."""
    return np.asarray(ax.images[0].get_array())


def place(figure, ax):
    """Returns the rows and columns of a figure that axes fill."""
    width, height = figure.bbox.size
    x, y, w, h = (
        round(float(n)) for n in np.array(ax.get_position().bounds) * (width, height, width, height)
    )
    top = round(float(height)) - y - h
    return slice(top, top + h), slice(x, x + w)


def texts(figure):
    return [text.get_text() for text in figure.texts]


SHAPES = {
    "square": (48, 48, 3),
    "grey": (40, 30, 1),
    "two channels": (30, 30, 2),
    "tiny": (8, 8, 3),
    "very wide": (16, 480, 3),
    "very tall": (480, 16, 3),
    "large": (900, 1200, 1),
}


@pytest.fixture(scope="module")
def small():
    return compared(random_picture(48, 48, 3))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_every_picture_is_within_the_sheet_and_none_overlaps(shape):
    figure = sheet_of(compared([random_picture(*shape)], ["median"]))
    width, height = (round(float(n)) for n in figure.bbox.size)
    assert width <= 2100
    taken = np.zeros((height, width), int)
    for ax in axes_of(figure).values():
        taken[place(figure, ax)] += 1
        assert ax.images[0].get_interpolation() == "nearest"
    # An original has two pictures and each of three entrants has four.
    assert taken.max() == 1
    assert len(axes_of(figure)) == 2 + 4 * 3
    for text in figure.texts:
        box = text.get_window_extent()
        rows = slice(int(height - box.y1) + 2, int(height - box.y0) - 2)
        columns = slice(int(box.x0), int(box.x1) + 1)
        assert 0 <= box.x0 < box.x1 <= width + 1
        assert taken[rows, columns].max() == 0, text.get_text()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_file_has_the_size_of_its_scale(small, scale, tmp_path):
    small.sheet(tmp_path / "sheet.png", scale=scale)
    with Image.open(tmp_path / "sheet.png") as picture:
        # Margins of 16, and three blocks with gaps of 22 between them. A block has two pictures side by side
        # with a gap of 8: 48 pixels drawn 4 times as large.
        assert picture.size[0] == scale * (2 * 16 + 3 * (2 * 192 + 8) + 2 * 22)
        assert picture.size == tuple(sheet_of(small, scale=scale).bbox.size)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_zoom_is_drawn_pixel_by_pixel(small, scale, tmp_path):
    """Every pixel of the region becomes a square of one colour in the file."""
    figure = sheet_of(small, region=(6, 4, 12, 10), scale=scale)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    written = np.asarray(Image.open(file).convert("RGB"))
    times = 200 * scale // 12
    for entrant in ("original", "gated"):
        ax = axes_of(figure)["picture 1", entrant, "zoom"]
        expected = (drawn(ax) * 255).round().repeat(times, 0).repeat(times, 1)
        assert np.abs(written[place(figure, ax)] - expected).max() <= 1


def test_zooms_have_the_values_that_were_compared(small):
    axes = axes_of(sheet_of(small, region=(6, 4, 12, 10)))
    picture = small.pictures[0]
    np.testing.assert_array_equal(
        drawn(axes["picture 1", "original", "zoom"]), small.original(picture)[4:14, 6:18]
    )
    for entrant in small.entrants:
        np.testing.assert_array_equal(
            drawn(axes["picture 1", entrant.label, "zoom"]), small.enlarged(picture, entrant)[4:14, 6:18]
        )
        np.testing.assert_array_equal(
            drawn(axes["picture 1", entrant.label, "pooled"]), small.pooled(picture, entrant)
        )


def test_maps_of_errors_have_one_scale_and_right_values(small):
    axes = axes_of(sheet_of(small))
    picture = small.pictures[0]
    maps = {name: drawn(ax) for (_, name, kind), ax in axes.items() if kind == "error"}
    for entrant in small.entrants:
        expected = np.abs(small.enlarged(picture, entrant) - small.original(picture)).mean(-1)
        # 48 pixels are drawn 4 times as large.
        np.testing.assert_allclose(maps[entrant.label][::4, ::4], expected, rtol=0, atol=1e-6)
        assert maps[entrant.label].shape == (192, 192)
    (most,) = {ax.images[0].get_clim()[1] for (_, _, kind), ax in axes.items() if kind == "error"}
    assert most == pytest.approx(max(np.quantile(each, 0.995) for each in maps.values()))


def test_poolings_far_from_others_do_not_set_the_scale_of_errors():
    few, more = (compared(random_picture(48, 48, 1) / 2, names) for names in (["median"], ["median", "sum"]))
    ends = [
        axes_of(sheet_of(each))["picture 1", "average", "error"].images[0].get_clim()[1]
        for each in (few, more)
    ]
    assert ends[0] == ends[1] < 0.5


@pytest.mark.parametrize(
    ("errors", "expected"), [([np.full((2, 2), 0.25)], 0.25), ([np.zeros((2, 2))] * 2, 1 / 255)]
)
def test_the_end_of_a_scale(errors, expected):
    assert error_scale(errors) == expected


@pytest.mark.parametrize("corner", [(0, 0), (36, 12), (72, 72)])
def test_the_region_is_where_poolings_differ(corner):
    """Max and average pooling differ on a checkerboard, and not where it is grey."""
    values = np.full((96, 96, 1), 0.5, np.float32)
    x, y = corner
    values[y : y + 24, x : x + 24, 0] = np.indices((24, 24)).sum(0) % 2
    comparison = compared(values, ["s3"], 3)
    region = Views(comparison, comparison.pictures[0]).region(None)
    assert region.width == region.height == 48
    assert region.x <= x
    assert region.y <= y
    assert x + 24 <= region.x + 48
    assert y + 24 <= region.y + 48
    assert region.x % 3 == region.y % 3 == 0


@pytest.mark.parametrize(
    ("pooled", "window", "expected"),
    [
        ((60, 60), 2, (24, 48)),
        ((8, 8), 2, (4, 8)),
        ((3, 3), 2, (3, 6)),
        ((40, 40), 16, (8, 128)),
        ((9, 9), 64, (3, 192)),
        ((2, 2), 300, (1, 192)),
    ],
)
def test_sizes_of_regions_of_equal_pictures(pooled, window, expected):
    """A region is in the middle if nothing differs: so many windows, and so many pixels at most."""
    windows, pixels = expected
    corner = (pooled[0] - windows) // 2 * window
    found = where_pictures_differ([np.ones((*pooled, 1))] * 2, pooled[1] * window, pooled[0] * window)
    assert found == Region(corner, corner, pixels, pixels)


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ((0, 0, 49, 4), "must lie in the picture, which has 48x48 pixels"),
        ((-1, 0, 4, 4), "must lie in the picture"),
        ((0, 0, 0, 4), "must lie in the picture"),
        ((0, 0, 4), "must be four whole numbers"),
        ((0, 0, 4, 4.5), "must be four whole numbers"),
    ],
)
def test_a_wrong_region_is_an_error(small, region, message):
    with pytest.raises(ValueError, match=message):
        sheet_of(small, region=region)


def test_a_region_that_could_not_be_drawn_pixel_by_pixel_is_an_error():
    with pytest.raises(ValueError, match="at most 400x400 pixels, got 401x2"):
        sheet_of(compared(random_picture(8, 600, 1), ["median"]), region=(0, 0, 401, 2))


def test_notes_and_scores_are_shown(small):
    found = texts(sheet_of(small))
    assert {"original", *(each.label for each in small.entrants)} <= set(found)
    assert [each.note for each in small.entrants if each.note and each.note not in found] == []
    assert {"a draw", "not trained: half max"} <= set(found)
    score = small.score(small.pictures[0], small.entrants[0])
    assert f"SSIM {score.ssim:.3f}   PSNR {score.psnr:.2f} dB   brightness 0.0 %" in found
    assert any(line in found for line in small.header().splitlines())


def test_a_clip_is_shown_by_its_middle_frame():
    clip = np.stack([np.full((24, 24, 1), n / 8, np.float32) for n in range(8)])
    comparison = compared([clip], ["median"], 2)
    axes = axes_of(figure := sheet_of(comparison))
    assert np.unique(drawn(axes["picture 1", "original", "enlarged"])) == 4 / 8
    # Frames 4 and 5 are pooled together.
    np.testing.assert_allclose(drawn(axes["picture 1", "average", "pooled"]), 4.5 / 8)
    np.testing.assert_allclose(drawn(axes["picture 1", "max", "zoom"]), 5 / 8)
    np.testing.assert_allclose(drawn(axes["picture 1", "max", "error"]), 1 / 8)
    assert any("frame 5 of 8" in text for text in texts(figure))


def many(count):
    return compared([random_picture(16, 16, 1) for _ in range(count)], ["median"])


def test_several_pictures_are_one_below_the_other():
    figure = sheet_of(many(2))
    rows = [place(figure, ax)[0] for ax in axes_of(figure).values()]
    first = {name for name, _, _ in axes_of(figure)}
    assert first == {"picture 1", "picture 2"}
    assert len(rows) == 2 * (2 + 4 * 3)
    tops = [place(figure, axes_of(figure)[f"picture {n}", "original", "enlarged"])[0].start for n in (1, 2)]
    assert tops[0] < tops[1]


def test_a_sheet_says_that_pictures_are_missing():
    figure = sheet_of(many(7))
    assert "The sheet shows the first 6 of 7 pictures." in texts(figure)
    assert len({name for name, _, _ in axes_of(figure)}) == 6


def test_one_picture_is_chosen_by_its_name():
    comparison = many(3)
    for chosen in ("picture 2", comparison.pictures[1]):
        assert {name for name, _, _ in axes_of(sheet_of(comparison, chosen))} == {"picture 2"}
    with pytest.raises(ValueError, match="one of the compared pictures, picture 1, picture 2, picture 3"):
        sheet_of(comparison, "picture 4")


@pytest.mark.parametrize("name", ["a$b_{c$\n", "\udcff" + "x" * 300, "图"])
def test_a_name_can_be_anything(small, name, tmp_path):
    values = random_picture(16, 16, 1)
    picture = Picture(name, values.shape, read=lambda: values)
    scores = tuple(
        type(each)(name, each.entrant, each.ssim, each.psnr, each.brightness, each.way)
        for each in small.scores
    )
    comparison = type(small)(small.settings, (picture,), small.entrants, scores, small.rows)
    write_sheet(comparison, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scale": 5}, "`scale` must be one of 1, 2, 3, 4, got 5"), ({"picture": "gone"}, "got 'gone'")],
)
def test_nothing_is_left_of_a_sheet_that_fails(small, options, message, tmp_path):
    (tmp_path / "sheet.png").write_text("old")
    with pytest.raises(ValueError, match=message):
        small.sheet(tmp_path / "sheet.png", overwrite=True, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert (tmp_path / "sheet.png").read_text() == "old"


def test_a_sheet_replaces_no_file(small, tmp_path):
    (tmp_path / "sheet.png").write_text("old")
    with pytest.raises(FileExistsError):
        small.sheet(tmp_path / "sheet.png")


@pytest.mark.parametrize("name", ["sheet", "sheet.jpg", "sheet.html"])
def test_an_unknown_ending_is_an_error(small, name, tmp_path):
    with pytest.raises(ValueError, match="must end in"):
        small.sheet(tmp_path / name)


@pytest.mark.parametrize("ending", [".pdf", ".svg"])
def test_other_formats(small, ending, tmp_path):
    start = {".pdf": b"%PDF", ".svg": b"<?xml"}[ending]
    small.sheet(tmp_path / f"sheet{ending}")
    assert (tmp_path / f"sheet{ending}").read_bytes().startswith(start)


def test_the_settings_of_matplotlib_stay_and_do_not_matter(small, tmp_path):
    own = {"axes.grid": True, "savefig.bbox": "tight", "image.origin": "lower", "font.size": 40}
    small.sheet(tmp_path / "plain.png")
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        small.sheet(tmp_path / "own.png")
        assert dict(matplotlib.rcParams) == before
    plain, other = (np.asarray(Image.open(tmp_path / name)) for name in ("plain.png", "own.png"))
    np.testing.assert_array_equal(plain, other)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((2, 2), (6, 4), [[0, 0, 0, 1, 1, 1]] * 2 + [[2, 2, 2, 3, 3, 3]] * 2),
        ((2, 2), (1, 1), [[1.0]]),
        ((2, 2), (2, 2), [[0, 1], [2, 3]]),
    ],
)
def test_pictures_are_repeated_or_averaged(shape, size, expected):
    values = np.arange(4, dtype=np.float32).reshape(shape) / 3
    np.testing.assert_allclose(fitted(values, *size), np.array(expected) / 3 * (1.5 if size == (1, 1) else 1))


@pytest.mark.parametrize("text", ["short", "a line that is a little too long", "x" * 200])
def test_lines_fit(text):
    line, size = fitting_line(text, 12, 180)
    assert text_width(line, size) <= 180
    assert 0.8 * 12 <= size <= 12
    assert line == text or (line.endswith("...") and text.startswith(line[:-3]))


def test_words_are_broken_into_lines():
    lines = lines_of("one two three four", 10, text_width("one two", 10) + 1)
    assert " ".join(lines) == "one two three four"
    assert lines[0] == "one two"
