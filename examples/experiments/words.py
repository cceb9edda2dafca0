"""Results in plain words."""

from collections.abc import Sequence

from experiments.paired import Difference


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
    above = [f"{each.setting} ({each.difference * scale:+.{digits}f})" for each in held]
    count = sum(each.difference > 0 for each in held)
    parts = {"above": above[:count], "below": above[count:]}
    said = [f"{side} it: {', '.join(names)}" for side, names in parts.items() if names]
    rest = "No other difference" if len(held) < len(found) - 1 else "Every difference"
    return f"Compared with {baseline} after the correction, {'; '.join(said)}. {rest} survives it."
