"""Finds the TensorFlows to build for: the user's, even from inside pip's isolated environment, or several."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass

from variables import TENSORFLOWS

# What a build installs for itself if there is no TensorFlow: the release that everything is tested with.
DEFAULT_REQUIREMENT = "tensorflow-cpu==2.21.*"

_PROBE = """
import json
import tensorflow as tf
print(json.dumps({
    "version": tf.__version__,
    "compile_flags": tf.sysconfig.get_compile_flags(),
    "link_flags": tf.sysconfig.get_link_flags(),
}))
"""


@dataclass(frozen=True)
class TensorFlow:
    """A TensorFlow to build for, as it describes itself."""

    version: str
    compile_flags: list
    link_flags: list

    @property
    def folder(self):
        """The name of the folder with the libraries for this TensorFlow, such as tf2_21."""
        major, minor = self.version.split(".")[:2]
        return f"tf{major}_{minor}"


def _probe(environment, python=sys.executable):
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    run = subprocess.run(
        [python, "-c", _PROBE],
        env={**environment, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        return None
    return TensorFlow(**json.loads(run.stdout.strip().splitlines()[-1]))


def outside():
    """Returns the variables of the environment without those by which pip hides the user's packages."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONNOUSERSITE")}


@functools.cache
def installed():
    """Returns the TensorFlow of the user's environment, or None.

    pip hides that environment from an isolated build by setting PYTHONPATH. A process without it sees it.
    """
    return _probe(outside())


def are_named():
    """Returns whether the environment names the TensorFlows to build for."""
    return bool(os.environ.get(TENSORFLOWS))


@functools.cache
def to_build_for():
    """Returns the named TensorFlows, or else the user's or that of the build environment, in a list.

    Raises:
        RuntimeError: if neither environment has a TensorFlow, or a named interpreter has none.
    """
    if are_named():
        return [_of(python) for python in os.environ[TENSORFLOWS].split(os.pathsep)]
    found = installed() or _probe(dict(os.environ))
    if found is None:
        raise RuntimeError(
            "There is no TensorFlow to build for. Install one first, with "
            f'"pip install {DEFAULT_REQUIREMENT}", or build without --no-build-isolation.'
        )
    return [found]


def _of(python):
    found = _probe(outside(), python)
    if found is None:
        raise RuntimeError(f"{TENSORFLOWS} names {python}, which cannot import TensorFlow.")
    return found
