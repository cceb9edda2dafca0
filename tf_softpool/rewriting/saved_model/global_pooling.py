"""Global poolings in a graph: the means and the maxima that can be nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras

from tf_softpool.rewriting.policy.kinds import GLOBAL, KINDS
from tf_softpool.rewriting.policy.rules import Rule
from tf_softpool.rewriting.saved_model.ahead import ahead
from tf_softpool.rewriting.saved_model.behind import (
    ACTIVATIONS,
    Behind,
    Format,
    behind,
    compares,
    constant,
    gradients_through,
    nearest,
)
from tf_softpool.rewriting.saved_model.flow import Flow, Place
from tf_softpool.rewriting.saved_model.nodes import (
    bodies_of,
    element_type,
    keeps_dimensions,
    layer_name,
)

# The ops that global poolings are, their kinds, and what the ops compute.
_KINDS = {"Mean": "average", "Max": "max"}
_WORDS = {"Mean": "mean", "Max": "maximum"}


@dataclass(frozen=True)
class GlobalPooling:
    """What is known of a mean or a maximum that is believed to be a global pooling.

    Attributes:
        format: the format of its input.
        why: why it is believed to be a global pooling.
        obstacle: why it cannot be replaced, or an empty string.
        gate: the name of a node that puts its output on an image again, or an empty string.
        has_gradient: whether the obstacle is a gradient.
    """

    format: Format
    why: str
    obstacle: str = ""
    gate: str = ""
    has_gradient: bool = False

    def layer(self, node: Any, name: str) -> keras.Layer:
        """Returns the Keras layer that computes the same as the node."""
        return KINDS[GLOBAL + _KINDS[node.op]][self.format.rank - 2](
            data_format="channels_first" if self.format.channels_first else "channels_last",
            keepdims=keeps_dimensions(node),
            name=name,
            dtype=element_type(node).name,
        )


@dataclass(frozen=True)
class _Reduction:
    """A node that computes means or maxima."""

    flow: Flow
    place: Place
    node: Any

    @cached_property
    def axes(self) -> list[int]:
        """The axes that it reduces, or an empty list if they are not known."""
        return constant(self.flow, self.flow.before(self.place)[1])

    @property
    def keepdims(self) -> bool:
        """Whether its output has the dimensions that it reduces."""
        return keeps_dimensions(self.node)

    @property
    def input(self) -> Place:
        """The place that its input comes from."""
        return self.flow.before(self.place)[0]

    @cached_property
    def behind(self) -> Behind:
        """What its input is made from."""
        return behind(self.flow, self.input)

    @property
    def is_open(self) -> bool:
        """Whether its input is an argument that no call in the graph gives."""
        return self.behind.is_open and not self.behind.formats

    @property
    def layer_key(self) -> tuple:
        """The facts that the same layer has in common in several functions."""
        return layer_name(self.place.body, self.node), self.node.op, tuple(self.axes), self.keepdims

    @property
    def is_named(self) -> bool:
        """Whether it has the name that Keras gives its layers for global pooling."""
        return f"global_{_KINDS[self.node.op]}_pooling" in self.layer_key[0]


def kinds_asked_for(rules: Iterable[Rule]) -> set[str]:
    """Returns the kinds of global pooling that rules name.

    A rule for a class that many layers are derived from does not name a kind.
    """
    kinds = [GLOBAL + kind for kind in _KINDS.values()]
    return {kind for rule in rules for kind in kinds if rule.what in (kind, *KINDS[kind].values())}


def find_global_poolings(graph_def: Any, kinds: Collection[str]) -> dict[Place, GlobalPooling]:
    """Returns the global poolings of some kinds, such as `"global_average"`, by their places."""
    wanted = {op for op, kind in _KINDS.items() if GLOBAL + kind in kinds}
    if not wanted:
        return {}
    flow = Flow(graph_def)
    reductions = [
        _Reduction(flow, Place(body.name, node.name), node)
        for body in bodies_of(graph_def)
        for node in body.nodes
        if node.op in wanted
    ]
    closed = [each for each in reductions if not each.is_open]
    known = {each.place: _pooling(each) for each in closed}
    for each in reductions:
        if each.is_open:
            same = [other for other in closed if other.layer_key == each.layer_key]
            known[each.place] = _same_layer(same, known) if same else _pooling(each)
    poolings = {place: pooling for place, pooling in known.items() if pooling is not None}
    return _left_together(reductions, poolings)


def _pooling(reduction: _Reduction) -> GlobalPooling | None:
    """Returns what is known of a mean or maximum, or None if it may be something else."""
    found = reduction.behind
    format_ = _format_of(reduction)
    last = nearest(reduction.flow, reduction.input)
    is_activated = last in ACTIVATIONS and not compares(reduction.flow, reduction.input)
    if format_ is None or not (found.is_plain or is_activated or reduction.is_named):
        return None
    then = ahead(reduction.flow, reduction.place)
    obstacle = gradient = _gradient(reduction)
    if then.norms or (not obstacle and (then.strange or not then.heads)):
        return None
    if then.mixes and not obstacle:
        obstacle = f"{then.mixes[0]} compares it with other values of the same image, as a norm does"
    numbers = " and ".join(map(str, _spatial(format_)))
    sides = ([f"behind {last}"] if last else []) + [f"before {head}" for head in then.heads[:1]]
    word = _WORDS[reduction.node.op]
    why = f"a {word} over exactly the axes {numbers} of {format_.rank}, {' and '.join(sides)}"
    return GlobalPooling(format_, why, obstacle, next(iter(then.joins), ""), bool(gradient))


def _format_of(reduction: _Reduction) -> Format | None:
    """Returns the format of an input whose spatial axes, and no others, are reduced. None if not known."""
    found, axes = reduction.behind, reduction.axes
    ranks = {each.rank for each in found.formats}
    if "_output_shapes" in reduction.node.attr:
        shape = reduction.node.attr["_output_shapes"].list.shape[0]
        if not shape.unknown_rank:
            ranks.add(len(shape.dim) + (0 if reduction.keepdims else len(axes)))
    if len(ranks) != 1 or found.is_mixed or not ranks <= {4, 5}:
        return None
    (rank,) = ranks
    counted = sorted(axis % rank for axis in axes)
    formats = [each for each in (Format(rank, False), Format(rank, True)) if _spatial(each) == counted]
    return formats[0] if formats and found.formats <= set(formats) else None


def _spatial(format_: Format) -> list[int]:
    """Returns the spatial axes of an image."""
    return list(range(2, format_.rank) if format_.channels_first else range(1, format_.rank - 1))


def _gradient(reduction: _Reduction) -> str:
    """Returns why the gradient of a reduction forbids its replacement, or an empty string."""
    place = reduction.place
    # TensorFlow 1 calls the nodes of a gradient so.
    scope = re.compile(rf"(^|/)gradients(_\d+)?/{re.escape(place.name)}_grad/")
    own = (other.name for other in reduction.flow.nodes if other.body == place.body)
    name = next(gradients_through(reduction.flow, reduction.behind), None)
    name = name or next((each for each in own if scope.search(each)), None)
    if name is None:
        return ""
    word = _WORDS[reduction.node.op]
    return f"the graph has a gradient through it, such as {name}, and that of a {word} cannot be replaced"


def _left_together(
    reductions: Iterable[_Reduction], poolings: dict[Place, GlobalPooling]
) -> dict[Place, GlobalPooling]:
    """Returns the poolings, of which the same layer in other functions stays if one stays for its gradient.

    Otherwise, a function that trains and one that serves would compute different networks.
    """
    stay = {
        each.layer_key: each.place
        for each in reductions
        if each.place in poolings and poolings[each.place].has_gradient
    }
    result = dict(poolings)
    for each in reductions:
        first, pooling = stay.get(each.layer_key), poolings.get(each.place)
        if pooling and first and first.body != each.place.body and not pooling.obstacle:
            reason = f"it is the same layer as {_name(first)}, which stays because the graph has its gradient"
            result[each.place] = replace(pooling, obstacle=reason)
    return result


def _name(place: Place) -> str:
    return ":".join(filter(None, place[:2]))


def _same_layer(
    others: Iterable[_Reduction], known: dict[Place, GlobalPooling | None]
) -> GlobalPooling | None:
    """Returns what is known of a reduction from others that are the same layer.

    Keras 2 writes several functions for each layer. Calls of some of them are not in the graph, so what is
    behind these is not known.
    """
    places = [other.place for other in others]
    poolings = [known[place] for place in places]
    if None in poolings:
        return None
    # One that stays makes all of them stay.
    least = max((each for each in poolings if each), key=lambda each: (bool(each.obstacle), bool(each.gate)))
    return replace(least, why=f"the same layer as {_name(places[poolings.index(least)])}")
