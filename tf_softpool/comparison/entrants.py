"""What is compared: poolings, each at the ranges of values that make a difference to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras

from tf_softpool.rewriting.policy.kinds import ADAPTIVE, GLOBAL, KINDS
from tf_softpool_cli.ranges import STANDARD

AVERAGE, MAX = "average", "max"
# The range of an entrant that pools the same at every range.
ANY = "any"
# SoftPool is at these ranges in every comparison, because it is another pooling in each of them.
SOFT_RANGES = ("0..1", "0..255", STANDARD)
KNOWN = tuple(kind for kind in KINDS if not kind.startswith((GLOBAL, ADAPTIVE)))

Pool = Callable[[Any], Any]


@dataclass(frozen=True)
class Entrant:
    """A pooling at a range of values.

    Attributes:
        pooling: str: its name. Poolings that draw have a name for the draw and one for inference.
        range: str: the range of values that it pools, or "any" if it pools the same at every range.
        note: str: what to know about it, such as "a draw" or "not trained", or an empty string.
        label: str: its name and its range.
        make: function that takes a window, an int for each axis, and returns a function that pools a tensor.
    """

    pooling: str
    range: str
    note: str
    label: str
    make: Callable[[tuple[int, ...]], Pool] = field(repr=False, compare=False)


class _Form(NamedTuple):
    """A way to call a pooling of ours.

    Attributes:
        name: the name of its rows.
        note: what to know about it.
        at_any_range: whether the pooled picture does not depend on the range.
        training: whether it is called as in training.
    """

    name: str
    note: str = ""
    at_any_range: bool = False
    training: bool = False


_HALF = "not trained: half max"
_FORMS = {
    AVERAGE: (_Form(AVERAGE, at_any_range=True),),
    MAX: (_Form(MAX, at_any_range=True),),
    "median": (_Form("median", at_any_range=True),),
    "sorted": (_Form("sorted", "not trained: average", at_any_range=True),),
    "local_importance": (_Form("local_importance", "not trained: average", at_any_range=True),),
    "detail_preserving": (_Form("detail_preserving", "not trained"),),
    "mixed": (_Form("mixed", _HALF, at_any_range=True),),
    "gated": (_Form("gated", _HALF, at_any_range=True),),
    "lp": (_Form("lp", "not trained: p = 2"),),
    "stochastic": (_Form("stochastic_draw", "a draw", training=True), _Form("stochastic_expect")),
    "s3": (
        _Form("s3_draw", "a draw", at_any_range=True, training=True),
        _Form("s3_infer", at_any_range=True),
    ),
}
_DRAWING = ("stochastic", "s3")


def entrants_of(poolings: Any, ranges: Sequence[str], seed: int) -> tuple[Entrant, ...]:
    """Returns what is compared: average and max pooling first, to which all others are compared.

    Args:
        poolings: None for all of ours, names, layers, or a dict of names to names, layers or functions.
        ranges: list of str: the ranges that were asked for.
        seed: int: the seed of poolings that draw.

    Raises:
        ValueError: if a name is unknown or is there twice, or if something else is no layer or function.
    """
    found: list[Entrant] = []
    for name, pooling in _named(poolings).items():
        if isinstance(pooling, str):
            found += _ours(name, pooling, ranges, seed)
        else:
            note = "" if isinstance(pooling, keras.Layer) else "a function"
            found += [_entrant(name, each, note, _given(name, pooling)) for each in ranges]
    labels = [each.label for each in found]
    if twice := [label for label in dict.fromkeys(labels) if labels.count(label) > 1]:
        raise ValueError(f"Two poolings would have the name {twice[0]!r}: give them other names.")
    return tuple(found)


def _named(poolings: Any) -> dict[str, Any]:
    """Returns poolings by name, average and max pooling first."""
    if poolings is None:
        poolings = KNOWN
    elif isinstance(poolings, str) or not isinstance(poolings, Mapping | Sequence):
        poolings = [poolings]
    if not isinstance(poolings, Mapping):
        poolings = _by_name(poolings)
    for name, pooling in poolings.items():
        if not isinstance(name, str):
            raise ValueError(f"The name of a pooling must be a string, got {name!r}.")
        if isinstance(pooling, str) and pooling not in KNOWN:
            raise ValueError(f"Unknown pooling {pooling!r}. Known poolings: {', '.join(KNOWN)}.")
        if not isinstance(pooling, str) and (isinstance(pooling, type) or not callable(pooling)):
            raise ValueError(
                f"The pooling {name!r} must be a name, a Keras layer, or a function of a tensor, got "
                f"{pooling!r}."
            )
        if name in (AVERAGE, MAX) and pooling != name:
            raise ValueError(f"{name!r} is the name of a row that is always there: give another name.")
    return {AVERAGE: AVERAGE, MAX: MAX} | dict(poolings)


def _by_name(poolings: Iterable[Any]) -> dict[str, Any]:
    """Returns a list of poolings by their names: a layer has one, and a function has one.

    Raises:
        ValueError: if two have the same name.
    """
    found: dict[str, Any] = {}
    for each in poolings:
        name = each if isinstance(each, str) else getattr(each, "name", getattr(each, "__name__", repr(each)))
        if name in found and found[name] is not each:
            raise ValueError(
                f"Two poolings have the name {name!r}: give a dict of names to poolings instead of a list."
            )
        found[name] = each
    return found


def _ours(name: str, kind: str, ranges: Sequence[str], seed: int) -> list[Entrant]:
    """Returns the entrants of a pooling of ours, in all of its forms."""
    found = []
    for form in _FORMS.get(kind, (_Form(kind),)):
        its = tuple(dict.fromkeys((*ranges, *SOFT_RANGES))) if kind == "soft" else tuple(ranges)
        own = form.name if name == kind else name + form.name.removeprefix(kind)
        make = _made(kind, seed, form.training)
        found += [_entrant(own, each, form.note, make) for each in ((ANY,) if form.at_any_range else its)]
    return found


def _entrant(name: str, range_: str, note: str, make: Callable[[tuple[int, ...]], Pool]) -> Entrant:
    return Entrant(name, range_, note, name if range_ == ANY else f"{name}, {range_}", make)


def _made(kind: str, seed: int, training: bool) -> Callable[[tuple[int, ...]], Pool]:
    """Returns a function that makes one of our layers, or of Keras's, for a window."""
    arguments: dict[str, Any] = {"data_format": "channels_last", "dtype": "float32"}
    if kind in _DRAWING:
        arguments["seed"] = seed

    def make(window: tuple[int, ...]) -> Pool:
        layer: Any = KINDS[kind][len(window)](window, **arguments)
        return lambda x: layer(x, training=training)

    return make


def _given(name: str, pooling: Any) -> Callable[[tuple[int, ...]], Pool]:
    """Returns a function that returns a layer or function of the user's, which has its window already."""
    call = (lambda x: pooling(x, training=False)) if isinstance(pooling, keras.Layer) else pooling

    def pool(x: Any) -> Any:
        try:
            return call(x)
        except Exception as error:
            raise ValueError(
                f"{name!r} cannot pool a picture of shape {tuple(x.shape)}: {type(error).__name__}: {error}"
            ) from error

    return lambda window: pool
