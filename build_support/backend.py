"""The build backend: setuptools' own, which also requires TensorFlow and CMake if this machine lacks them.

A fixed list of requirements would install another TensorFlow beside the user's. The library would be built
for that one and fail to load in the user's.
"""

import os
import shutil

import find_tensorflow
from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403
from variables import MANYLINUX


def _missing():
    requirements = []
    if not find_tensorflow.are_named() and find_tensorflow.installed() is None:
        requirements.append(find_tensorflow.DEFAULT_REQUIREMENT)
    if shutil.which("cmake") is None:
        requirements.append("cmake>=3.20,<5")
    if os.environ.get(MANYLINUX):
        requirements.append("ziglang>=0.14,<0.15")
    return requirements


def get_requires_for_build_wheel(config_settings=None):
    return build_meta.get_requires_for_build_wheel(config_settings) + _missing()


def get_requires_for_build_editable(config_settings=None):
    return build_meta.get_requires_for_build_editable(config_settings) + _missing()
