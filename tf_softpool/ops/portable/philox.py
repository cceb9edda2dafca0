"""Philox 4x32 with ten rounds: random words that depend on a key and a counter alone.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3".
"""

from typing import Any

_ROUNDS = 10
# The factors of the counter's first and third words, and the steps of the key from round to round.
_FACTORS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)


def blocks(key: Any, counters: Any) -> tuple[Any, Any, Any, Any]:
    """Returns the four words of each counter.

    Args:
        key: array of two uint32 numbers.
        counters: array of uint32 numbers.
    """
    zero = counters ^ counters
    words, keys = (counters, zero, zero, zero), (key[0], key[1])
    for _ in range(_ROUNDS):
        (high0, low0), (high1, low1) = _product(_FACTORS[0], words[0]), _product(_FACTORS[1], words[2])
        words = high1 ^ words[1] ^ keys[0], low1, high0 ^ words[3] ^ keys[1], low0
        keys = keys[0] + _word(_STEPS[0], key), keys[1] + _word(_STEPS[1], key)
    return words


def _word(value: int, like: Any) -> Any:
    return like.dtype.type(value)


def _product(factor: int, words: Any) -> tuple[Any, Any]:
    """Returns the upper and the lower halves of products of 64 bits, made of parts that do not overflow."""
    low, high = (_word(part, words) for part in (factor & 0xFFFF, factor >> 16))
    sixteen, mask = _word(16, words), _word(0xFFFF, words)
    words_low, words_high = words & mask, words >> sixteen
    middle = words_low * high + ((words_low * low) >> sixteen)
    other = words_high * low + (middle & mask)
    return words_high * high + (middle >> sixteen) + (other >> sixteen), words * _word(factor, words)
