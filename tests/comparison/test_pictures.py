"""What a user gives, read as pictures with values from 0 to 1."""

import os
import re
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tf_softpool.comparison import limits
from tf_softpool.comparison.pictures import pictures_of

# Two rows of three pixels: red, green, blue, black, white and a grey of 51, which is 0.2.
_COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255], [51, 51, 51]]], "uint8"
)
_RGB = _COLOURS / 255
_GREY = np.array([[[0.0], [0.2], [1.0]], [[0.4], [0.6], [0.8]]])
_BYTES = np.round(_GREY[..., 0] * 255).astype("uint8")
_WORDS = np.round(_GREY[..., 0] * 65535).astype("uint16")
_CLIP = np.stack([np.full((8, 6, 3), level, "uint8") for level in (0, 51, 255)])


def _rgba():
    """The colours, with the first row half transparent: half of it is white then."""
    return Image.fromarray(np.dstack([_COLOURS, np.repeat([[128], [255]], 3, 1).astype("uint8")]), "RGBA")


def _over_white():
    share = np.array([128 / 255, 1.0])[:, None, None]
    return share * _RGB + (1 - share)


def _palette():
    return Image.fromarray(_COLOURS).convert("P", palette=Image.Palette.ADAPTIVE, colors=6)


def _turned():
    """A picture that a camera has stored on its side: it is shown after a quarter turn clockwise."""
    image = Image.fromarray(np.rot90(_COLOURS).copy())
    exif = image.getexif()
    exif[0x0112] = 6
    return image, exif


# Files of one picture: how it is written, and the values that are read.
FILES = {
    "rgb.png": (lambda path: Image.fromarray(_COLOURS).save(path), _RGB),
    "rgb.bmp": (lambda path: Image.fromarray(_COLOURS).save(path), _RGB),
    "grey.png": (lambda path: Image.fromarray(_BYTES).save(path), _GREY),
    "grey.tif": (lambda path: Image.fromarray(_BYTES).save(path), _GREY),
    "words.png": (lambda path: Image.fromarray(_WORDS).save(path), _GREY),
    "words.tif": (lambda path: Image.fromarray(_WORDS).save(path), _GREY),
    "words.pgm": (lambda path: path.write_bytes(b"P5 3 2 65535\n" + _WORDS.astype(">u2").tobytes()), _GREY),
    "floats.tif": (lambda path: Image.fromarray(_GREY[..., 0].astype("float32")).save(path), _GREY),
    "bits.png": (lambda path: Image.fromarray(_BYTES > 127).save(path), np.round(_GREY)),
    "palette.png": (lambda path: _palette().save(path), _RGB),
    "palette.gif": (lambda path: _palette().save(path), _RGB),
    "alpha.png": (lambda path: _rgba().save(path), _over_white()),
    "opaque.png": (lambda path: Image.fromarray(_COLOURS).convert("RGBA").save(path), _RGB),
    "grey_alpha.png": (lambda path: Image.fromarray(_BYTES).convert("LA").save(path), _GREY),
    "exif.png": (lambda path: _turned()[0].save(path, exif=_turned()[1]), _RGB),
    "ink.tif": (
        lambda path: Image.fromarray((255 - np.dstack([_COLOURS, _COLOURS[..., :1] * 0 + 255])), "CMYK").save(
            path
        ),
        _RGB,
    ),
    "pages.tif": (
        lambda path: Image.fromarray(_BYTES).save(
            path, save_all=True, append_images=[Image.fromarray(255 - _BYTES)]
        ),
        _GREY,
    ),
}
_NOTES = {"alpha.png": ("transparent parts over white",), "pages.tif": ("the first of 2 pages",)}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("given", ["str", "path", "folder", "Pillow"])
def test_image_files(name, given, tmp_path):
    write, expected = FILES[name]
    path = tmp_path / name
    write(path)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / f".{name}").write_text("not a picture")
    images = {"str": str(path), "path": path, "folder": tmp_path}.get(given) or Image.open(path)
    (picture,) = pictures_of(images)
    assert picture.name == ("picture 1" if given == "Pillow" else str(path))
    assert picture.values.dtype == np.float32
    assert picture.shape == expected.shape
    # 8-bit values of what lies over white are rounded.
    np.testing.assert_allclose(picture.values, expected, atol=2 / 255 if name == "alpha.png" else 1e-4)
    assert picture.notes == _NOTES.get(name, ())


