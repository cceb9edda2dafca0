"""The poolings of a model on disk, and what each can be replaced with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from tf_softpool.rewriting.identify import KERAS, Found
from tf_softpool.rewriting.keras_model.files import load_keras_file
from tf_softpool.rewriting.keras_model.find import find_poolings
from tf_softpool.rewriting.keras_model.structure import structure_of
from tf_softpool.rewriting.policy.kinds import GLOBAL, KINDS, form_of, has_own_call, kind_of
from tf_softpool.rewriting.policy.rules import Rule, rules_of
from tf_softpool.rewriting.policy.selection import Selection
from tf_softpool.rewriting.policy.site import Site
from tf_softpool.rewriting.request import Request
from tf_softpool.serving.formats.tf_saved_model import meta_graphs

_ALL = Selection()
Accepts = Callable[[keras.Layer], bool]


@dataclass(frozen=True)
class Pooling:
    """One pooling of a model.

    Attributes:
        path: str. Where it is.
        what: str. The name of its class or op.
        kind: str or None. Its kind, as `--map` takes it, or None if it is of none.
        window: tuple of int, or None if its window is not known, or is the whole input.
        strides: tuple of int, or None.
        padding: str or None.
        output_size: tuple of int for an adaptive pooling, or None.
        replaceable_by: tuple of str. The kinds that can replace it, as `--map` takes them.
        reason: str. Why none can, or an empty string.
    """

    path: str
    what: str
    kind: str | None = None
    window: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    padding: str | None = None
    output_size: tuple[int | None, ...] | None = None
    replaceable_by: tuple[str, ...] = ()
    reason: str = ""


def poolings_of(found: Found, safe_mode: bool = True) -> list[Pooling]:
    """Returns the poolings of a Keras file or a SavedModel, in the model's order.

    Args:
        found: the model.
        safe_mode: bool. Whether Keras refuses to run code that a Keras file holds.

    Raises:
        ValueError: if the model cannot be read.
    """
    if found.kind == KERAS:
        model, *_ = load_keras_file(found.path, safe_mode=safe_mode)
        return [_pooling(site, _anything) for site in find_poolings(structure_of(model))]
    graphs = [each.graph_def for each in meta_graphs(found.path)]
    return [_pooling(site, accepts) for graph in graphs for site, accepts in _in_graph(graph)]


def _anything(layer: keras.Layer) -> bool:
    """Accepts every layer."""
    return True


def _in_graph(graph_def: Any) -> Iterator[tuple[Site, Accepts]]:
    """Yields the site of each pooling in a graph, and a function that says which layers it can have."""
    # These modules import TensorFlow, which other backends of Keras do without.
    from tf_softpool.rewriting.saved_model.nodes import element_type
    from tf_softpool.rewriting.saved_model.rewrite import plan_graph
    from tf_softpool.rewriting.saved_model.trace import NotTraceableError, Tracer

    tracer = Tracer()
    # Global poolings of a graph are found only if a rule asks for them.
    asking = Request(rules=rules_of({GLOBAL + "max": "soft", GLOBAL + "average": "soft"}), selection=_ALL)
    for site in plan_graph(graph_def, asking).plan.sites:

        def accepts(layer: keras.Layer, site: Any = site) -> bool:
            try:
                tracer.pooling(layer, site.rank, element_type(site.node), in_function=False)
            except NotTraceableError:
                return False
            return True

        yield site, accepts


def _pooling(site: Site, accepts: Accepts) -> Pooling:
    layer = site.layer
    if layer is None:
        return Pooling(site.path, site.what, reason=site.obstacle)
    config = layer.get_config()
    reason = site.obstacle or site.objection(Request(rules=(), selection=_ALL))
    if not reason and has_own_call(layer):
        reason = f"{site.what} has a `call` of its own: only Python's functions can replace it, by its class"
    return Pooling(
        site.path,
        site.what,
        kind_of(layer)[0],
        _numbers(config.get("pool_size")),
        _numbers(config.get("strides")),
        config.get("padding"),
        _numbers(config.get("output_size")),
        () if reason else tuple(_kinds_for(site, layer, accepts)),
        reason,
    )


def _numbers(value: Any) -> Any:
    """Returns the sizes in a layer's config as a tuple, or None if it has none."""
    return tuple(value) if isinstance(value, tuple | list) else value and (value,)


def _kinds_for(site: Site, layer: keras.Layer, accepts: Accepts) -> Iterator[str]:
    """Yields the kinds that can replace a pooling, without the form that they share with it."""
    kind, _ = kind_of(layer)
    if kind is None:
        return
    form = form_of(kind)
    for other in KINDS:
        if other == kind or form_of(other) != form:
            continue
        try:
            new, _ = Rule(kind, other).make(layer)
        except ValueError:
            continue
        if not site.objection_to(new) and accepts(new):
            yield other.removeprefix(form)
