"""The parts of the package's build that pyproject.toml cannot state: how the compiled library is built, and
which TensorFlow it requires.
"""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent / "build_support"))

import find_tensorflow
from cmake_build import AnyPythonWheel, CMakeBuild, CMakeExtension


def _requirements():
    tensorflow = find_tensorflow.installed()
    built_for = tensorflow.requirement if tensorflow else find_tensorflow.DEFAULT_REQUIREMENT
    return [
        "h5py>=3.11,<4",
        "keras>=3.15,<3.16",
        "ml_dtypes>=0.5,<1",
        "numpy>=1.26,<3",
        "rich>=13.7,<16",
        built_for,
    ]


setup(
    ext_modules=[CMakeExtension("tf_softpool.lib", "custom_ops")],
    cmdclass={"build_ext": CMakeBuild, "bdist_wheel": AnyPythonWheel},
    install_requires=_requirements(),
)