def test_a_jpeg_of_a_camera(tmp_path):
    """JPEG loses digits, so the picture has large areas: the left half is white."""
    stored = np.zeros((16, 32), "uint8")
    stored[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif)
    (picture,) = pictures_of(tmp_path / "a.jpg")
    assert picture.shape == (32, 16, 1)
    np.testing.assert_allclose(picture.values[:, :8], 1.0, atol=0.02)
    np.testing.assert_allclose(picture.values[:, 8:], 0.0, atol=0.02)


def write_gif(path, **options):
    first, *others = map(Image.fromarray, _CLIP)
    first.save(path, save_all=True, append_images=others, **options)


def write_video(path, frames=_CLIP):
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.bit_rate = 10_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("name", "write"), [("a.gif", write_gif), ("a.png", write_gif), ("a.webp", write_gif)]
)
@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_frames_of_image_files(name, write, frames, tmp_path):
    lossless = {"lossless": True} if name == "a.webp" else {}
    write(tmp_path / name, **lossless)
    (picture,) = pictures_of(tmp_path / name, frames)
    assert picture.is_clip
    np.testing.assert_allclose(picture.values, _CLIP[:frames] / 255, atol=1e-6)
    assert picture.notes == ((f"the first {frames} of 3 frames",) if frames < 3 else ())


@pytest.mark.parametrize("name", ["a.mp4", "a.AVI", "a.mkv", "b:a.mp4"])
@pytest.mark.parametrize("frames", [2, 3])
def test_videos(name, frames, tmp_path):
    wide = np.repeat(np.repeat(_CLIP, 4, 1), 8, 2)
    write_video(tmp_path / name, wide)
    (picture,) = pictures_of(tmp_path / name, frames)
    assert picture.shape == (frames, 32, 48, 3)
    # The colours of videos are rounded.
    np.testing.assert_allclose(picture.values, wide[:frames] / 255, atol=0.03)
    assert picture.notes == (("the first 2 frames",) if frames == 2 else ())


