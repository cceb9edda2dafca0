"""What `bench.py` measures: tensors and windows, our poolings on them, their peers and the marks."""

import itertools
from dataclasses import dataclass, field, replace

from tf_softpool.benchmark.cases import Case


@dataclass(frozen=True)
class Peer:
    """What a pooling is compared with, and how many times the peer's time the pooling may take."""

    # A name in `peers.PEERS`. It may end in " xla" or " eager".
    name: str
    forward: float | None = None
    both: float | None = None
    # What the peer's case has instead of the pooling's own, and how a table calls that.
    changes: dict = field(default_factory=dict)
    label: str = ""

    def mark(self, which):
        """Returns the mark of a pass, or None."""
        return self.forward if which == "forward" else self.both


@dataclass(frozen=True)
class Comparison:
    """One of our poolings, and the peers that are measured in the same rounds."""

    topic: str
    ours: str
    case: Case
    peers: tuple
    # Slow peers say the same in every setting, so one setting is enough.
    once: bool = False


WIDE, DEEP, MAPS = (8, 112, 112, 64), (8, 56, 56, 256), (8, 28, 28, 256)
POOLINGS = ("soft_pool", "sorted_pool", "importance_pool", "detail_preserving_pool")
WINDOWS = ((2, 2), (3, 2))


def plain():
    """Yields the poolings on float32, channels last, with windows that shrink the image."""
    for case in (Case(WIDE, 2, 2), Case(DEEP, 2, 2)):
        peers = Peer("avg_pool", 1.0, 1.1), Peer("max_pool", None, 1.0)
        yield Comparison("2x2", "soft_pool", case, peers)
        yield Comparison("2x2", "sorted_pool", case, (Peer("max_pool", 1.0, 1.0),))
        yield Comparison("2x2", "importance_pool", case, (Peer("soft_pool", 1.3, 1.5),))
        yield Comparison("2x2", "detail_preserving_pool", case, (Peer("avg_pool", 2.0, 2.2),))
    case = Case(WIDE, 3, 2)
    yield Comparison("3x3", "soft_pool", case, (Peer("avg_pool", 1.3), Peer("max_pool", None, 1.3)))
    yield Comparison("3x3", "sorted_pool", case, (Peer("max_pool", 1.3, 2.0),))
    yield Comparison("3x3", "importance_pool", case, (Peer("soft_pool", 1.5, 1.5),))
    yield Comparison("3x3", "detail_preserving_pool", case, (Peer("avg_pool", 3.0, 3.5),))


# By the name of a layer, how many times the time of average pooling a pass over values may take, for windows
# of 2x2 and of 3x3. Both passes together may take 1.3 times as much more.
OTHERS = {
    "SumPooling": (1.1, 1.3),
    "PowerAveragePooling p=2": (1.3, 3.0),
    "PowerAveragePooling p=3.5": (2.0, 3.0),
    "LpPooling": (2.0, 3.0),
    "MixedPooling": (1.3, 1.8),
    "GatedPooling": (1.3, 1.8),
    "StochasticPooling": (2.0, 2.0),
    "StochasticPooling expectation": (None, None),
    "S3Pooling": (1.5, 1.5),
    "S3Pooling inference": (None, None),
    "DetailPreservingPooling full": (3.0, 3.0),
}


def others():
    """Yields the poolings that papers compare with, beside average pooling."""
    for i, (k, s) in enumerate(WINDOWS):
        case = Case(WIDE, k, s)
        for ours, marks in OTHERS.items():
            mark = marks[i]
            peer = Peer("avg_pool", mark, mark and 1.3 * mark)
            yield Comparison("others", ours, case, (peer,))
    case = Case(WIDE, 2, 2)
    yield Comparison("others", "AdaptiveSoftPooling", case, (Peer("soft_pool", 1.2, 1.2),))


def stride_one():
    """Yields windows at every position. Those of 13x13 occur in spatial pyramid pooling."""
    for k in (3, 5):
        peers = Peer("avg_pool", 1.5), Peer("max_pool", 1.0, 1.3)
        yield Comparison("stride 1", "soft_pool", Case(MAPS, k, 1, "same"), peers)
    yield Comparison("stride 1", "soft_pool", Case(MAPS, 13, 1, "same"), (Peer("max_pool"),))
    yield Comparison("stride 1", "sorted_pool", Case(MAPS, 3, 1, "same"), (Peer("max_pool", 1.3, 2.0),))


def types():
    """Yields the other types, beside average pooling of the same type."""
    for dtype in ("bfloat16", "float16", "float64"):
        peers = (Peer("avg_pool", 1.2, 1.3),)
        yield Comparison("types", "soft_pool", Case(WIDE, 2, 2, dtype=dtype), peers)


