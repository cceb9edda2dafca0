"""The part of the package's build that pyproject.toml cannot state: how the compiled libraries are built."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent / "build_support"))

from cmake_build import AnyPythonWheel, CMakeBuild, CMakeExtension

setup(
    ext_modules=[CMakeExtension("tf_softpool.lib", "custom_ops")],
    cmdclass={"build_ext": CMakeBuild, "bdist_wheel": AnyPythonWheel},
)
