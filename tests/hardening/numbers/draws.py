"""Hypothesis strategies: windows with the shape that they pool, and arrays of numbers of many kinds.

An array is drawn as a seed and the kinds of its numbers, not number by number. So draws are quick, and a
failure shrinks to the simplest windows and kinds. The text of every draw is Python that makes it again.
"""

from dataclasses import dataclass

import ml_dtypes
import numpy as np
from cases import DATA_FORMATS, DTYPES, Case
from hypothesis import strategies as st
from near import numpy_dtype

from tf_softpool.ops.window import WHOLE

# Windows of ordinary poolings, and of global and adaptive ones.
PLAIN = ("valid", "same")
FORMS = (*PLAIN, "whole", "adaptive")
# Numbers of channels around those that fill vectors, and none.
CHANNELS = (1, 3, 2, 4, 7, 8, 9, 15, 16, 17, 21, 31, 32, 33, 40, 0)
# The longest axis by rank, and lengths at which the kernels change their way.
LONGEST = {1: 24, 2: 9, 3: 5}
LONG = (66, 1030, 4100)


def _ends(dtype):
    info = ml_dtypes.finfo(numpy_dtype(dtype))
    return float(info.smallest_subnormal), float(info.tiny), float(info.max)


def _every_magnitude(random, shape, dtype):
    least, _, most = _ends(dtype)
    size = np.exp(random.uniform(np.log(least), np.log(most), shape))
    return size * random.choice([-1, 1], shape)


# By name, a function of a random generator, a shape and the name of a type.
KINDS = {
    "ordinary": lambda random, shape, dtype: random.normal(0, 2, shape),
    "ties": lambda random, shape, dtype: random.integers(-1, 2, shape),
    "equal": lambda random, shape, dtype: np.full(shape, random.normal()),
    "zeros": lambda random, shape, dtype: random.choice([0.0, -0.0], shape),
    "positive": lambda random, shape, dtype: np.maximum(random.normal(0, 2, shape), 0),
    "offset": lambda random, shape, dtype: 1000 + random.normal(0, 1, shape),
    "negative offset": lambda random, shape, dtype: random.normal(0, 1, shape) - 1000,
    "apart": lambda random, shape, dtype: random.normal(0, 60, shape),
    "large": lambda random, shape, dtype: random.normal(0, 1, shape) * _ends(dtype)[2] ** 0.8,
    "huge": lambda random, shape, dtype: random.uniform(-1, 1, shape) * _ends(dtype)[2],
    "largest": lambda random, shape, dtype: random.choice([-1, 1, 0], shape) * _ends(dtype)[2],
    "tiny": lambda random, shape, dtype: random.normal(0, 4, shape) * _ends(dtype)[1],
    "subnormal": lambda random, shape, dtype: random.integers(-9, 10, shape) * _ends(dtype)[0],
    "every magnitude": _every_magnitude,
}
# Kinds that take the place of some numbers of another kind.
SPICES = {
    **KINDS,
    "-inf": lambda random, shape, dtype: np.full(shape, -np.inf),
    "inf": lambda random, shape, dtype: np.full(shape, np.inf),
    "nan": lambda random, shape, dtype: np.full(shape, np.nan),
    "special": lambda random, shape, dtype: random.choice([np.inf, -np.inf, np.nan], shape),
}


@dataclass(frozen=True)
class Values:
    """Numbers of a kind. A share of them is of another kind, the spice, if there is one."""

    seed: int = 0
    kind: str = "ordinary"
    spice: str | None = None
    share: float = 0.1

    def array(self, shape, dtype, salt=0):
        """Returns an array of these numbers. Another `salt` gives other numbers."""
        random = np.random.default_rng([self.seed, salt])
        # A number that does not fit a 16-bit type would become infinite, which is a kind of its own.
        most = _ends(dtype)[2]
        numbers = np.asarray(np.clip(KINDS[self.kind](random, shape, dtype), -most, most), "float64")
        if self.spice is not None:
            numbers = np.where(
                random.random(shape) < self.share, SPICES[self.spice](random, shape, dtype), numbers
            )
        with np.errstate(over="ignore"):
            return numbers.astype(numpy_dtype(dtype))


@dataclass(frozen=True)
class Call:
    """A call of a pooling: its windows, its type, and the numbers of its inputs and of the gradient.

    `others` has the numbers of inputs that are as large as the first, such as logits. `choice` chooses one of
    the sorts of parameters that the pooling has a table of.
    """

    case: Case
    padding: str = "valid"
    data_format: str = "channels_last"
    dtype: str = "float32"
    x: Values = Values()
    others: Values = Values()
    choice: int = 0
    g: Values = Values()


def values(kinds, spices):
    """Returns a strategy of `Values`. The first kinds are the simplest."""
    spice = st.sampled_from(list(spices)) if spices else st.none()
    return st.builds(
        Values,
        st.integers(0, 2**20),
        st.sampled_from(list(kinds)),
        st.one_of(st.none(), spice),
        st.sampled_from([0.1, 0.5, 0.02, 0.95]),
    )


def _size(padding, length, longest):
    if padding == "whole":
        return st.just(WHOLE)
    if padding == "valid":
        return st.integers(1, length)
    return st.integers(1, longest + 3)


@st.composite
def cases(draw, paddings):
    """Draws a `Case` with a padding. A long axis has few windows, so that none takes long."""
    padding = draw(st.sampled_from(paddings))
    rank = draw(st.integers(1, 3))
    longest = LONGEST[rank]
    spatial = draw(st.tuples(*[st.integers(1, longest)] * rank))
    long = rank == 1 and draw(st.sampled_from([False] * 11 + [True]))
    if long:
        spatial = (draw(st.sampled_from(LONG)),)
    pool_size = tuple(draw(_size(padding, n, 9 if long else longest)) for n in spatial)
    strides = draw(st.tuples(*[st.integers(1, 6)] * rank))
    if long and padding != "adaptive":
        pool_size = (spatial[0] * (1 + (padding != "valid")),) if draw(st.booleans()) else pool_size
        strides = (max(1, spatial[0] // draw(st.integers(1, 6))),)
    if padding == "whole":
        strides = (WHOLE,) * rank
    batch = draw(st.sampled_from([1, 2, 3] * 5 + [0]))
    channels = draw(st.sampled_from(CHANNELS[:4] if long else CHANNELS))
    return Case(spatial, pool_size, strides, batch, channels), padding


@st.composite
def calls(draw, paddings=FORMS):
    """Draws a `Call`."""
    case, padding = draw(cases(paddings))
    return Call(
        case,
        padding,
        draw(st.sampled_from(DATA_FORMATS)),
        draw(st.sampled_from(["float32", *(t for t in DTYPES if t != "float32")])),
        draw(values(KINDS, SPICES)),
        draw(values(KINDS, SPICES)),
        draw(st.integers(0, 5)),
        draw(values(("ordinary", "zeros", "large", "tiny", "every magnitude"), ("zeros", "large"))),
    )
