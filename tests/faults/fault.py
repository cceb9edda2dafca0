"""The class of planted faults, and the folders of the sources that faults are planted in."""

from dataclasses import dataclass

# Folders of the checkout. The tables of faults name files below these.
OPS = "tf_softpool/ops"
LAYERS = "tf_softpool/layers"
REWRITING = "tf_softpool/rewriting"
SERVING = "tf_softpool/serving"
SIMD = "custom_ops/softpool/simd"
ENGINE = "custom_ops/softpool/engine"
POOLINGS = "custom_ops/softpool/poolings"
CUDA = "custom_ops/softpool/cuda"
TENSORFLOW = "custom_ops/softpool/tensorflow"
FFI = "custom_ops/softpool/ffi"
XLA = "custom_ops/softpool/xla"

# The parts that a fault may need to be built again: the ops for TensorFlow, the library for XLA, the CUDA
# kernels for the host, and the C++ tests.
BUILDS = ("ops", "xla", "cuda", "kernel_tests")
# Stands for the C++ tests where a fault names test files.
KERNEL_TESTS = "ctest"


@dataclass(frozen=True)
class Fault:
    """A mistake that somebody might make.

    Attributes:
        name: string, the fault's name on the command line.
        kind: string, the sort of mistake.
        file: string, the source file's path from the checkout's root.
        before: string, the text that the fault replaces, which the file must have exactly once.
        after: string, the text with the mistake.
        tests: tuple of test files or folders that run first. All tests follow if these find nothing.
        build: tuple of the parts in `BUILDS` that are built again.
    """

    name: str
    kind: str
    file: str
    before: str
    after: str
    tests: tuple = ()
    build: tuple = ()

    def planted(self, text):
        """Returns a file's text with the fault planted in it.

        Raises:
            ValueError: if the text does not have `before` exactly once.
        """
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"{self.name}: {self.file} has its text {count} times, and must have it once")
        return text.replace(self.before, self.after)
