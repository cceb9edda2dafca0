"""The device that runs the kernels: a card, or the host.

If the environment variable SOFTPOOL_CUDA_LIBRARY names a library of kernels built for a card, the tests run
on the card. Otherwise they run on the host, with the library that SOFTPOOL_CUDA_HOST_LIBRARY names or `make
cuda-host` builds.
"""

import functools
import os
from pathlib import Path

import interface
import numpy as np
from memory import ALIGNMENT, Buffer
from near import numpy_dtype

ROOT = Path(__file__).resolve().parent.parent.parent
# The byte that fills outputs before a call, and the memory beside inputs. In every type it makes NaN, so a
# value that was not written, or was read beside an input, shows in the results.
NOTHING = 0xFF
# The byte that fills the memory beside outputs. Kernels do not write such bytes.
UNTOUCHED = 0x5A


class Host:
    """The host as a device: the kernels' threads run one after the other, on NumPy's memory."""

    stream = None

    def __init__(self, library):
        self.function = interface.load(library)

    def put(self, content):
        """Copies bytes to an aligned address. Returns the memory."""
        memory = np.empty(content.size + ALIGNMENT, "uint8")
        skipped = -memory.ctypes.data % ALIGNMENT
        memory = memory[skipped : skipped + content.size]
        memory[:] = content
        return memory

    def address(self, memory):
        """Returns the address of the bytes."""
        return memory.ctypes.data

    def take(self, memory):
        """Returns a copy of the bytes."""
        return memory.copy()

    def synchronize(self):
        """Does nothing, because kernels on the host have finished when their call returns."""


@functools.cache
def at_hand():
    """Returns the device that tests use."""
    library = os.environ.get("SOFTPOOL_CUDA_LIBRARY")
    if library:
        from card import card

        return card(library)
    folder = ROOT / "build" / "cuda-host"
    library = Path(os.environ.get("SOFTPOOL_CUDA_HOST_LIBRARY", folder / "libsoftpool_cuda_host.so"))
    if not library.exists():
        raise FileNotFoundError(f"{library} does not exist. Build it with `make cuda-host`.")
    return Host(library)


def run(op, windows, attributes, inputs, outputs, offset=0):
    """Calls an op on the device.

    Args:
        op: string, the op's name.
        windows: tuple of pool_size, strides, padding and data_format.
        attributes: dict of the attributes that do not describe windows.
        inputs: list of arrays in the order of the op's description, with None for an absent input.
        outputs: list with the shape and the type's name of each output, or None for an absent output.
        offset: int, how many elements after an aligned address each tensor begins.

    Returns:
        A list of the outputs that are not absent. Elements that the op did not write are NaN.

    Raises:
        RuntimeError: if the kernels report an error.
        AssertionError: if an input changed, or the op wrote outside of the outputs.
    """
    device = at_hand()
    scratch = []

    def buffer(content, beside, bytes_off):
        return Buffer(device, content, beside, bytes_off)

    @interface.ALLOCATE
    def allocate(size):
        # Aligned to 16 bytes and no better, because kernels may not expect more.
        scratch.append(buffer(np.full(size, NOTHING, "uint8"), UNTOUCHED, 16))
        return scratch[-1].address

    def source(array):
        array = np.ascontiguousarray(array)
        memory = buffer(array.reshape(-1).view("uint8"), NOTHING, offset * array.itemsize)
        return memory, interface.Tensor(memory.address, array.dtype.name, array.shape)

    def result(shape, dtype):
        itemsize = numpy_dtype(dtype).itemsize
        size = int(np.prod(shape)) * itemsize
        memory = buffer(np.full(size, NOTHING, "uint8"), UNTOUCHED, offset * itemsize)
        return memory, interface.Tensor(memory.address, dtype, shape)

    sources = [array if array is None else source(array) for array in inputs]
    results = [like if like is None else result(*like) for like in outputs]
    tensors = [[pair and pair[1] for pair in pairs] for pairs in (sources, results)]
    attributes = {**interface.window_attributes(windows), **attributes}
    interface.prepare(device.function, op, attributes, *tensors, device.stream, allocate)()
    device.synchronize()
    for which, pair in enumerate(sources):
        assert pair is None or not pair[0].changed(), f"{op} wrote to its input {which} or beside it"
    for which, memory in enumerate(scratch):
        assert memory.content() is not None, f"{op} wrote beside its scratch memory {which}"
    arrays = []
    for which, (memory, tensor) in enumerate(filter(None, results)):
        array = memory.content()
        assert array is not None, f"{op} wrote beside its output {which}"
        arrays.append(array.view(numpy_dtype(tensor.dtype)).reshape(tensor.shape))
    return arrays
