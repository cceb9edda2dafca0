"""The examples on the pages about JAX run."""

import pytest
from pages import ON_JAX, ROOT, programs


@pytest.mark.parametrize("name", sorted(ON_JAX))
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in programs((ROOT / name).read_text()):
        exec(compile(block, name, "exec"), names)
    assert (tmp_path / "soft.keras").exists()
