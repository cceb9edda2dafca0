"""Samples that are no arrays, or say that they are far larger than they are: each is an error in one line."""

import io
import zipfile

import array_damage
import numpy as np
import pytest

from tf_softpool.cli.sample import read_sample
from tf_softpool_cli.main import main

HUGE = "does not fit into memory, or is damaged"
NO_ARRAYS = "is not a .npy or .npz file"


def archive(**members):
    """Returns a compressed archive of members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.npy", content)
    return file.getvalue()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


WRONG = {
    "nothing": (b"", NO_ARRAYS),
    "text": (b"no sample", NO_ARRAYS),
    "exabytes": (array_damage.header(f"({2**60},)") + bytes(128), HUGE),
    "more than any number": (array_damage.header(f"({2**62}, {2**62})") + bytes(128), NO_ARRAYS),
    "a header that is no text": (array_damage.pack("{'descr': '<f4', 'shape': (2"), NO_ARRAYS),
    "a header of another program": (array_damage.header("__import__('os')"), NO_ARRAYS),
    "deep brackets": (array_damage.header("(" * 90 + ")" * 90), NO_ARRAYS),
    "a pickle": (array_damage.header("(1,)", "'|O'") + b"cos\nsystem\n(S'true'\ntR.", NO_ARRAYS),
    "truncated": (saved(np.ones((2, 4)))[:-1], NO_ARRAYS),
    "exabytes in an archive": (archive(x=array_damage.header(f"({2**60},)")), HUGE),
    "a bomb": (archive(x=array_damage.header(f"({3 * 10**8},)", "'|u1'") + bytes(3 * 10**8)), "unpack to"),
    "an archive of text": (archive(x=b"no sample"), NO_ARRAYS),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_samples(name, tmp_path):
    content, text = WRONG[name]
    path = tmp_path / "sample"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as raised:
        read_sample(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_lack_of_memory(tmp_path, capsys, monkeypatch):
    """Whatever a command has no memory for, it says so in one line."""

    def run(options, terminal):
        raise MemoryError("Unable to allocate 4.00 EiB")

    monkeypatch.setattr("tf_softpool.cli.export.run", run)
    (tmp_path / "model.keras").touch()
    assert main(["export", str(tmp_path / "model.keras"), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "tf-softpool: error: there is not enough memory. Unable to allocate 4.00 EiB"
    ]
