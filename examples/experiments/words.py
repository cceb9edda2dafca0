"""Results in plain words."""

from collections.abc import Sequence

from experiments.paired import Difference

MANY = 4


def verdict(found: Sequence[Difference], baseline: str, scale: float = 100.0, digits: int = 2) -> str:
    """Returns which settings differ from the baseline after the correction, in one or two sentences.

    Args:
        found: list of `Difference`.
        baseline: string, the setting that others are compared with.
        scale: float, by which differences are multiplied.
        digits: int, the digits after the point.
    """
    held = sorted((each for each in found if each.is_significant), key=lambda each: -each.difference)
    if not held:
        return f"No difference to {baseline} survives the correction."
    texts = [f"{each.setting} ({each.difference * scale:+.{digits}f})" for each in held]
    count = sum(each.difference > 0 for each in held)
    sides = {"above": texts[:count], "below": texts[count:]}
    said = [f"{side} it: {_listed(names)}" for side, names in sides.items() if names]
    rest = "No other difference" if len(held) < len(found) - 1 else "Every difference"
    return f"Compared with {baseline} after the correction, {'; '.join(said)}. {rest} survives it."


def _listed(names: Sequence[str]) -> str:
    """Returns names with commas. Of many, the table shows which, and the first and the last are enough."""
    if len(names) <= MANY:
        return ", ".join(names)
    return f"{len(names)} settings, from {names[0]} to {names[-1]}"
