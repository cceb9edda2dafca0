"""Calls with which a pooling or a layer was wrong once.

Most are results that fit their type, of numbers that do not fit on the way.
"""

from dataclasses import replace

from cases import Case
from draws import Call, Values

from tf_softpool.ops.window import WHOLE

HUGE = Call(Case((6,), (3,), (2,), 2, 20), "same", x=Values(2, "huge"))
WIDE = replace(HUGE, dtype="float64")
LARGEST = Call(Case((5, 4), (3, 2), (2, 2), 2, 9), "same", x=Values(0, "largest"))
# By a pooling's name.
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
        # The product of a gradient and the factor overflowed.
        Call(Case((1, 2), (1, 1), (1, 1), 1, 16), g=Values(38, "every magnitude")),
        # The small factors of float64 are no numbers of float32.
        WIDE,
    ],
    # A large exponent makes much of the rounding of a logarithm.
    "lp": [Call(Case((3,), (3,), (1,), 1, 64), choice=4, x=Values(38))],
    # A sum that overflows is infinite, and was NaN.
    "power average, 1": [HUGE, LARGEST],
    # A small value beside large ones became subnormal on the way to its slope.
    "power average, 2": [Call(Case((6,), (2,), (1,), 1, 7), x=Values(0, "every magnitude"))],
    # In standard operations, a gradient became subnormal on the way.
    "power average, inf": [
        Call(
            Case((1, 1), (1, 3), (1, 1), 2, 7),
            "adaptive",
            dtype="float16",
            x=Values(980, "ordinary", "every magnitude"),
            g=Values(3),
        ),
    ],
    # In standard operations, a part of a sum overflowed.
    "sum": [HUGE, LARGEST],
    # TensorFlow's derivative of its own pooling is wrong for windows that are longer than the input.
    "soft, weights": [
        # Equal terms are rounded in the same direction, along each axis.
        Call(Case((3, 4, 5), (3, 4, 5), (1, 1, 1), 2, 4), x=Values(0, "equal", "ordinary", 0.1)),
        Call(Case((4,), (5,), (1,), 1, 1), "same"),
        # The rounding errors of a long sum of equal terms have the same sign.
        Call(Case((4100,), (4100,), (4100,), 1, 3), x=Values(0, "ties")),
    ],
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
    "sorted": [
        # Distances fit, but not their distances from the mean.
        Call(Case((3,), (3,), (1,), 1, 1), x=Values(474, "largest"), g=Values(0, "zeros")),
        # In standard operations, the distance of logits is rounded.
        Call(Case((1, 3), (1, 2), (1, 1), 1, 16), x=Values(1726), choice=3),
        # Distances do not fit.
        replace(WIDE, g=Values(0, "zeros")),
        Call(
            Case((70,), (66,), (4,), 1, 2),
            dtype="float64",
            x=Values(0, "huge"),
            g=Values(3, "every magnitude"),
        ),
    ],
    # A product of an exponential and a sum overflowed.
    "importance": [
        Call(Case((3,), (2,), (1,), 1, 16), x=Values(0, "every magnitude")),
        # Each value of a sum has an error, even if all are equal.
        Call(
            Case((5, 6), (WHOLE, WHOLE), (WHOLE, WHOLE), 1, 3),
            "whole",
            x=Values(0, "equal"),
            others=Values(0, "positive"),
        ),
        # An outlier has as large a logit as the others.
        Call(
            Case((1, 4, 4), (1, 3, 4), (1, 1, 1), 1, 17),
            x=Values(0, "equal", "ordinary"),
            others=Values(0, "equal"),
        ),
        # The largest finite logit had the weight of an infinite one.
        Call(
            Case((2, 2), (WHOLE, WHOLE), (WHOLE, WHOLE), 2, 1),
            "whole",
            others=Values(0, "largest", "inf", 0.1),
        ),
    ],
    # In standard operations, the ratio of two distances was rounded to zero.
    "detail, asymmetric": [
        # A number near the average was rounded away from zero, and a distance from it overflowed.
        Call(Case((10,), (16,), (1,), 1, 2), "same", dtype="float64", x=Values(0, "largest")),
        # The average of large values of both signs is zero, and was off by as much as epsilon.
        Call(Case((8,), (7,), (1,), 1, 8), dtype="float16", x=Values(1, "largest"), choice=5),
    ],
    "detail": [
        Call(Case((3,), (WHOLE,), (WHOLE,), 1, 3), "whole", x=Values(1, "largest"), choice=1),
    ],
    "detail, guided": [
        Call(Case((2,), (WHOLE,), (WHOLE,), 1, 3), "whole", x=Values(0, "huge", "ordinary"), choice=1),
        # The logarithms of distances near one cancel.
        Call(
            Case((2,), (WHOLE,), (WHOLE,), 1, 3),
            "whole",
            dtype="float16",
            x=Values(0, "ties"),
            others=Values(0, "ordinary", "tiny", 0.5),
            choice=1,
        ),
        # In standard operations, a large power makes much of the rounding of a distance.
        Call(Case((2, 1, 1), (2, 1, 1), (1, 1, 1), 1, 1), x=Values(0, "largest"), choice=5),
        # A derivative was beyond the range, and its product with a gradient of zero was NaN.
        Call(Case((3,), (2,), (1,), 1, 1), x=Values(0, "ordinary", "huge"), choice=1, g=Values(0, "zeros")),
    ],
}
# The name of a layer, its form and the call.
FOUND_IN_LAYERS = [
    # A cell at the border, with nothing but -inf.
    ("S3Pooling", "", Call(Case((2,), (2,), (2,), 1, 1), x=Values(0, "ordinary", "-inf", 1.0))),
    # The exponent was rounded to 16 bits.
    (
        "LpPooling",
        "Global",
        Call(Case((13,), (WHOLE,), (WHOLE,), 1, 3), "whole", dtype="bfloat16", x=Values(0, spice="offset")),
    ),
]
