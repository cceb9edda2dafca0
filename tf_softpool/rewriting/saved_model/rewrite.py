"""The poolings of one graph replaced, with their gradients."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tf_softpool.packages import plain
from tf_softpool.rewriting.policy.plan import Plan, plan_of
from tf_softpool.rewriting.request import Request
from tf_softpool.rewriting.saved_model.find import GraphSite, find_poolings
from tf_softpool.rewriting.saved_model.global_pooling import find_global_poolings, kinds_asked_for
from tf_softpool.rewriting.saved_model.gradients import Gradient, changes_of, match_gradients
from tf_softpool.rewriting.saved_model.nodes import Body, bodies_of, element_type
from tf_softpool.rewriting.saved_model.splice import move_colocations, splice
from tf_softpool.rewriting.saved_model.trace import Fragment, NotTraceableError, Tracer


class BrokenGraphError(ValueError):
    """The error about a graph that no program has written. Its text says what was found, and not where."""


@contextlib.contextmanager
def _of_a_graph() -> Iterator[None]:
    """Turns the errors of code that reads nodes into one about the graph. The block calls no callback."""
    try:
        yield
    except BrokenGraphError:
        raise
    except Exception as error:
        raise BrokenGraphError(plain(error)) from error


@dataclass
class GraphRewriting:
    """The changes to one graph, planned and then applied.

    Attributes:
        graph_def: a `GraphDef`.
        plan: a decision for each of its poolings.
        gradients: the gradients that are replaced with the poolings.
        op_defs: the definitions of the ops that the new nodes use, by name. Empty before `apply`.
    """

    graph_def: Any
    plan: Plan[GraphSite]
    gradients: list[Gradient]
    op_defs: dict[str, Any] = field(default_factory=dict)
    _tracer: Tracer = field(default_factory=Tracer)

    def apply(self) -> None:
        """Changes the graph.

        Raises:
            BrokenGraphError: if nodes lack what each node of their op has.
        """
        with _of_a_graph():
            self._apply()

    def _apply(self) -> None:
        layers = self.plan.replacements
        for site, layer in changes_of(self.plan).items():
            fragment = self._tracer.pooling(layer, *_input_of(site), site.body.is_function)
            self._splice(site.body, site.node, fragment, site.node.input[:1])
        for body, node, site in self.gradients:
            fragment = self._tracer.gradient(layers[site], *_input_of(site), body.is_function)
            inputs = [reference for reference in node.input if not reference.startswith("^")]
            self._splice(body, node, fragment, [inputs[0], inputs[-1]])

    def _splice(self, body: Body, node: Any, fragment: Fragment, inputs: Sequence[str]) -> None:
        self._add_functions(fragment)
        self.op_defs |= {op_def.name: op_def for op_def in fragment.op_defs}
        splice(body, node, fragment, list(inputs))

    def _add_functions(self, fragment: Fragment) -> None:
        """Adds the functions that a fragment calls to the graph, under names that are free."""
        library = self.graph_def.library.function
        taken = {function.signature.name for function in library}
        names = {}
        for function in fragment.functions:
            name, i = function.signature.name, 0
            while name in taken:
                i += 1
                name = f"{function.signature.name}_{i}"
            taken.add(name)
            names[function.signature.name] = function.signature.name = name
            library.add().CopyFrom(function)
        added = library[len(library) - len(names) :]
        for function in added:
            own = {node.name: node.name for node in function.node_def}
            for node in function.node_def:
                move_colocations(node, own)
        for node in [*fragment.nodes, *(node for function in added for node in function.node_def)]:
            for attribute in node.attr.values():
                for called in (attribute.func, *attribute.list.func):
                    if called.name in names:
                        called.name = names[called.name]


def plan_graph(graph_def: Any, request: Request) -> GraphRewriting:
    """Decides what replaces a graph's poolings and their gradients. Changes nothing yet.

    Raises:
        BrokenGraphError: if nodes lack what each node of their op has.
    """
    bodies, tracer = bodies_of(graph_def), Tracer()
    kinds = kinds_asked_for(request.rules)
    with _of_a_graph():
        sites = find_poolings(bodies, find_global_poolings(graph_def, kinds))
    plan = plan_of(sites, request)
    for site, layer in plan.replacements.items():
        try:
            tracer.pooling(layer, *_input_of(site), in_function=False)
        except NotTraceableError as error:
            plan.leave(site, str(error))
    with _of_a_graph():
        gradients = match_gradients(bodies, plan, request)
    for site, finding in zip(plan.sites, plan.findings, strict=True):
        if site.belief and site in plan.replacements:
            plan.note(site, "; ".join(filter(None, (finding.note, site.belief))))
    return GraphRewriting(graph_def, plan, gradients, _tracer=tracer)


def _input_of(site: GraphSite) -> tuple[int, Any]:
    """Returns the number of dimensions and the type of a pooling's input."""
    return site.rank, element_type(site.node)
