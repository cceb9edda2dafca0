"""What is to become of each pooling that was found."""

from tf_softpool.rewriting.report import Finding


def plan_of(sites, rules, selection, in_place=False):
    """What is to become of each site: a dict of its key to a `Finding`.

    Raises:
        ValueError: a replacement cannot be made from the layer that it is for.
    """
    reasons = {site.key: _reason(site, rules, selection, in_place) for site in sites}
    for body in {site.body for site in sites}:
        free = [site.key for site in sites if site.body == body and not reasons[site.key]]
        for i, key in enumerate(free):
            if not selection.reaches(i, len(free)):
                reasons[key] = "`first` and `last` leave it out"
    return {site.key: _finding(site, rules, reasons[site.key]) for site in sites}


def rule_for(layer, rules):
    """The first rule that is for a layer, or None."""
    return next((rule for rule in rules if rule.matches(layer)), None)


def _reason(site, rules, selection, in_place):
    """Why a pooling is not replaced, or nothing."""
    if site.obstacle:
        return site.obstacle
    if rule_for(site.layer, rules) is None:
        return "no replacement is given for it"
    if not selection.allows(site.layer, site.path):
        return "`where` excludes it"
    if site.maker is not None and not in_place:
        return f"{type(site.maker).__name__} makes it itself, its config does not describe it: see `in_place`"
    return ""


def _finding(site, rules, reason):
    if reason:
        return Finding(site.path, site.what, "skipped", reason=reason)
    new, note = rule_for(site.layer, rules).make(site.layer)
    return Finding(site.path, site.what, "replaced", type(new).__name__, note=note)
