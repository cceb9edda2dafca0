"""Calls with which a pooling was wrong once, by its name.

Most are results that fit their type, of numbers that do not fit on the way.
"""

from dataclasses import replace

from cases import Case
from draws import Call, Values

from tf_softpool.ops.window import WHOLE

HUGE = Call(Case((6,), (3,), (2,), 2, 20), "same", x=Values(2, "huge"))
WIDE = replace(HUGE, dtype="float64")
LARGEST = Call(Case((5, 4), (3, 2), (2, 2), 2, 9), "same", x=Values(0, "largest"))
FOUND = {
    # The distance of the maximum from the mean is beyond the range, and its product with a gradient is not.
    "mixed": [
        Call(
            Case((6,), (1,), (6,), 1, 15),
            "adaptive",
            "channels_first",
            "bfloat16",
            x=Values(0, "largest"),
            g=Values(25975, "every magnitude"),
        ),
        HUGE,
    ],
    # The gate's sum has terms of both signs that are beyond the range.
    "gated": [
        # A gate that is closed has no slope at all, whose product with a huge value would count.
        Call(
            Case((14,), (13,), (5,), 2, 16),
            "same",
            dtype="float64",
            x=Values(50, "ties", "huge", 0.02),
            choice=5,
            g=Values(148, "every magnitude"),
        ),
        Call(
            Case((2,), (27,), (2,), 3, 7),
            "same",
            "channels_first",
            "bfloat16",
            x=Values(827701, "positive", "huge", 0.5),
            choice=2,
            g=Values(2988, "tiny", "zeros", 0.5),
        ),
        HUGE,
        LARGEST,
    ],
    "learned guide": [
        Call(
            Case((1, 5), (1, 1), (1, 5), 2, 21),
            "valid",
            "channels_first",
            "bfloat16",
            x=Values(703, "largest", "equal", 0.5),
            choice=3,
            g=Values(4598, "large"),
        ),
        HUGE,
        # The small factors of float64 are no numbers of float32.
        WIDE,
    ],
    # A large exponent makes much of the rounding of a logarithm.
    "lp": [Call(Case((3,), (3,), (1,), 1, 64), choice=4, x=Values(38))],
    # A sum that overflows is infinite, and was NaN.
    "power average, 1": [HUGE, LARGEST],
    # In standard operations, a part of a sum overflowed.
    "sum": [HUGE, LARGEST],
    # TensorFlow's derivative of its own pooling is wrong for windows that are longer than the input.
    "soft, weights": [Call(Case((4,), (5,), (1,), 1, 1), "same")],
    "soft": [Call(Case((4, 3), (5, 2), (1, 1), 1, 1), "same")],
    # A positive value whose weight is rounded to zero has a slope.
    "expectation": [
        Call(
            Case((1, 4), (9, 9), (1, 1), 2, 3),
            "same",
            dtype="float64",
            x=Values(375, "subnormal", "apart", 0.5),
            g=Values(11154, "zeros", "large", 0.5),
        ),
        Call(Case((23,), (16,), (6,), 2, 3), "adaptive", x=Values(1002, "every magnitude", None, 0.5)),
    ],
    # Distances fit, but not their distances from the mean.
    "sorted": [Call(Case((3,), (3,), (1,), 1, 1), x=Values(474, "largest"), g=Values(0, "zeros"))],
    # A product of an exponential and a sum overflowed.
    "importance": [Call(Case((3,), (2,), (1,), 1, 16), x=Values(0, "every magnitude"))],
    # In standard operations, the ratio of two distances was rounded to zero.
    "detail": [
        Call(Case((3,), (WHOLE,), (WHOLE,), 1, 3), "whole", x=Values(1, "largest"), choice=1),
    ],
    "detail, guided": [
        Call(Case((2,), (WHOLE,), (WHOLE,), 1, 3), "whole", x=Values(0, "huge", "ordinary"), choice=1),
    ],
}
