"""`tf_softpool.compare`: values by hand and by the oracles, its results, and what it refuses."""

import json
import math
from dataclasses import replace

import keras
import numpy as np
import oracle
import pytest
from conftest import python

import tf_softpool as tsp
from tf_softpool.comparison.entrants import KNOWN, entrants_of
from tf_softpool.comparison.pooling import pooled
from tf_softpool.comparison.printing import table
from tf_softpool_cli.names import POOLINGS

# Every window of 2x2 has two values of 0 and two of 1.
_BOARD = np.indices((16, 16)).sum(0) % 2 * 1.0
_RANDOM = np.random.default_rng(0)
_NOISE = _RANDOM.random((17, 18, 3)).astype("float32")
_CLIP = _RANDOM.random((5, 8, 9, 3)).astype("float32")
_EQUAL = np.full((8, 8), 0.25)


def soft(a, b):
    """Returns SoftPool of a window with as many values of a as of b."""
    return (a * math.exp(a) + b * math.exp(b)) / (math.exp(a) + math.exp(b))


# The value of each pooled pixel of the board.
BOARD = {
    "average": 0.5,
    "max": 1.0,
    "soft, 0..1": soft(0, 1),
    "soft, 0..255": 1.0,
    # The mean is 1/2 and the deviation 1/2, so the values are -1 and 1.
    "soft, standard": (soft(-1, 1) + 1) / 2,
    "median": 0.5,
    "sorted": 0.5,
    "local_importance": 0.5,
    "mixed": 0.75,
    "gated": 0.75,
    "sum, 0..1": 1.0,
    "power_average, 0..1": 1.0,
    "lp, 0..1": math.sqrt(0.5),
    "stochastic_expect, 0..1": 1.0,
    "stochastic_draw, 0..1": 1.0,
    "s3_infer": 1.0,
    "s3_draw": 1.0,
    "detail_preserving, 0..1": 0.5,
}


@pytest.fixture(scope="module")
def board():
    return tsp.compare(_BOARD, seconds=0)


def test_there_is_a_row_for_every_pooling(board):
    assert {row.entrant.label for row in board.rows} == set(BOARD)
    assert ("max", "average", *POOLINGS) == KNOWN


@pytest.mark.parametrize("label", BOARD)
def test_a_board_by_hand(board, label):
    (row,) = (row for row in board.rows if row.entrant.label == label)
    value = BOARD[label]
    (picture,) = board.pictures
    np.testing.assert_allclose(board.pooled(picture, row.entrant), np.full((8, 8, 1), value), atol=1e-5)
    np.testing.assert_allclose(board.enlarged(picture, row.entrant), np.full((16, 16, 1), value), atol=1e-5)
    assert row.brightness == pytest.approx(100 * (value - 0.5), abs=1e-3)
    assert row.way == pytest.approx((value - 0.5) / 0.5, abs=1e-4)
    # Half of the values are 0 and half of them 1.
    error = (value**2 + (1 - value) ** 2) / 2
    assert row.psnr == pytest.approx(-10 * math.log10(error), abs=1e-3)
    score = board.score(picture, row.entrant)
    assert (score.ssim, score.psnr, score.brightness, score.way) == (
        row.ssim,
        row.psnr,
        row.brightness,
        row.way,
    )


def test_rows_are_sorted(board):
    ssims = [row.ssim for row in board.rows]
    assert ssims == pytest.approx(sorted(ssims, reverse=True), abs=1e-6)
    average = next(row for row in board.rows if row.entrant.pooling == "average")
    for row in board.rows:
        assert row.ssim_minus_average == pytest.approx(row.ssim - average.ssim)
        assert row.won == (row.ssim > average.ssim + 1e-6)
        assert row.pictures == 1


