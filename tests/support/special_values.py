"""Windows of four values that are infinite, NaN or very large, and the result of each pooling.

Tests put these windows into every channel, beside a window of ordinary values, which they must not affect.
"""

import numpy as np

NAN, INF = np.nan, np.inf

# Each row has the values and the result.
SOFT = {
    "nan": ([NAN, 1, 2, 3], NAN),
    "nan with inf": ([NAN, INF, 2, 3], NAN),
    "inf with nan": ([INF, 1, 2, NAN], NAN),
    "nan with -inf": ([NAN, -INF, -INF, -INF], NAN),
    "-inf with nan": ([-INF, -INF, -INF, NAN], NAN),
    "all nan": ([NAN] * 4, NAN),
    "inf": ([1, INF, 2, 3], INF),
    "inf twice": ([1, INF, INF, 3], INF),
    "all inf": ([INF] * 4, INF),
    "inf and -inf": ([-INF, INF, 0, 3], INF),
    "-inf": ([-INF, 1, 1, 1], 1),
    "-inf beside zero": ([-INF, 0, -INF, -INF], 0),
    "all -inf": ([-INF] * 4, -INF),
    "largest and smallest": ([3e38, -3e38, 0, 1], 3e38),
    "equal": ([0.1] * 4, 0.1),
}

# Each row has the values, and the gradient that each value gets for an output gradient of one.
SOFT_GRADIENTS = [
    ([1, INF, 2, 3], [0, 1, 0, 0]),
    ([1, INF, INF, 3], [0, 0.5, 0.5, 0]),
    ([-INF] * 4, [0.25] * 4),
    ([-INF, 1, -INF, -INF], [0, 1, 0, 0]),
]

