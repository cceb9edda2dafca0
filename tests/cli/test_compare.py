"""The command `tf-softpool compare`."""

import json

import numpy as np
import pytest
from PIL import Image

from tf_softpool.comparison import enlarging, limits
from tf_softpool_cli import names
from tf_softpool_cli.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    random = np.random.default_rng(0)
    for name in ("a.png", "folder/b.png", "folder/c.png"):
        Image.fromarray(random.integers(0, 256, (12, 14, 3), "uint8")).save(tmp_path / name)
    (tmp_path / "note.png").write_text("text")
    return tmp_path


def test_the_names_are_those_of_the_package():
    assert names.ENLARGINGS == enlarging.ENLARGINGS
    assert names.FRAMES == limits.FRAMES


def test_a_table(folder, capsys):
    assert main(["compare", "a.png", "folder", "--poolings", "soft", "stochastic", "--seconds", "0"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    head, *lines = out.splitlines()
    assert head.startswith("3 pictures, pooled in windows of 2x2")
    rows = {line.split()[0] for line in lines[lines.index(next(n for n in lines if "SSIM " in n)) :]}
    assert {"average", "max", "soft", "stochastic_draw", "stochastic_expect"} <= rows


def test_json(folder, capsys):
    options = ["--pool-size", "1", "2", "3", "--range=-1..1", "--enlarge", "bilinear", "--seed", "7"]
    assert main(["compare", "folder", "--poolings", "lp", *options, "--seconds", "0.01", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert [each["name"] for each in found["pictures"]] == ["folder/b.png", "folder/c.png"]
    settings = {name: found["settings"][name] for name in ("pool_size", "ranges", "enlarge", "seed")}
    assert settings == {"pool_size": [1, 2, 3], "ranges": ["-1..1"], "enlarge": "bilinear", "seed": 7}
    assert {each["label"] for each in found["rows"]} == {"average", "max", "lp, -1..1"}
    assert all(each["milliseconds"] > 0 for each in found["rows"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["note.png"], "note.png is not a picture or video that can be read"),
        (["a.png", "--pool-size", "13"], "a.png is of size 12x14, which is smaller than the window of 13x13"),
    ],
)
def test_what_it_refuses(arguments, words, folder, capsys):
    assert main(["compare", *arguments, "--seconds", "0", "--sheet", "sheet.png", "--html", "page.html"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert not (folder / "sheet.png").exists()
    assert not (folder / "page.html").exists()
