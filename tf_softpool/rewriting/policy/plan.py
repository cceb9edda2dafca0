"""The decision about each pooling that was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import keras

from tf_softpool.rewriting.policy.kinds import has_own_call
from tf_softpool.rewriting.policy.report import Finding
from tf_softpool.rewriting.policy.site import Site

if TYPE_CHECKING:
    from tf_softpool.rewriting.request import Request

AnySite = TypeVar("AnySite", bound=Site)


@dataclass(frozen=True)
class Decision:
    """What the report says of one pooling, and the layer that replaces it, or None if it stays."""

    finding: Finding
    layer: keras.Layer | None = None


class Plan(Generic[AnySite]):
    """A decision for each site, in the order in which they were found."""

    def __init__(self, decisions: dict[AnySite, Decision]) -> None:
        self._decisions = decisions

    @property
    def sites(self) -> list[AnySite]:
        """All sites."""
        return list(self._decisions)

    @property
    def findings(self) -> list[Finding]:
        """What becomes of each pooling."""
        return [decision.finding for decision in self._decisions.values()]

    @property
    def replacements(self) -> dict[AnySite, keras.Layer]:
        """The sites to replace, each with its new layer."""
        return {site: d.layer for site, d in self._decisions.items() if d.layer is not None}

    def leave(self, site: AnySite, reason: str) -> None:
        """Decides to leave a pooling as it is."""
        self._decisions[site] = _left(site, reason)

    def note(self, site: AnySite, note: str) -> None:
        """Sets the report's note on a pooling."""
        decision = self._decisions[site]
        self._decisions[site] = replace(decision, finding=replace(decision.finding, note=note))


def plan_of(sites: Iterable[AnySite], request: Request) -> Plan[AnySite]:
    """Decides what is to become of each site.

    Raises:
        ValueError: if a replacement cannot be made from the layer that it is for, or the same layer is to
            replace several poolings.
    """
    reasons = {site: _reason(site, request) for site in sites}
    for group in dict.fromkeys(site.group for site in reasons):
        free = [site for site, reason in reasons.items() if site.group == group and not reason]
        for i, site in enumerate(free):
            if not request.selection.reaches(i, len(free)):
                reasons[site] = "`first` and `last` leave it out"
    plan = Plan({site: _decision(site, request, reason) for site, reason in reasons.items()})
    made = plan.replacements.values()
    if len({id(layer) for layer in made}) < len(made):
        raise ValueError(
            "Each pooling must be replaced with a layer of its own, got the same layer for several poolings."
        )
    return plan


def _reason(site: Site, request: Request) -> str:
    """Returns why a pooling is not replaced, or an empty string."""
    if site.layer is None or site.obstacle:
        return site.obstacle
    if request.rule_for(site.layer) is None:
        if has_own_call(site.layer):
            name = type(site.layer).__name__
            return f"{name} has a `call` of its own: to replace it, name that class instead of a kind"
        return "no replacement is given for it"
    if not request.selection.allows(site.layer, site.path):
        return "`where` excludes it"
    return site.objection(request)


def _decision(site: Site, request: Request, reason: str) -> Decision:
    if reason or site.layer is None:
        return _left(site, reason)
    rule = request.rule_for(site.layer)
    assert rule is not None  # _reason looked for it
    new, note = rule.make(site.layer)
    if objection := site.objection_to(new):
        return _left(site, objection)
    note = "; ".join(filter(None, (note, site.loss_with(new))))
    return Decision(Finding(site.path, site.what, "replaced", type(new).__name__, note=note), new)


def _left(site: Site, reason: str) -> Decision:
    return Decision(Finding(site.path, site.what, "skipped", reason=reason))
