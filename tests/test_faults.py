"""Every fault that `make test-faults` plants can be planted: the text that it changes occurs exactly once."""

from pathlib import Path

import pytest
from fault import BUILDS
from plant import FAULTS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_can_be_planted(name):
    fault = FAULTS[name]
    text = (ROOT / fault.file).read_text()
    assert fault.planted(text) != text
    assert set(fault.build) <= set(BUILDS)
    assert bool(fault.build) == fault.file.startswith("custom_ops")
    with pytest.raises(ValueError, match="must have it once"):
        fault.planted(fault.planted(text).replace(fault.after, "") if fault.after else "")


def test_half_of_them_are_in_python():
    of_python = [fault for fault in FAULTS.values() if fault.file.startswith("tf_softpool")]
    assert 0.4 < len(of_python) / len(FAULTS) < 0.6
