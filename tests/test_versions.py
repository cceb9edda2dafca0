"""The promised versions, which several files name: all of them must say the same."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from conftest import python

from tf_softpool_cli import supported

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text()


def environments():
    """Returns the module that reads tests/versions.toml."""
    spec = spec_from_file_location("environments", ROOT / "build_support" / "environments.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROMISES = environments().promised()


@pytest.mark.parametrize(
    ("versions", "known"),
    [
        (list(PROMISES["python"]), supported.PYTHON),
        (list(PROMISES["tensorflow"]), supported.TENSORFLOW),
        (PROMISES["keras"], supported.KERAS),
    ],
)
def test_the_first_and_the_last_are_tested(versions, known):
    assert (supported.minor(versions[0]), supported.minor(versions[-1])) == known


def test_there_are_ops_for_every_tensorflow():
    served = [version for versions in PROMISES["wheel"].values() for version in versions]
    assert set(PROMISES["tensorflow"]) <= set(served)


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow-cpu"])
def test_the_extras_install_what_is_promised(name):
    assert f'\n{name} = ["{name}{supported.TENSORFLOW.requirement()}"]\n' in PYPROJECT


def test_no_tensorflow_is_required():
    dependencies = re.search(r"\ndependencies = \[(.*?)\]", PYPROJECT, re.DOTALL)[1]
    assert "keras>=3.5," in dependencies
    assert "tensorflow" not in dependencies


def test_the_oldest_python_is_required():
    oldest = ".".join(map(str, supported.PYTHON.first))
    assert f'\nrequires-python = ">={oldest}"\n' in PYPROJECT


# Makes packages absent or old, and prints the error of the import.
BROKEN = """
import sys
from importlib import metadata

sys.modules.update(dict.fromkeys({absent}))
version = metadata.version
metadata.version = lambda name: {old}.get(name) or version(name)
try:
    import tf_softpool
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("absent", "old", "said"),
    [
        (["tensorflow"], {}, 'TensorFlow is not installed. Run: pip install "tf_softpool[tensorflow]"'),
        (["keras"], {}, 'Keras is not installed. Run: pip install "keras>=3.5,<3.16"'),
        ([], {"keras": "2.15.0"}, "Keras 2.15.0 is too old: tf_softpool needs 3.5 to 3.15. Run: pip install"),
    ],
)
def test_an_import_says_what_to_install(absent, old, said):
    assert python(BROKEN.format(absent=absent, old=old)).startswith(said)
