"""A card whose memory CuPy allocates, or PyTorch if CuPy is not installed.

Both move bytes, because CuPy has no bfloat16. Kernels run in a stream of their own, which waits for no other
stream. If a kernel gave work to another stream, that work would be late, and its result would be missed.
"""

import importlib.util

import interface
import numpy as np


class _Card:
    def __init__(self, library):
        self.function = interface.load(library)


class _CuPyCard(_Card):
    def __init__(self, library):
        import cupy

        super().__init__(library)
        self._cupy = cupy
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self.stream = self._stream.ptr

    def put(self, content):
        """Copies bytes to the device, to an aligned address. Returns the memory."""
        memory = self._cupy.asarray(content)
        self._cupy.cuda.runtime.deviceSynchronize()
        return memory

    def address(self, memory):
        """Returns the address of the bytes."""
        return memory.data.ptr

    def take(self, memory):
        """Returns a copy of the bytes on the device."""
        return self._cupy.asnumpy(memory)

    def synchronize(self):
        """Waits until all kernels have finished."""
        self._stream.synchronize()

    def repeated(self, content, size):
        """Fills `size` bytes on the device with the content, repeated. Returns the memory."""
        memory = self._cupy.empty(size, "uint8")
        content = self._cupy.asarray(content)
        for start in range(0, size, content.size):
            part = memory[start : start + content.size]
            part[:] = content[: part.size]
        self._cupy.cuda.runtime.deviceSynchronize()
        return memory

    def holds(self, memory, pair):
        """Returns whether any aligned pair of bytes equals a 16-bit integer."""
        return bool((memory.view("int16") == pair).any())

    def free_bytes(self):
        """Returns how many bytes of the card's memory are free."""
        self._cupy.get_default_memory_pool().free_all_blocks()
        return self._cupy.cuda.runtime.memGetInfo()[0]


class _PyTorchCard(_Card):
    def __init__(self, library):
        import torch

        super().__init__(library)
        self._torch = torch
        self._stream = torch.cuda.Stream()
        self.stream = self._stream.cuda_stream

    def put(self, content):
        """Copies bytes to the device, to an aligned address. Returns the memory."""
        memory = self._torch.from_numpy(np.ascontiguousarray(content)).cuda()
        self._torch.cuda.synchronize()
        return memory

    def address(self, memory):
        """Returns the address of the bytes."""
        return memory.data_ptr()

    def take(self, memory):
        """Returns a copy of the bytes on the device."""
        return memory.cpu().numpy()

    def synchronize(self):
        """Waits until all kernels have finished."""
        self._stream.synchronize()

    def repeated(self, content, size):
        """Fills `size` bytes on the device with the content, repeated. Returns the memory."""
        memory = self._torch.empty(size, dtype=self._torch.uint8, device="cuda")
        content = self._torch.from_numpy(content).cuda()
        for start in range(0, size, content.numel()):
            part = memory[start : start + content.numel()]
            part.copy_(content[: part.numel()])
        self._torch.cuda.synchronize()
        return memory

    def holds(self, memory, pair):
        """Returns whether any aligned pair of bytes equals a 16-bit integer."""
        return bool((memory.view(self._torch.int16) == pair).any())

    def free_bytes(self):
        """Returns how many bytes of the card's memory are free."""
        self._torch.cuda.empty_cache()
        return self._torch.cuda.mem_get_info()[0]


def card(library):
    """Returns this machine's card, with the kernels of a library."""
    return (_CuPyCard if importlib.util.find_spec("cupy") else _PyTorchCard)(library)
