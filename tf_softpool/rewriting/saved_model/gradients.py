"""The gradients, in a graph, of the poolings that are replaced."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras

from tf_softpool.graphs import producer
from tf_softpool.rewriting.policy.plan import Plan
from tf_softpool.rewriting.request import Request
from tf_softpool.rewriting.saved_model.find import GraphSite
from tf_softpool.rewriting.saved_model.nodes import GRADIENTS, SOFT, Body, window_of

# The first input of these gradients is the pooling's input, and the last is the gradient of its output. Other
# gradients do not have the pooling's input.
_REPLACEABLE = {"MaxPoolGrad", "MaxPool3DGrad", f"{SOFT}Grad"}


class Gradient(NamedTuple):
    """A gradient's node, the body that it is in, and a pooling that it may belong to."""

    body: Body
    node: Any
    site: GraphSite


def changes_of(plan: Plan[GraphSite]) -> dict[GraphSite, keras.Layer]:
    """Returns the sites with a new layer that computes something else."""
    return {site: new for site, new in plan.replacements.items() if not _is_same(new, site.layer)}


def match_gradients(bodies: Iterable[Body], plan: Plan[GraphSite], request: Request) -> list[Gradient]:
    """Returns the gradients to replace, and changes the plan if some cannot be.

    A gradient's node may serve several poolings. If only some of them are replaced, one node cannot serve all
    of them any more, so the plan leaves them all as they are. The plan also leaves a pooling whose gradient
    does not have the pooling's input.
    """
    matched: list[Gradient] = []
    nodes = [(body, node) for body in bodies for node in body.nodes if node.op in GRADIENTS]
    for body, node in nodes:
        candidates = _poolings_of(body, node, plan.sites)
        changing = changes_of(plan)
        sites = [site for site in candidates if site in changing]
        if not sites:
            continue
        if reason := _why_not(body, node, candidates, changing, request):
            for site in sites:
                plan.leave(site, reason)
            continue
        matched.append(Gradient(body, node, sites[0]))
        for site in sites:
            plan.note(site, "and its gradient")
    # A gradient may have been matched before a later one made the plan leave its pooling.
    if all(gradient.site in plan.replacements for gradient in matched):
        return matched
    return match_gradients(bodies, plan, request)


def _is_same(new: keras.Layer, old: keras.Layer | None) -> bool:
    """Returns whether two layers are of the same class and have the same config."""
    return old is not None and type(new) is type(old) and new.get_config() == old.get_config()


def _poolings_of(body: Body, node: Any, sites: Sequence[GraphSite]) -> list[GraphSite]:
    """Returns the sites of the poolings that a gradient's node may belong to."""
    here = [
        site
        for site in sites
        if len(node.input) > 2 and site.body.name == body.name and site.node.name == producer(node.input[1])
    ]
    # Means and maxima have no window, and `find_poolings` leaves out those that have gradients.
    windows = [site for site in sites if site.node.op == GRADIENTS[node.op]]
    return here or [site for site in windows if window_of(site.node) == window_of(node)]


def _why_not(
    body: Body,
    node: Any,
    candidates: Sequence[GraphSite],
    changing: dict[GraphSite, keras.Layer],
    request: Request,
) -> str:
    """Returns why a gradient cannot be replaced, or an empty string."""
    where = f"its gradient {node.name}" + (f" in {body.name}" if body.is_function else "")
    if node.op not in _REPLACEABLE:
        return f"{where} does not know the pooling's input"
    same = [each for each in body.nodes if each.op == node.op and each.input[0] == node.input[0]]
    if node.op == f"{SOFT}Grad" and len(same) > 1:
        return f"{where} belongs to second derivatives, and only first derivatives can be replaced"
    if any(site not in changing for site in candidates):
        return f"{where} may also belong to a pooling that is not replaced"
    rules = [request.rule_for(site.layer) for site in candidates if site.layer is not None]
    if len(candidates) > 1 and (len({id(rule) for rule in rules}) > 1 or not _is_uniform(rules[0])):
        return f"{where} may belong to poolings that different layers replace"
    return ""


def _is_uniform(rule: Any) -> bool:
    return rule is not None and rule.is_uniform
