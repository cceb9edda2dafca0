"""A module that no reader of a file imports. Damaged descriptions name it."""


class Canary:
    """A class that no description may name."""
