"""What a planted fault is, and where the sources lie that faults are planted in."""

from dataclasses import dataclass

# Folders of the checkout. Tables name files below these.
OPS = "tf_softpool/ops"
LAYERS = "tf_softpool/layers"
REWRITING = "tf_softpool/rewriting"
SERVING = "tf_softpool/serving"
SIMD = "custom_ops/softpool/simd"
ENGINE = "custom_ops/softpool/engine"
POOLINGS = "custom_ops/softpool/poolings"
CUDA = "custom_ops/softpool/cuda"
TENSORFLOW = "custom_ops/softpool/tensorflow"
XLA = "custom_ops/softpool/xla"

# What may have to be built again: the ops for TensorFlow, the library for XLA, the CUDA kernels for the host,
# and the C++ tests.
BUILDS = ("ops", "xla", "cuda", "kernel_tests")
# In the place of a test file: the C++ tests.
KERNEL_TESTS = "ctest"


@dataclass(frozen=True)
class Fault:
    """One mistake that somebody might make.

    Attributes:
        name: what it is called on the command line.
        kind: what sort of mistake it is.
        file: where it is, from the checkout's root.
        before: what stands there, exactly once.
        after: what stands there with the mistake.
        tests: test files or folders that are run first; all others follow if these find nothing.
        build: what is built again, of `BUILDS`.
    """

    name: str
    kind: str
    file: str
    before: str
    after: str
    tests: tuple = ()
    build: tuple = ()

    def planted(self, text):
        """The file's text with the fault in it.

        Raises:
            ValueError: what is to be replaced is not there, or more than once.
        """
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"{self.name}: {self.file} has its text {count} times, and must have it once")
        return text.replace(self.before, self.after)
