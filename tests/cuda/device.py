"""Where tensors live and kernels run: on a card, or on the host in its place.

A card is used where the environment variable SOFTPOOL_CUDA_LIBRARY names the kernels built for it. The
library for the host is where `make cuda-host` leaves it, or SOFTPOOL_CUDA_HOST_LIBRARY says.
"""

import functools
import os
from pathlib import Path

import interface
import numpy as np
from memory import ALIGNMENT, Buffer
from near import numpy_dtype

ROOT = Path(__file__).resolve().parent.parent.parent
# What memory holds that nothing was written to: NaN in every type, and in what is read beside an input.
NOTHING = 0xFF
# What memory beside outputs holds. Kernels write nothing of the kind.
UNTOUCHED = 0x5A


class Host:
    """The kernels' threads run one after the other, on NumPy's memory."""

    stream = None

    def __init__(self, library):
        self.function = interface.load(library)

    def put(self, content):
        """Bytes on the device, from an aligned address on."""
        memory = np.empty(content.size + ALIGNMENT, "uint8")
        skipped = -memory.ctypes.data % ALIGNMENT
        memory = memory[skipped : skipped + content.size]
        memory[:] = content
        return memory

    def address(self, memory):
        """Where the bytes are."""
        return memory.ctypes.data

    def take(self, memory):
        """The bytes as they are now."""
        return memory.copy()

    def synchronize(self):
        """Waits until the kernels are done."""


@functools.cache
def at_hand():
    """The device that tests use."""
    library = os.environ.get("SOFTPOOL_CUDA_LIBRARY")
    if library:
        from card import card

        return card(library)
    folder = ROOT / "build" / "cuda-host"
    library = Path(os.environ.get("SOFTPOOL_CUDA_HOST_LIBRARY", folder / "libsoftpool_cuda_host.so"))
    if not library.exists():
        raise FileNotFoundError(f"{library} is not there: `make cuda-host` builds it")
    return Host(library)


def run(op, windows, attributes, inputs, outputs, offset=0):
    """Calls an op.

    Args:
        op: its name.
        windows: pool_size, strides, padding, data_format.
        attributes: those beside the windows', by name.
        inputs: arrays, in the order of the op's description, None for one that is absent.
        outputs: for each output, its shape and its type's name, or None.
        offset: how many elements behind an aligned address each tensor begins.

    Returns:
        The outputs that are not absent, NaN where nothing was written.

    Raises:
        RuntimeError: the kernels say that something is wrong.
        AssertionError: an input changed, or something was written outside of the outputs.
    """
    device = at_hand()
    scratch = []

    def buffer(content, beside, bytes_off):
        return Buffer(device, content, beside, bytes_off)

    @interface.ALLOCATE
    def allocate(size):
        # No better aligned than kernels may expect.
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
