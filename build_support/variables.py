"""The variables of the environment by which a build is asked for something."""

# The Python interpreters whose TensorFlows to build for, separated as in PATH. Default: the user's
# TensorFlow.
TENSORFLOWS = "TF_SOFTPOOL_TENSORFLOWS"
# Links libraries that load on systems older than this one, if it is set.
MANYLINUX = "TF_SOFTPOOL_MANYLINUX"
# The kernels for GPUs: 0 leaves them out, 1 must build them, native builds them for the card that is there.
# Default: they are built if there is nvcc.
CUDA = "TF_SOFTPOOL_CUDA"
# The Python interpreter whose JAX brings XLA's headers for the library for JAX. Default: the user's JAX, or
# without one the headers that TensorFlow brings. 0 leaves the library out.
JAX = "TF_SOFTPOOL_JAX"
# 0 leaves the library for XLA out.
XLA = "TF_SOFTPOOL_XLA"