# Arrays, and the shapes of the pictures that they are.
ARRAYS = {
    "grey": (_BYTES, [(2, 3, 1)]),
    "colours": (_COLOURS, [(2, 3, 3)]),
    "floats": (_RGB, [(2, 3, 3)]),
    "nine channels": (np.zeros((2, 3, 9)), [(2, 3, 9)]),
    "a batch": (_CLIP, [(8, 6, 3)] * 3),
    "a batch of clips": (_CLIP[None], [(3, 8, 6, 3)]),
    "a list": ([_BYTES, _COLOURS, _CLIP], [(2, 3, 1), (2, 3, 3), (3, 8, 6, 3)]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    images, shapes = ARRAYS[name]
    found = pictures_of(images)
    assert [each.shape for each in found] == shapes
    assert [each.name for each in found] == [f"picture {i + 1}" for i in range(len(shapes))]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float32", "float64"])
def test_types_of_arrays(dtype):
    white = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    (picture,) = pictures_of(np.array([[0, white]], dtype))
    assert picture.values.dtype == np.float32
    assert picture.values.tolist() == [[[0.0], [1.0]]]


def test_files_in_order_and_once(tmp_path):
    for name in ("b.png", "a.PNG", "c.jpg"):
        Image.fromarray(_COLOURS).save(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(_BYTES).save(tmp_path / "folder.png" / "inside.png")
    found = pictures_of([tmp_path / "c.jpg", tmp_path, _BYTES])
    names = [str(tmp_path / name) for name in ("c.jpg", "a.PNG", "b.png")]
    assert [each.name for each in found] == [*names, "picture 3"]


def _written(name, content=b""):
    Path(name).write_bytes(content)
    return name


def _cut(name, write, share):
    write(Path(name))
    content = Path(name).read_bytes()
    Path(name).write_bytes(content[: int(share * len(content))])
    return name


_NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
# What cannot be read, and what the error says.
BAD = {
    "nothing": (lambda: [], "`images` is empty"),
    "a name without a file": (lambda: "absent.png", "There is no picture at absent.png"),
    "a text": (lambda: _written("note.txt", b"text"), "note.txt is not a picture or video"),
    "a text with the name of a picture": (lambda: _written("note.png", b"text"), "note.png is not a picture"),
    "a text with the name of a video": (
        lambda: _written("a.mp4", b"text"),
        "a.mp4 cannot be read as a video",
    ),
    "an empty file": (lambda: _written("empty.jpg"), "empty.jpg is not a picture"),
    "a folder without images": (lambda: os.curdir, "no image file in the folder"),
    "a cut PNG file": (
        lambda: _cut("cut.png", Image.fromarray(_NOISE).save, 0.5),
        "cut.png cannot be read: .*truncated",
    ),
    "a cut JPEG file": (
        lambda: _cut("cut.jpg", Image.fromarray(_NOISE).save, 0.5),
        "cut.jpg cannot be read: .*truncated",
    ),
    "a cut TIFF file": (lambda: _cut("cut.tif", Image.fromarray(_NOISE).save, 0.1), "cut.tif "),
    "a cut video": (lambda: _cut("cut.mp4", write_video, 0.5), "cut.mp4 "),
    "floats of bytes": (lambda: _BYTES * 1.0, "picture 1 are floats from 0 to 255, .* divide them"),
    "negative floats": (lambda: [_GREY, _GREY - 0.5], "picture 2 are floats from -0.5 to 0.5"),
    "NaN": (lambda: np.full((8, 8), np.nan), "floats from nan to nan"),
    "integers": (lambda: np.zeros((8, 8), "int64"), "uint8, uint16 or floats from 0 to 1, got int64"),
    "a float file": (
        lambda: _saved("f.tif", Image.fromarray(_BYTES.astype("float32"))),
        "f.tif are floats from 0 to 255",
    ),
    "one axis": (lambda: np.zeros(8), r"picture 1 must be \[height, width\].*shape \(8,\)"),
    "six axes": (lambda: np.zeros((1, 1, 1, 8, 8, 3)), "picture 1 must be"),
    "no rows": (lambda: np.zeros((0, 8, 3)), "picture 1 is empty"),
    "no channels": (lambda: np.zeros((8, 8, 0)), "picture 1 is empty"),
    "no pictures in a batch": (lambda: np.zeros((0, 8, 8, 3)), "`images` is empty"),
    "words": (lambda: [["a", "b"]], "picture 1"),
    "rows of different lengths": (lambda: [[[1.0, 2.0], [1.0]]], "picture 1 is not an array"),
    "a number": (lambda: 3, "picture 1 must be"),
    "None": (lambda: None, "picture 1 must be"),
}


def _saved(name, image):
    image.save(name)
    return name


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "a cut video" and int(av.__version__.partition(".")[0]) < 18:
        pytest.skip("PyAV before 18 crashes on it")
    make, words = BAD[name]
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        pictures_of(make())


def test_pictures_that_are_too_large(tmp_path, monkeypatch):
    Image.fromarray(_BYTES).save(tmp_path / "large.png")
    write_gif(tmp_path / "long.gif")
    write_video(tmp_path / "long.mp4", np.repeat(_CLIP, 4, 1))
    monkeypatch.setattr(limits, "MOST_PIXELS", 5)
    with pytest.raises(
        ValueError, match=re.escape("large.png has 2x3 pixels, and a comparison takes at most")
    ):
        pictures_of(tmp_path / "large.png")
    for name in ("long.gif", "long.mp4"):
        with pytest.raises(ValueError, match=rf"{name} has .* pixels.* fewer frames, with `frames`"):
            pictures_of(tmp_path / name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    with pytest.raises(ValueError, match=r"large\.png is too large"):
        pictures_of(tmp_path / "large.png")


def test_values_are_not_kept(tmp_path):
    """The file is read again, so that the pictures of a folder need not fit into memory."""
    path = tmp_path / "a.png"
    Image.fromarray(_BYTES).save(path)
    (picture,) = pictures_of(path)
    Image.fromarray(255 - _BYTES).save(path)
    np.testing.assert_allclose(picture.values, 1 - _GREY, atol=1e-6)
