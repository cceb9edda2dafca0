"""Memory of a device with other memory around it, in which what is written there by mistake shows."""

import numpy as np

# Of addresses, as TensorFlow has it.
ALIGNMENT = 256
# So many bytes are watched before and behind. A tool that watches all of memory needs none.
WATCHED = 256


class Buffer:
    """Bytes on a device.

    Args:
        device: a `device.Host`, or a card.
        content: the bytes.
        beside: the byte that all others around them are.
        bytes_off: how far behind an aligned address they begin.
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
        """Whether any byte is another than in the beginning."""
        return not np.array_equal(self._device.take(self._memory), self._before)

    def content(self):
        """The bytes as they are now, or None if others around them changed."""
        now = self._device.take(self._memory)
        first, last = self._where.start, self._where.stop
        same = np.array_equal(now[:first], self._before[:first])
        same = same and np.array_equal(now[last:], self._before[last:])
        return now[self._where] if same else None
