"""What is to become of each pooling that was found."""

from dataclasses import dataclass

import keras

from tf_softpool.rewriting.policy.kinds import has_own_call
from tf_softpool.rewriting.policy.report import Finding


@dataclass(frozen=True)
class Decision:
    """What is to become of one pooling: what the report says, and the layer for its place or None."""

    finding: Finding
    layer: keras.Layer | None = None


def plan_of(sites, rules, selection, in_place=False):
    """What is to become of each site: a dict of its key to a `Decision`.

    Raises:
        ValueError: a replacement cannot be made from the layer that it is for, or is one already given.
    """
    reasons = {site.key: _reason(site, rules, selection, in_place) for site in sites}
    for body in {site.body for site in sites}:
        free = [site.key for site in sites if site.body == body and not reasons[site.key]]
        for i, key in enumerate(free):
            if not selection.reaches(i, len(free)):
                reasons[key] = "`first` and `last` leave it out"
    plan = {site.key: _decision(site, rules, reasons[site.key]) for site in sites}
    made = [decision.layer for decision in plan.values() if decision.layer is not None]
    if len({id(layer) for layer in made}) < len(made):
        raise ValueError("Each pooling must be replaced by a layer of its own, got one layer for several.")
    return plan


def rule_for(layer, rules):
    """The first rule that is for a layer, or None."""
    return next((rule for rule in rules if rule.matches(layer)), None)


def _reason(site, rules, selection, in_place):
    """Why a pooling is not replaced, or nothing."""
    if site.obstacle:
        return site.obstacle
    if rule_for(site.layer, rules) is None:
        if has_own_call(site.layer):
            return f"{type(site.layer).__name__} has a `call` of its own: give that class as what to replace"
        return "no replacement is given for it"
    if not selection.allows(site.layer, site.path):
        return "`where` excludes it"
    if site.maker is not None and not in_place:
        return f"{type(site.maker).__name__} makes it itself, its config does not describe it: see `in_place`"
    return ""


def skipped(site, reason):
    """The `Decision` to leave a pooling as it is."""
    return Decision(Finding(site.path, site.what, "skipped", reason=reason))


def _decision(site, rules, reason):
    if reason:
        return skipped(site, reason)
    new, note = rule_for(site.layer, rules).make(site.layer)
    return Decision(Finding(site.path, site.what, "replaced", type(new).__name__, note=note), new)