def channels_first():
    """Yields channels first, beside channels last, and beside Keras's max pooling with channels first."""
    cases = [Case(WIDE, 2, 2), Case(WIDE, 3, 2), Case(MAPS, 3, 1, "same")]
    for last, ours in itertools.product(cases, POOLINGS):
        batch, *spatial, channels = last.shape
        case = replace(last, shape=(batch, channels, *spatial), data_format="channels_first")
        changes = {"shape": last.shape, "data_format": "channels_last"}
        itself = Peer(ours, 1.5, 1.5, changes, "ours, channels last")
        yield Comparison("channels first", ours, case, (itself, Peer("MaxPooling2D", 1.0, 1.0)))


def few_channels():
    """Yields tensors with fewer channels than a vector has lanes."""
    for channels, (k, s) in itertools.product((1, 3, 4, 8), WINDOWS):
        case = Case((8, 224, 224, channels), k, s)
        yield Comparison("few channels", "soft_pool", case, (Peer("avg_pool", 1.3, 1.5),))


def other_shapes():
    """Yields volumes, whole images and a tensor so small that the call itself takes most of the time."""
    volume = Case((4, 16, 56, 56, 64), 2, 2)
    yield Comparison("3D", "soft_pool", volume, (Peer("avg_pool", 1.0, 1.2),))
    whole = Case(DEEP, 56, 56)
    yield Comparison("global", "GlobalSoftPooling2D", whole, (Peer("reduce_mean", 1.1, 1.5),))
    small = Case((1, 8, 8, 16), 2, 2)
    for suffix in ("", " eager"):
        peers = (Peer(f"max_pool{suffix}", 1.0, 1.0),)
        yield Comparison("small", f"soft_pool{suffix}", small, peers)


def infinities():
    """Yields tensors with -inf among their values, beside the same without."""
    for (k, s), ours in itertools.product(WINDOWS, POOLINGS):
        case = Case(WIDE, k, s, infinite=0.02)
        itself = Peer(ours, 1.3, 1.3, {"infinite": 0.0}, "ours, without -inf")
        yield Comparison("2 % -inf", ours, case, (itself,))


def inside_xla():
    """Yields the poolings in XLA programs, beside the same outside of XLA."""
    for (k, s), ours in itertools.product(WINDOWS, POOLINGS):
        outside = Peer(ours, 1.1, 1.1, label="ours, outside")
        yield Comparison("xla", f"{ours} xla", Case(WIDE, k, s), (outside,))


def compositions():
    """Yields the poolings beside what users compose of TensorFlow's ops."""
    sixth, eighth, tenth = (1 / 6, 1 / 6), (1 / 8, 1 / 8), (1 / 10, 1 / 10)
    for k, s in WINDOWS:
        case, topic = Case(WIDE, k, s), "composed"
        yield Comparison(topic, "soft_pool", case, (Peer("composed", *sixth),), True)
        sorts = Peer("gather_sort", *tenth), Peer("gather_top_k", *tenth)
        yield Comparison(topic, "sorted_pool", case, sorts, True)
        details = (Peer("composed_details", *eighth),)
        yield Comparison(topic, "detail_preserving_pool", case, details, True)


def compositions_in_xla():
    """Yields the poolings beside TensorFlow's and compositions, all of them in XLA programs.

    The mark counts for both passes together: forward, a composition may be one fused loop.
    """
    for k, s in WINDOWS:
        case, topic = Case(WIDE, k, s), "xla composed"
        theirs = Peer("avg_pool xla"), Peer("max_pool xla"), Peer("composed xla", None, 1 / 10)
        yield Comparison(topic, "soft_pool xla", case, theirs, True)
        # The portable form takes much memory, which would slow down those measured beside it.
        peers = (Peer("soft_pool portable xla", None, 1 / 10),)
        yield Comparison(topic, "soft_pool xla", case, peers, True)
        peers = Peer("max_pool xla"), Peer("gather_sort xla", None, 1 / 10)
        yield Comparison(topic, "sorted_pool xla", case, peers, True)
        peers = (Peer("composed_details xla", None, 1 / 10),)
        yield Comparison(topic, "detail_preserving_pool xla", case, peers, True)


def portable_forms():
    """Yields the portable forms beside compositions, which are not right at every magnitude."""
    peers = {
        "soft_pool": "composed",
        "sorted_pool": "gather_sort",
        "importance_pool": "soft_pool portable",
        "detail_preserving_pool": "composed_details",
    }
    for (k, s), (ours, peer) in itertools.product(WINDOWS, peers.items()):
        yield Comparison("portable", f"{ours} portable", Case(WIDE, k, s), (Peer(peer),), True)


COMPARISONS = tuple(
    comparison
    for make in (
        plain,
        others,
        stride_one,
        types,
        channels_first,
        few_channels,
        other_shapes,
        infinities,
        inside_xla,
        compositions,
        compositions_in_xla,
        portable_forms,
    )
    for comparison in make()
)
TOPICS = tuple(dict.fromkeys(comparison.topic for comparison in COMPARISONS))
