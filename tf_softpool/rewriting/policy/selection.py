"""Which of the poolings that rules match are replaced: by name, by a function, by depth."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Selection:
    """What a caller asks for beside the rules.

    `where` is a glob of names or paths, several of them, a function from a layer to whether it may be
    replaced, or None. `first` and `last` count the poolings that rules and `where` leave, in the model's
    order; with both, both ends are replaced.
    """

    where: str | list | tuple | set | Callable | None = None
    first: int | None = None
    last: int | None = None

    def __post_init__(self):
        globs = isinstance(self.where, list | tuple | set) and all(isinstance(g, str) for g in self.where)
        if not (self.where is None or isinstance(self.where, str) or globs or callable(self.where)):
            raise ValueError(
                f"`where` must be a glob, several, or a function of a layer, got {self.where!r}."
            )
        for name in ("first", "last"):
            count = getattr(self, name)
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
                raise ValueError(f"`{name}` must be a number of poolings, got {count!r}.")

    def allows(self, layer, path):
        """Whether `where` lets a pooling be replaced."""
        if self.where is None:
            return True
        if callable(self.where):
            return bool(self.where(layer))
        globs = [self.where] if isinstance(self.where, str) else self.where
        return any(fnmatchcase(name, glob) for glob in globs for name in (layer.name, path))

    def reaches(self, index, count):
        """Whether depth lets the pooling with this index of so many be replaced."""
        if self.first is None and self.last is None:
            return True
        return index < (self.first or 0) or index >= count - (self.last or 0)
