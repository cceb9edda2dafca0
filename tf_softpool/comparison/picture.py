"""A picture or clip that poolings are compared on."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture or a clip.

    The values are read when they are asked for, and are not kept. So many pictures take no more memory than
    one.

    Attributes:
        name: str. The path of its file, or "picture N" for the N-th array. No two have the same name.
        shape: tuple of int. `(height, width, channels)`, or `(frames, height, width, channels)` for a clip.
        notes: tuple of str. What was done to the picture while it was read, such as "the first 16 frames".
    """

    name: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()
    read: Callable[[], np.ndarray] = field(kw_only=True, repr=False)

    @property
    def values(self) -> np.ndarray:
        """The values, float32 from 0 to 1, of the shape `shape`."""
        return self.read()

    @property
    def is_clip(self) -> bool:
        """Whether there are several frames, which 3D layers pool."""
        return len(self.shape) == 4
