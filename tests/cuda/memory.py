"""Memory of a device with watched memory around it, in which a write by mistake shows."""

import numpy as np

# The alignment of addresses, as large as TensorFlow's.
ALIGNMENT = 256
# The number of bytes that are watched before and after the content. A tool that watches all memory needs
# none.
WATCHED = 256


class Buffer:
    """Bytes on a device, with watched bytes around them.

    Args:
        device: a `device.Host` or a card.
        content: array of bytes.
        beside: int, the byte that fills the watched memory.
        bytes_off: int, how many bytes after an aligned address the content begins.
    """

    def __init__(self, device, content, beside, bytes_off=0):
        self._device = device
        start = WATCHED + bytes_off
        self._where = slice(start, start + content.size)
        self._before = np.full(start + content.size + WATCHED, beside, "uint8")
        self._before[self._where] = content
        self._memory = device.put(self._before)
        self.address = device.address(self._memory) + start

    def changed(self):
        """Returns whether any byte differs from the beginning, in the content or around it."""
        return not np.array_equal(self._device.take(self._memory), self._before)

    def content(self):
        """Returns the content's bytes, or None if any byte around them changed."""
        now = self._device.take(self._memory)
        first, last = self._where.start, self._where.stop
        same = np.array_equal(now[:first], self._before[:first])
        same = same and np.array_equal(now[last:], self._before[last:])
        return now[self._where] if same else None
