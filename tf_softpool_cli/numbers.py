"""Numbers that arguments of the command line take."""

import argparse


def positive(text: str) -> int:
    """Returns a whole number above 0.

    Raises:
        ArgumentTypeError: if the text is none.
    """
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Returns a number of seconds from 0 on.

    Raises:
        ArgumentTypeError: if the text is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, got {text!r}")
    return found
