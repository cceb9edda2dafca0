"""Faults in the quick forms of exports, and in the forms for 8-bit integers."""

from fault import OPS, Fault

QUICK, INTEGERS = f"{OPS}/portable/quick", f"{OPS}/portable/integers"
TESTS = ("tests/ops/test_quick_forms.py",)

FAULTS = [
    Fault(
        "guard-that-lets-small-sums-pass",
        "a guard that is too wide",
        f"{QUICK}/exponentials.py",
        "_SERVED = (1e-20, 1e30)",
        "_SERVED = (0.0, 1e30)",
        TESTS,
    ),
    Fault(
        "weight-of-the-reference",
        "a missing weight",
        f"{QUICK}/exponentials.py",
        "weight = total(es) + 1.0",
        "weight = total(es)",
        TESTS,
    ),
    Fault(
        "weights-outside-the-input",
        "a missing mask at a border",
        f"{QUICK}/exponentials.py",
        "for cap in tap.either(_HIGHEST, _LOWEST) or [_HIGHEST]:",
        "for cap in [_HIGHEST]:",
        TESTS,
    ),
    Fault(
        "network-without-a-step",
        "a missing comparison",
        f"{QUICK}/networks.py",
        "needed |= {first, second}",
        "needed |= {first}",
        TESTS,
    ),
    Fault(
        "ranks-of-smaller-windows",
        "an off-by-one error at a border",
        f"{QUICK}/ranks.py",
        "ops.cast(sizes > rank, x.dtype)",
        "ops.cast(sizes >= rank, x.dtype)",
        TESTS,
    ),
    Fault(
        "details-of-the-border",
        "a count that ignores the border",
        f"{QUICK}/details.py",
        "count = ops.cast(counts(x, window), x.dtype)",
        "count = float(len(taps))",
        TESTS,
    ),
    Fault(
        "integers-of-the-border",
        "a missing mask at a border",
        f"{INTEGERS}/exponentials.py",
        "windows.weighed(ops.exp(distance))",
        "ops.exp(distance)",
        ("tests/serving/test_int8.py",),
    ),
]
