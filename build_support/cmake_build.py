"""setuptools commands that build the libraries with CMake."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import find_jax
import find_tensorflow
from setuptools import Extension
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from variables import CUDA, MANYLINUX, XLA

ROOT = Path(__file__).resolve().parent.parent


# The values of CUDA in the environment, and what CMake's SOFTPOOL_CUDA becomes.
_CUDA = {"0": "OFF", "1": "ON", "native": "NATIVE"}
# The memory that one compiler needs for the largest files: some kernels, and all that include XLA's headers.
_BYTES_FOR_A_COMPILER = 2.5 * 1024**3


def _compilers():
    """Returns how many compilers run at once: one for each processor, or fewer if memory does not suffice."""
    if asked := os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL"):
        return asked
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return str(max(1, min(os.cpu_count() or 1, int(memory // _BYTES_FOR_A_COMPILER))))


class CMakeExtension(Extension):
    """Libraries that CMake builds, and the package folder where they go."""

    def __init__(self, package, source):
        super().__init__(f"{package}._cmake", sources=[])
        self.package = package
        self.source = ROOT / source


class CMakeBuild(build_ext):
    """Configures and builds each CMakeExtension, and leaves its libraries in the package."""

    def build_extension(self, ext):
        if self.editable_mode or self.inplace:
            output = ROOT / ext.package.replace(".", "/")
        else:
            output = Path(self.build_lib).resolve() / ext.package.replace(".", "/")
        found = find_tensorflow.to_build_for()
        tensorflows = [{"folder": each.folder, **asdict(each)} for each in found]
        for_jax = find_jax.headers(found)
        # A checkout may have kernels for this machine's card alone, and a wheel for all: the folders differ.
        build = ROOT / "build" / ("checkout" if self.editable_mode or self.inplace else "wheel")
        options = {
            "CMAKE_BUILD_TYPE": "Release",
            "SOFTPOOL_VERSION": self.distribution.get_version(),
            "SOFTPOOL_OUTPUT_DIRECTORY": output,
            "SOFTPOOL_TENSORFLOWS": json.dumps(tensorflows),
            "SOFTPOOL_JAX_INCLUDE": for_jax.include,
            "SOFTPOOL_JAX_HEADERS": for_jax.of,
            "SOFTPOOL_JAX_MISSING": for_jax.missing,
            "SOFTPOOL_CUDA": _CUDA.get(os.environ.get(CUDA), "AUTO"),
            "SOFTPOOL_XLA": "OFF" if os.environ.get(XLA) == "0" else "ON",
            # The compilers of people who install the package may know warnings that ours do not.
            "SOFTPOOL_WARNINGS_AS_ERRORS": "ON" if self.editable_mode or self.inplace else "OFF",
            "SOFTPOOL_LINKER": f"{sys.executable};-m;ziglang;cc" if os.environ.get(MANYLINUX) else "",
        }
        self.mkpath(str(build))
        self._run(
            ["cmake", "-S", ext.source, "-B", build, "-G", "Unix Makefiles"]
            + [f"-D{name}={value}" for name, value in options.items()],
            "CMake could not configure the build, for the reason given above. The build needs a C++ compiler "
            "and, with TF_SOFTPOOL_CUDA=1 in the environment, nvcc.",
        )
        _forget_libraries(build, output)
        jobs = _compilers()
        self._run(
            ["cmake", "--build", build, "--parallel", jobs, "--target", "softpool_cuda"],
            "The CUDA kernels did not compile, for the reason given above. To build without them, set "
            "TF_SOFTPOOL_CUDA=0 in the environment: everything else works.",
        )
        libraries = ["softpool_kernels", "tf_softpool_ops", "tf_softpool_xla", "tf_softpool_jax"]
        self._run(
            ["cmake", "--build", build, "--parallel", jobs, "--target", *libraries],
            "The libraries did not compile, for the reason given above. If tf_softpool_xla failed, there may "
            "be too little memory, or its source may not fit this TensorFlow. To build without it, set "
            "TF_SOFTPOOL_XLA=0 in the environment: everything else works.",
        )

    def _run(self, command, failure=None):
        """Runs a command, and raises a RuntimeError with the text `failure`, if there is one, if it fails."""
        command = [str(word) for word in command]
        self.announce(" ".join(command), level=2)
        try:
            subprocess.run(command, check=True)
        except subprocess.CalledProcessError as error:
            if failure is None:
                raise
            raise RuntimeError(failure) from error

    # CMake writes the library to its final place, even in an editable build: setuptools has nothing to copy.
    def copy_extensions_to_source(self):
        pass

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


def _forget_libraries(build, output):
    """Removes the libraries of earlier builds.

    CMake copies a library only when it links it, and the last copy may have gone to another folder. Libraries
    for another TensorFlow would call kernels that differ from those that they were built with.
    """
    for folder in (build, output):
        for path in [*folder.glob("lib*softpool_*.so"), *folder.glob("tf[0-9]*/*.so")]:
            path.unlink()
    for folder in output.glob("tf[0-9]*"):
        shutil.rmtree(folder)


class AnyPythonWheel(bdist_wheel):
    """A wheel for one platform and every Python, because the library does not use Python's C API."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]
