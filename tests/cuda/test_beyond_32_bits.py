"""Tensors of more elements than 32 bits can count. Only a card has the memory and the speed for them."""

import math

import device
import interface
import numpy as np
import oracle
import pytest
import weighted_oracle
from cuda_poolings import output_shape
from near import assert_near

# A card has memory for one of these tests at a time. With pytest-xdist's --dist loadgroup, tests of one group
# run one after the other.
pytestmark = pytest.mark.xdist_group("memory")
DTYPE = "float16"
# The first number that a signed 32-bit integer cannot hold.
BORDER = 2**31
# The number of random elements that are repeated over a tensor. It is no multiple of any dimension.
PATTERN = 1_000_003
# The number of examples that are compared at each place.
EXAMPLES = 6
PLANES = ((3, 3), (2, 2), "same")
# The tensor's shape, the windows, and the shape of an example. Examples share no window: they are those of a
# large batch, or the windows of one large dimension.
TENSORS = {
    "batch": ((2**21 + 100, 4, 4, 64), (*PLANES, "channels_last"), (4, 4, 64)),
    "channels first": ((2**21 + 100, 64, 4, 4), (*PLANES, "channels_first"), (64, 4, 4)),
    "line": ((1, 2**29 + 100, 4), ((2,), (2,), "valid", "channels_last"), (2, 4)),
}
LOGITS = np.linspace(-1, 1, 2).astype("float32")


def soft(x, g, w):
    return [oracle.soft_pool(x, *w), oracle.soft_pool_gradient(x, g, *w, "exact")]


def ranked(x, g, w):
    return [oracle.sorted_pool(x, LOGITS, *w), oracle.sorted_pool_gradient(x, LOGITS, g, *w)[:2]]


def importance(x, g, w):
    y = weighted_oracle.importance_pool(x, x, *w)
    return [y, *weighted_oracle.importance_pool_gradient(x, x, g, *w)]


def details(x, g, w):
    ones = np.ones(channels_of(x.shape, w))
    y = weighted_oracle.detail_preserving_pool(x, None, ones, ones, *w, True)
    return [y, weighted_oracle.detail_preserving_pool_gradient(x, None, ones, ones, g, *w, True)[0]]


# Attributes, and the oracle's function of a tensor, of the output's gradient and of windows. In importance
# pooling, the tensor is its own logits.
POOLINGS = {
    "SoftPool": ({"gradient": "exact"}, soft),
    "SortedPool": ({"normalize": "softmax"}, ranked),
    "ImportancePool": ({}, importance),
    "DetailPreservingPool": ({"N": 0, "symmetric": True}, details),
}


def channels_of(shape, windows):
    return shape[1] if windows[3] == "channels_first" else shape[-1]


@pytest.fixture
def card():
    card = device.at_hand()
    if isinstance(card, device.Host):
        pytest.skip("only a card can do this: the host would take hours for this many elements")
    needed = 10 * BORDER
    if card.free_bytes() < needed:
        pytest.skip(f"the card has less than {needed / 2**30:.0f} GiB of free memory")
    return card


def pattern(seed, scale):
    return np.random.default_rng(seed).normal(0, scale, PATTERN).astype(DTYPE)


def tensor(card, numbers, shape):
    """Returns memory for a tensor on the card, filled with numbers of a 16-bit type, repeated."""
    return card.repeated(numbers.view("uint8"), 2 * math.prod(shape))


def nothing(card, shape):
    """Returns memory for a tensor that nothing was written to."""
    return card.repeated(np.full(2**20, device.NOTHING, "uint8"), 2 * math.prod(shape))


def call(card, op, windows, attributes, inputs, outputs):
    """Calls an op on pairs of memory and shapes. Asserts that each element of a large output was written."""
    scratch = []

    @interface.ALLOCATE
    def allocate(size):
        scratch.append(card.repeated(np.full(256, device.NOTHING, "uint8"), max(size, 1)))
        return card.address(scratch[-1])

    def tensor(pair):
        if pair is None:
            return None
        memory, shape = pair
        dtype = DTYPE if len(shape) > 1 else "float32"
        return interface.Tensor(card.address(memory), dtype, shape)

    tensors = [[tensor(pair) for pair in pairs] for pairs in (inputs, outputs)]
    attributes = {**interface.window_attributes(windows), **attributes}
    interface.prepare(card.function, op, attributes, *tensors, card.stream, allocate)()
    card.synchronize()
    for memory, _ in filter(None, outputs):
        small = len(memory) < 2**15
        assert small or not card.holds(memory, -1), f"{op} left elements unwritten"


def parameters(card, op, channels):
    """Returns the op's inputs other than x and gradients, as pairs of memory and shapes."""
    ones = (card.put(np.ones(channels, "float32").view("uint8")), (channels,))
    logits = (card.put(LOGITS.view("uint8")), LOGITS.shape)
    return {"SortedPool": [logits], "DetailPreservingPool": [None, ones, ones]}.get(op, [])


def copy(card, pair):
    """Returns a pair with a copy of the memory, or None for None."""
    return pair and (card.put(card.take(pair[0])), pair[1])


@pytest.mark.parametrize("op", POOLINGS)
@pytest.mark.parametrize("name", TENSORS)
def test_more_elements_than_32_bits_count(card, name, op):
    shape, windows, example = TENSORS[name]
    attributes, expected = POOLINGS[op]
    like = output_shape(shape, windows)
    x, g = pattern(0, 2), pattern(1, 1)
    on_card, y, dx = (
        (tensor(card, x, shape), shape),
        (nothing(card, like), like),
        (nothing(card, shape), shape),
    )
    others = parameters(card, op, channels_of(shape, windows))
    gradients = [copy(card, other) for other in others]
    if op == "ImportancePool":
        others, gradients = [on_card], [(nothing(card, shape), shape)]
    call(card, op, windows, attributes, [on_card, *others], [y])
    inputs, outputs = [on_card, *others, (tensor(card, g, like), like)], [dx, *gradients]
    call(card, f"{op}Grad", windows, attributes, inputs, outputs)
    results = [y[0], dx[0], *([gradients[0][0]] if op == "ImportancePool" else [])]
    compare(card, (x, g), results, example, windows, math.prod(shape), expected)


def compare(card, patterns, results, example, windows, size, expected):
    """Compares examples with the oracle's, around element 2^31 and at both ends of the tensor."""
    each = math.prod(example)
    for first in (0, BORDER // each - EXAMPLES // 2, size // each - EXAMPLES):
        shape = (EXAMPLES, *example)
        like = output_shape(shape, windows)
        x, g = (part(p, first, s) for p, s in zip(patterns, (shape, like), strict=True))
        for result, (value, scale) in zip(results, expected(x, g, windows), strict=True):
            count = 2 * math.prod(value.shape[1:])
            content = card.take(result[first * count : (first + EXAMPLES) * count])
            assert_near(content.view(DTYPE).reshape(value.shape), value, scale, DTYPE)


def part(numbers, first, shape):
    """Returns the repeated numbers as an array of examples, from example number `first` on."""
    count = math.prod(shape)
    start = first * (count // shape[0])
    return np.take(numbers, np.arange(start, start + count), mode="wrap").reshape(shape)