@pytest.mark.parametrize("range_", ["0..1", "0..255", "-1..1", "standard"])
@pytest.mark.parametrize("picture", [_NOISE, _CLIP], ids=["picture", "clip"])
def test_values_are_those_of_the_oracle(range_, picture):
    found = tsp.compare([picture], "soft", ranges=range_, seconds=0)
    (given,) = found.pictures
    entrant = next(each for each in found.entrants if each.label == f"soft, {range_}")
    x = np.asarray(picture[:4, :8, :8] if picture is _CLIP else picture[:16], "float64")
    np.testing.assert_array_equal(found.original(given), x.astype("float32"))
    low, size = {
        "0..1": (0, 1),
        "0..255": (0, 1 / 255),
        "-1..1": (0.5, 0.5),
        "standard": (x.mean(), x.std()),
    }[range_]
    window = (2,) * (x.ndim - 1)
    y, _ = oracle.soft_pool((x[None] - low) / size, window, window, "valid", "channels_last")
    np.testing.assert_allclose(found.pooled(given, entrant), np.clip(y[0] * size + low, 0, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("pool_size", "of_picture", "of_clip"),
    [
        (2, (8, 9), (2, 4, 4)),
        (4, (4, 4), (1, 2, 2)),
        ((2, 3), (8, 6), (5, 4, 3)),
        ([2, 1, 3], (17, 6), (2, 8, 3)),
    ],
)
def test_windows(pool_size, of_picture, of_clip):
    found = tsp.compare([_NOISE, _CLIP], ["max"], pool_size, seconds=0)
    picture, clip = found.pictures
    (largest,) = (each for each in found.entrants if each.pooling == "max")
    assert found.pooled(picture, largest).shape == (*of_picture, 3)
    assert found.pooled(clip, largest).shape == (*of_clip, 3)
    assert found.enlarged(clip, largest).shape == found.original(clip).shape


def test_draws_are_the_same_for_a_seed():
    def drawn(seed):
        found = tsp.compare(_NOISE, ["stochastic", "s3"], seed=seed, seconds=0)
        drawing = [each for each in found.entrants if each.note == "a draw"]
        assert [each.pooling for each in drawing] == ["stochastic_draw", "s3_draw"]
        return [found.pooled(found.pictures[0], each) for each in drawing for _ in range(2)]

    first, again, s3, s3_again = drawn(1)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(s3, s3_again)
    np.testing.assert_array_equal(drawn(1)[0], first)
    assert (drawn(2)[0] != first).any()


@pytest.mark.parametrize("kind", KNOWN)
def test_notes_say_what_is_learned_and_what_is_the_same_at_every_range(kind):
    entrants = entrants_of([kind], ("0..1", "-2..6"), 0)
    own = [each for each in entrants if kind in ("max", "average") or each.pooling.startswith(kind)]
    layer = tsp.rewriting.policy.kinds.KINDS[kind][2](2)
    layer.build((None, 4, 4, 3))
    assert all(each.note.startswith("not trained") == bool(layer.trainable_variables) for each in own)
    # One entrant, at two ranges: if they agree, it need not be shown at both.
    values = _NOISE[:16]
    for each in own:
        at = [pooled(values, replace(each, range=name), (2, 2)) for name in ("0..1", "-2..6")]
        assert (each.range == "any") == np.allclose(*at, atol=1e-4)


def half(x):
    return (x[:, ::2, ::2] + x[:, 1::2, 1::2]) / 2


def test_poolings_of_the_user():
    layer = tsp.layers.MixedPooling2D(2, mix=0.5, name="halfway")
    found = tsp.compare(_NOISE[:16], [layer, half, "mixed"], seconds=0)
    by_label = {row.entrant.label: row for row in found.rows}
    assert by_label["halfway, 0..1"].ssim == pytest.approx(by_label["mixed"].ssim, abs=1e-6)
    expected = (_NOISE[:16:2, ::2] + _NOISE[1:16:2, 1::2]) / 2
    np.testing.assert_allclose(
        found.pooled(found.pictures[0], by_label["half, 0..1"].entrant), expected, atol=1e-6
    )
    named = tsp.compare(_NOISE, {"mine": keras.layers.MaxPooling2D(2), "its": "s3"}, seconds=0)
    assert {row.entrant.pooling for row in named.rows} == {"average", "max", "mine", "its_draw", "its_infer"}


def test_layers_do_not_follow_global_settings():
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = tsp.compare(_BOARD, seconds=0)
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("float32")
    by_label = {row.entrant.label: row for row in found.rows}
    assert by_label["lp, 0..1"].brightness == pytest.approx(100 * (math.sqrt(0.5) - 0.5), abs=1e-3)


def test_equal_pictures():
    """A picture of one colour is not changed by poolings that keep a window's mean."""
    found = tsp.compare([_EQUAL, _BOARD], ["soft", "sum"], seconds=0)
    equal, _ = found.pictures
    score = found.score(equal, found.entrants[0])
    assert (score.ssim, score.psnr, score.way) == (1.0, math.inf, None)
    row = next(row for row in found.rows if row.entrant.pooling == "average")
    assert row.psnr == pytest.approx(-10 * math.log10(0.25))
    assert row.way == pytest.approx(0)
    assert row.won == 0
    alone = tsp.compare(_EQUAL, ["soft"], seconds=0)
    assert all(row.psnr == math.inf and row.way is None for row in alone.rows)
    assert "equal" in str(alone)


def test_times():
    found = tsp.compare(_BOARD, ["soft"], seconds=0.01)
    for row in found.rows:
        assert row.milliseconds > 0
        assert (row.of_max == 1) or row.entrant.pooling != "max"
        assert (row.of_average == 1) or row.entrant.pooling != "average"
    assert "of max" in str(found)
    assert "of max" not in str(tsp.compare(_BOARD, ["soft"], seconds=0))


def test_json_is_finite_and_complete():
    found = tsp.compare([_EQUAL, _CLIP], ["soft"], seconds=0, pool_size=(2, 1))
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["settings"]["pool_size"] == [2, 1]
    assert [each["shape"] for each in read["pictures"]] == [[8, 8, 1], [5, 8, 9, 3]]
    assert len(read["scores"]) == 2 * len(read["rows"]) == 2 * len(found.entrants)
    for row, own in zip(read["rows"], found.rows, strict=True):
        assert row["label"] == own.entrant.label
        assert row["ssim"] == own.ssim
        assert row["milliseconds"] is None
    assert {each["psnr"] for each in read["scores"] if each["picture"] == "picture 1"} == {None}


def test_the_header_and_the_table(board):
    head = board.header()
    for words in ("1 picture,", "2x2", "nearest", "7x7", "clipped", "TensorFlow", "scikit-image"):
        assert words in head
    both = tsp.compare([_NOISE, _NOISE, _CLIP], ["soft"], enlarge="bicubic", seconds=0).header()
    for words in ("2 pictures and 1 clip", "2x2x2 for clips", "mean over frames", "bicubic"):
        assert words in both
    assert table(board).row_count == len(board.rows)
    assert str(board).startswith(head)


# Arguments that are wrong, and what the error says.
BAD = {
    "a pooling": ({"poolings": ["softer"]}, "Unknown pooling 'softer'. Known poolings: max, average, soft"),
    "a form": ({"poolings": "global_soft"}, "Unknown pooling 'global_soft'"),
    "a class": ({"poolings": [tsp.layers.SoftPooling2D]}, "must be a name, a Keras layer, or a function"),
    "a number": ({"poolings": {"three": 3}}, "'three' must be a name, a Keras layer"),
    "a name": ({"poolings": {3: "soft"}}, "must be a string, got 3"),
    "average": ({"poolings": {"average": "soft"}}, "'average' is the name of a row that is always there"),
    "two of a name": (
        {"poolings": [half, lambda x: x, lambda x: x]},
        "Two poolings have the name '<lambda>'",
    ),
    "no range": ({"ranges": []}, "`ranges` is empty"),
    "a range": ({"ranges": "1..0"}, "A range must be"),
    "an enlargement": ({"enlarge": "lanczos"}, "`enlarge` must be one of"),
    "a window": ({"pool_size": 0}, "`pool_size` must be"),
    "a window of True": ({"pool_size": True}, "`pool_size` must be"),
    "a window of four": ({"pool_size": (2, 2, 2, 2)}, "`pool_size` must be"),
    "a window of none": ({"pool_size": ()}, "`pool_size` must be"),
    "a large window": ({"pool_size": 20}, "picture 1 is of size 16x16, which is smaller than the window"),
    "a long window": ({"pool_size": 4}, "", [_CLIP[:3]], "picture 1 is of size 3x8x9"),
    "a small picture": ({}, "", _BOARD[:7], r"picture 1 has 6x16 pixels in whole windows, and SSIM .* 7x7"),
    "frames": ({"frames": 0}, "`frames` must be"),
    "a seed": ({"seed": -1}, "`seed` must be"),
    "seconds": ({"seconds": math.nan}, "`seconds` must be"),
    "another window": (
        {"poolings": keras.layers.MaxPooling2D(3, name="three")},
        r"'three' makes \(1, 5, 5, 1\) of .* and not \(1, 8, 8, 1\)",
    ),
    "another rank": ({"poolings": keras.layers.MaxPooling3D(2, name="deep")}, "'deep' cannot pool a picture"),
    "NaN": ({"poolings": {"no": lambda x: 0 * half(x) / 0}}, "'no' makes NaN of values in the range 0..1"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_refuses(name):
    arguments, words, *other = BAD[name]
    images, words = other or (_BOARD, words)
    with pytest.raises(ValueError, match=words):
        tsp.compare(images, **{"seconds": 0, **arguments})


def test_importing_the_package_does_not_import_the_extra():
    """Keras itself imports Pillow and matplotlib if they are there."""
    code = """
        import sys
        import tf_softpool
        print([each for each in ("skimage", "av", "jinja2") if each in sys.modules])
    """
    assert python(code) == "[]\n"


@pytest.mark.parametrize(
    ("absent", "call"),
    [
        ("skimage", "tsp.compare(np.zeros((8, 8)))"),
        ("PIL.Image", "tsp.compare('a.png')"),
        ("av", "tsp.compare('a.mp4')"),
        ("matplotlib", "tsp.compare(np.zeros((8, 8)), [], seconds=0).sheet('a.png')"),
        ("jinja2", "tsp.compare(np.zeros((8, 8)), [], seconds=0).html('a.html')"),
    ],
)
def test_an_absent_package(absent, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "a.mp4"):
        (tmp_path / name).write_text("")
    monkeypatch.setitem(__import__("sys").modules, absent, None)
    with pytest.raises(ImportError, match=r'pip install "tf_softpool\[compare\]"'):
        eval(call, {"tsp": tsp, "np": np})
