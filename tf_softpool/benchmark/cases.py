"""Tensors, and windows on them, that poolings are measured with."""

import math
from dataclasses import dataclass

PASSES = ("forward", "forward + backward")
ITEMSIZES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Case:
    """A tensor, and windows of size `k` and stride `s` in every spatial dimension."""

    shape: tuple[int, ...]
    k: int
    s: int
    padding: str = "valid"
    data_format: str = "channels_last"
    dtype: str = "float32"
    # The share of the values that are -inf.
    infinite: float = 0.0

    def elements(self) -> tuple[int, int]:
        """Returns how many elements the input has, and how many the output has."""
        first = self.data_format == "channels_first"
        spatial = self.shape[2:] if first else self.shape[1:-1]
        over = 1 if self.padding == "same" else self.k
        pooled = [-(-(n - over + 1) // self.s) for n in spatial]
        return math.prod(self.shape), math.prod(self.shape) // math.prod(spatial) * math.prod(pooled)

    def input_bytes(self) -> int:
        """Returns the size of the input."""
        return self.elements()[0] * ITEMSIZES[self.dtype]

    def bytes_moved(self, pooling: str, which: str) -> int:
        """Returns the bytes that a pass must move if it reads each input and writes each output once.

        The forward pass reads x and writes the output. The backward pass reads x and the output's gradient,
        and writes the gradient of x. Importance pooling has a second tensor of x's size beside each x.
        """
        x, y = self.elements()
        tensors = 2 if pooling.startswith("importance") else 1
        return ITEMSIZES[self.dtype] * (tensors * x + y if which == "forward" else 3 * tensors * x + 2 * y)

    def __str__(self) -> str:
        words = [f"[{','.join(map(str, self.shape))}] k{self.k} s{self.s}"]
        words += [word for word in (self.padding, self.dtype) if word not in ("valid", "float32")]
        return " ".join(words)
