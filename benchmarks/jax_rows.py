"""What `bench_jax.py` measures: tensors and windows, our poolings on them, their peers and the marks."""

from bench_rows import MAPS, POOLINGS, WIDE, WINDOWS, Comparison, Peer

from tf_softpool.benchmark.cases import Case


def comparisons():
    """Yields our poolings under `jax.jit`, beside ours outside of it, and beside what Flax has."""
    for k, s in WINDOWS:
        case = Case(WIDE, k, s)
        for ours in POOLINGS:
            yield Comparison("outside", ours, case, (Peer("tensorflow", 1.1, 1.1, label="ours, TensorFlow"),))
        average = Peer("avg_pool", label="flax avg_pool")
        maximum, composed = Peer("max_pool", label="flax max_pool"), Peer("composed", None, 1 / 10)
        yield Comparison("flax", "soft_pool", case, (average, maximum, composed))
        yield Comparison("flax", "sorted_pool", case, (maximum,))
    case = Case(MAPS, 3, 1, "same")
    yield Comparison("flax", "soft_pool", case, (average, maximum, composed))
