"""Finds the user's TensorFlow, even from inside pip's isolated build environment."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass

# What a build installs for itself if there is no TensorFlow: the release that everything is tested with.
DEFAULT_REQUIREMENT = "tensorflow-cpu==2.21.*"

_PROBE = """
import importlib.metadata, json
import tensorflow as tf
names = importlib.metadata.packages_distributions().get("tensorflow", [])
print(json.dumps({
    "version": tf.__version__,
    "distribution": sorted(set(names), key=len)[0] if names else "tensorflow",
    "compile_flags": tf.sysconfig.get_compile_flags(),
    "link_flags": tf.sysconfig.get_link_flags(),
}))
"""


@dataclass(frozen=True)
class TensorFlow:
    """A TensorFlow to build for, as it describes itself."""

    version: str
    distribution: str
    compile_flags: list
    link_flags: list

    @property
    def requirement(self):
        """The releases in which a library built for this one loads, as a pip requirement."""
        major, minor = self.version.split(".")[:2]
        return f"{self.distribution}=={major}.{minor}.*"


def _probe(environment):
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    run = subprocess.run(
        [sys.executable, "-c", _PROBE],
        env={**environment, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        return None
    return TensorFlow(**json.loads(run.stdout.strip().splitlines()[-1]))


@functools.cache
def installed():
    """Returns the TensorFlow of the user's environment, or None.

    pip hides that environment from an isolated build by setting PYTHONPATH. A process without it sees it.
    """
    return _probe({k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONNOUSERSITE")})


@functools.cache
def to_build_for():
    """Returns the user's TensorFlow or, if there is none, that of the build environment.

    Raises:
        RuntimeError: if neither environment has a TensorFlow.
    """
    found = installed() or _probe(dict(os.environ))
    if found is None:
        raise RuntimeError(
            "There is no TensorFlow to build for. Install one first, with "
            f'"pip install {DEFAULT_REQUIREMENT}", or build without --no-build-isolation.'
        )
    return found