# Each row has the values, the result for logits that make the weights 8/15, 4/15, 2/15, 1/15, and the
# gradient that each value gets.
SORTED = {
    "nan": ([NAN, 1, 2, 3], NAN, None),
    "nan last": ([3, 2, 1, NAN], NAN, None),
    "nan with inf": ([NAN, INF, 2, 3], NAN, None),
    "nan with -inf": ([NAN, -INF, -INF, -INF], NAN, None),
    "all nan": ([NAN] * 4, NAN, None),
    "inf": ([1, INF, 2, 3], INF, [1 / 15, 8 / 15, 2 / 15, 4 / 15]),
    "all inf": ([INF] * 4, INF, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
    "inf and -inf": ([-INF, INF, 0, 3], INF, [0, 4 / 7, 1 / 7, 2 / 7]),
    "-inf": ([-INF, 7, 14, 21], 17, [0, 1 / 7, 2 / 7, 4 / 7]),
    "-inf thrice": ([-INF, -INF, 5, -INF], 5, [0, 0, 1, 0]),
    "all -inf": ([-INF] * 4, -INF, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
    "largest": ([3e38, 3e38, 3e38, 3e38], 3e38, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
    "largest and smallest": ([3e38, 3e38, -3e38, -3e38], 3e38 * 0.6, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
    "equal": ([7, 15, 7, 7], 169 / 15, [4 / 15, 8 / 15, 2 / 15, 1 / 15]),
    "all -inf but few": ([-INF, -INF, 1.5, -INF], 1.5, [0, 0, 1, 0]),
    "zeros of both signs": ([-0.0, 0.0, -0.0, 0.0], 0, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
}

# Each row has the values, the logits and the result.
IMPORTANCE = {
    "nan": ([NAN, 1, 2, 3], [0] * 4, NAN),
    "nan logit": ([0, 1, 2, 3], [NAN, 0, 0, 0], NAN),
    "nan without weight": ([NAN, 1, 2, 3], [-INF, 0, 0, 0], NAN),
    "nan beside inf": ([NAN, INF, 2, 3], [0] * 4, NAN),
    "nan logit of -inf": ([-INF, 1, 2, 3], [NAN, 0, 0, 0], NAN),
    "inf": ([INF, 1, 2, 3], [0] * 4, INF),
    "inf of little weight": ([INF, 1, 2, 3], [-50, 0, 0, 0], INF),
    "inf without weight": ([INF, 1, 1, 4], [-INF, 0, 0, 0], 2),
    "-inf": ([-INF, 1, 1, 4], [0] * 4, 2),
    "-inf of most weight": ([-INF, 1, 1, 4], [50, 0, 0, 0], 2),
    "-inf and inf": ([-INF, INF, 1, 4], [0] * 4, INF),
    "all -inf": ([-INF] * 4, [0, 1, 2, 3], -INF),
    "inf logit": ([5, 1, 2, 3], [INF, 0, 0, 1], 5),
    "inf logits": ([5, 1, 2, 3], [INF, INF, 0, 1], 3),
    "inf logit of -inf": ([-INF, 1, 1, 4], [INF, 0, 0, 0], 2),
    "-inf logits": ([5, 1, 2, 4], [-INF] * 4, 3),
    "-inf logits and a value of -inf": ([-INF, 1, 2, 3], [-INF] * 4, 2),
    "-inf logits but one": ([5, 1, 2, 4], [-INF, -INF, 0, -INF], 2),
    "largest and smallest": ([3e38, -3e38, 0, 0], [0] * 4, 0),
    "largest": ([3e38, 3e38, 3e38, 3e38], [1, 2, 3, 4], 3e38),
    "far apart": ([3e38, 1, -3e38, 1], [-200, 0, -200, 0], 1),
    "inf logit of inf": ([INF, 1, 2, 3], [INF, 0, 0, 0], INF),
    "inf and -inf logits": ([INF, 1, 2, 3], [-INF] * 4, INF),
    "inf of a logit far below": ([INF, 1, 2, 3], [-3e38, 3e38, 0, 0], INF),
    "inf of hardly any weight": ([INF, 1, 2, 3], [-2000, 0, 0, 0], INF),
    "differences that overflow": ([3e38, -3e38, 3e38, 3e38], [0] * 4, 1.5e38),
    "equal": ([0.1] * 4, [1, 2, 3, 4], 0.1),
    "huge logits": ([1, 2, 3, 4], [3e38, -3e38, 0, 0], 1),
}

# Each row has the values, the logits, and the gradients of the values and of the logits.
IMPORTANCE_GRADIENTS = [
    ([1, INF, 2, 3], [0] * 4, [0.25] * 4, [0] * 4),
    ([-INF, 1, 3, -INF], [5, 0, 0, 0], [0, 0.5, 0.5, 0], [0, -0.5, 0.5, 0]),
    ([-INF] * 4, [0] * 4, [0] * 4, [0] * 4),
    ([4, 1, 3, 9], [INF, INF, 0, 1], [0.5, 0.5, 0, 0], [0.75, -0.75, 0, 0]),
    ([2e38, -2e38, 0, 0], [0, 0, -INF, -INF], [0.5, 0.5, 0, 0], [1e38, -1e38, 0, 0]),
]


def lite(x, alpha=1.0, lam=1.0, symmetric=True):
    """Computes detail-preserving pooling of a window without a guide in plain NumPy."""
    x = np.array(x, "float64")
    d = x - x.mean()
    d = d if symmetric else np.maximum(d, 0)
    w = alpha + np.sqrt(d * d + 1e-6) ** lam
    return (w * x).sum() / w.sum()


# Each row has the values, the guide, alpha, lambda and the result.
DETAILS = {
    "nan": ([NAN, 1, 2, 3], None, 1, 1, NAN),
    "nan beside inf": ([NAN, INF, 2, 3], None, 1, 1, NAN),
    "nan beside -inf": ([NAN, -INF, -INF, -INF], None, 1, 1, NAN),
    "nan guide": ([0, 1, 2, 3], NAN, 1, 1, NAN),
    "inf": ([INF, 1, 2, 3], None, 1, 1, INF),
    "inf, guided": ([INF, 1, 2, 3], 1, 1, 1, INF),
    "inf and -inf": ([INF, -INF, 2, 3], None, 1, 1, INF),
    "-inf": ([-INF, 1, 2, 4], None, 1, 1, lite([1, 2, 4])),
    "-inf thrice": ([-INF, -INF, -INF, 4], None, 1, 1, 4),
    "-inf, guided": ([-INF, 1, 1, 4], 1, 1, 1, (2 * 1.001 + 4 * (1 + np.sqrt(9 + 1e-6))) / (3.002 + 3)),
    "all -inf": ([-INF] * 4, None, 1, 1, -INF),
    "all -inf, guided": ([-INF] * 4, 1, 1, 1, -INF),
    "guide of inf": ([1, 2, 3, 6], INF, 1, 1, 3),
    "guide of -inf": ([1, 2, 3, 6], -INF, 1, 1, 3),
    "guide far away": ([1, 2, 3, 6], 1e30, 1, 1, 3),
    "largest": ([3e38] * 4, None, 1, 1, 3e38),
    "largest and smallest": ([3e38, -3e38, 3e38, -3e38], None, 1, 1, 0),
    "differences that overflow": ([1e38, -3e38, 3e38, 0], None, 1, 2, -4.5e37),
    "inf of no detail": ([INF, 5, 5, 5], 1e30, 0, 20, INF),
    "tiny": ([3e-15] * 4, None, 1e-30, 10, 3e-15),
    "one that is large": ([1e30, 0, 0, 0], None, 1, 1, 5e29),
    "equal": ([0.1] * 4, None, 1, 1, 0.1),
    "equal, power too large": ([0.1] * 4, None, 1e-30, 200, 0.1),
    "power too large": ([0, 0, 0, 50], None, 1, 100, 50),
    "power too small": ([0, 0, 0, 0.04], None, 0, 40, lite([0, 0, 0, 0.04], 0, 40)),
    "power of nothing": ([0, 0, 0, 4], None, 1, 0, 1),
    "negative power": ([0, 1, 2, 9], 1, 0, -8, 1),
    "negative power too large": ([0, 1, 2, 9], 1, 1e-30, -60, 1),
    "no alpha": ([0, 0, 0, 4], None, 0, 1, 2),
    "no alpha, no detail": ([2, 2, 2, 2], None, 0, 30, 2),
    "infinite alpha": ([0, 0, 0, 4], None, INF, 1, 1),
    "infinite lambda": ([0, 0, 0, 4], None, 1, INF, 4),
    "nan alpha": ([0, 0, 0, 4], None, NAN, 1, NAN),
    "nan lambda": ([0, 0, 0, 4], None, 1, NAN, NAN),
}

# Each row has the values, the gradient of each, and the gradient of every other input.
DETAIL_GRADIENTS = [
    ([1, INF, INF, 3], [0, 0.5, 0.5, 0], 0),
    ([-INF] * 4, [0] * 4, 0),
    ([-INF, 2, 2, -INF], [0, 0.5, 0.5, 0], 0),
]

# Numbers at which the kernels start to leave a window to the reference path, up to the ends of float32's
# range. Each row has the scale of the numbers, alpha, lambda, and whether details are symmetric.
HARD_DETAILS = {
    "large details": (1e18, 1.0, 1.0, True),
    "larger details": (1e25, 1.0, 1.0, False),
    "tiny details": (1e-30, 1.0, 1.0, True),
    "large powers": (30.0, 1.0, 25.0, True),
    "larger powers": (1e6, 1.0, 12.0, False),
    "tiny powers": (0.01, 1e-36, 20.0, True),
    "large alpha": (1.0, 1e30, 1.0, True),
    "negative powers": (1.0, 1e-3, -12.0, True),
}
