"""How a new pooling starts as near as it can to the pooling that it replaces."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from tf_softpool.layers import CenterTap, LeadingRank
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, GLOBAL, form_of


class Start(NamedTuple):
    """A note on how near to the old layer the new one starts, and a function that returns its arguments."""

    note: str = ""
    arguments: Callable[[], dict[str, Any]] = dict


def _constant(name: str, value: float) -> Callable[[], dict[str, Any]]:
    """Returns a function that returns a constant initializer for one argument."""
    return lambda: {name: keras.initializers.Constant(value)}


# The share of the mix that a gated pooling first gives to the pooling that it replaces.
_GATE = 0.999
_LOGIT = math.log(_GATE / (1 - _GATE))
# By the old kind and the new kind, which are of the same form.
STARTS: dict[tuple[str, str], Start] = {
    ("max", "sorted"): Start(
        "starts with 99.9 % of the weight on the largest value", lambda: {"rank_initializer": LeadingRank()}
    ),
    ("average", "sorted"): Start("starts as average pooling exactly"),
    ("max", "detail_preserving"): Start(
        "starts near max pooling: only values above the average count, with lambda = 10; alpha = 1e-30 "
        "hardly learns",
        lambda: {
            "symmetric": False,
            "lambda_initializer": keras.initializers.Constant(math.log(10)),
            "alpha_initializer": keras.initializers.Constant(math.log(1e-30)),
        },
    ),
    ("average", "detail_preserving"): Start(
        "starts near average pooling, with alpha = 100", _constant("alpha_initializer", math.log(100))
    ),
    ("max", "local_importance"): Start(
        "starts between average and max pooling: a value that is large for its channel has more weight",
        lambda: {
            "kernel_initializer": CenterTap(),
            "scale_initializer": keras.initializers.Constant(2.0),
        },
    ),
    ("average", "local_importance"): Start("starts as average pooling exactly"),
    ("max", "mixed"): Start("starts as max pooling exactly", _constant("mix_initializer", 1.0)),
    ("average", "mixed"): Start("starts as average pooling exactly", _constant("mix_initializer", 0.0)),
    ("max", "gated"): Start(
        "starts with 99.9 % of the mix on the maximum", _constant("bias_initializer", _LOGIT)
    ),
    ("average", "gated"): Start(
        "starts with 99.9 % of the mix on the average", _constant("bias_initializer", -_LOGIT)
    ),
    # The norm of n values is up to 1 - n^(-1/p) below their largest. A larger p would hardly learn.
    ("max", "lp"): Start(
        "starts with p = 100: if no value is negative, up to 2.2 % lower in windows of up to 9 values",
        lambda: {"initial_p": 100.0},
    ),
    # With p near 1 the norm is up to log(n) (p - 1) above the average.
    ("average", "lp"): Start(
        "starts with p = 1.001: if no value is negative, up to 0.22 % higher in windows of up to 9 values",
        lambda: {"initial_p": 1.001},
    ),
    ("max", "s3"): Start(
        "starts with max pooling as its first step; then it averages, or draws", lambda: {"pooling": "max"}
    ),
    ("average", "s3"): Start(
        "starts with average pooling as its first step; then it averages, or draws",
        lambda: {"pooling": "average"},
    ),
}
# In larger windows norms are farther off: `1 - n^(-1/p)` below the maximum, up to `n^(1 - 1/p) - 1` above the
# average.
STARTS |= {
    (form + "max", form + "lp"): Start(
        "starts with p = 100: if no value is negative, up to 6.7 % lower in windows of up to 1000 values",
        STARTS["max", "lp"].arguments,
    )
    for form in (GLOBAL, ADAPTIVE)
} | {
    (form + "average", form + "lp"): Start(
        "starts with p = 1.001: if no value is negative, up to 0.7 % higher in windows of up to 1000 values",
        STARTS["average", "lp"].arguments,
    )
    for form in (GLOBAL, ADAPTIVE)
}


def start_of(old: str, new: str) -> Start:
    """Returns how a new kind starts in place of an old one. Forms of a kind start as the kind does."""
    form = form_of(old)
    plain = (old.removeprefix(form), new.removeprefix(form))
    return STARTS.get((old, new), STARTS.get(plain, Start()) if form == form_of(new) else Start())
