"""Which of the poolings that have a rule are replaced: by name, by a function, by depth."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras


@dataclass(frozen=True)
class Selection:
    """The part of a request that narrows down the poolings.

    Attributes:
        where: a glob that names or paths must match, a collection of globs, a function that takes a layer and
            returns True if it may be replaced, or None for all.
        first: the first N of the poolings that the rules and `where` allow, in the model's order, or None.
        last: the last N of them, or None. With both, both ends are replaced.

    Raises:
        ValueError: if an attribute is not as described.
    """

    where: str | Collection[str] | Callable[[keras.Layer], bool] | None = None
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        globs = isinstance(self.where, list | tuple | set) and all(isinstance(g, str) for g in self.where)
        if not (self.where is None or isinstance(self.where, str) or globs or callable(self.where)):
            raise ValueError(
                "`where` must be a glob, a list of globs, or a function that takes a layer and returns "
                f"a bool, got {self.where!r}."
            )
        for name in ("first", "last"):
            count = getattr(self, name)
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
                raise ValueError(f"`{name}` must be a number of poolings, got {count!r}.")

    def allows(self, layer: keras.Layer, path: str) -> bool:
        """Returns whether `where` allows a pooling to be replaced."""
        if self.where is None:
            return True
        if callable(self.where):
            return bool(self.where(layer))
        globs = [self.where] if isinstance(self.where, str) else self.where
        return any(fnmatchcase(name, glob) for glob in globs for name in (layer.name, path))

    def reaches(self, index: int, count: int) -> bool:
        """Returns whether `first` and `last` include pooling number `index` out of `count`."""
        if self.first is None and self.last is None:
            return True
        return index < (self.first or 0) or index >= count - (self.last or 0)
