"""What was exported, and how near to the model it is, for people and for programs."""

import json
import math
from dataclasses import asdict, dataclass, field

# Outputs of no more than this are as good as zero, where all of the model's are.
_LEAST = 1e-6


@dataclass(frozen=True)
class Difference:
    """How far an output is from the model's: at most `largest`, where numbers are at most `magnitude`.

    `tolerance` is what rounding in the model's type explains, as a share of the magnitude. A difference is
    `nan` where one has numbers and the other has not.
    """

    endpoint: str
    output: str
    largest: float
    magnitude: float
    tolerance: float

    @property
    def passed(self):
        """Whether rounding explains it."""
        return self.largest <= self.tolerance * max(self.magnitude, _LEAST)

    def __str__(self):
        verdict = "" if self.passed else ": DIFFERS"
        return f"{self.output}: {self.largest:.1e} of {self.magnitude:.1e}{verdict}"


@dataclass
class ExportReport:
    """An export: what was written, and how it compares with the model in the runtime of its format.

    `size` is in bytes, `custom_ops` are those of ours that whoever loads it needs; `inputs` and `outputs`
    are dicts of names to descriptions. `runtime` is what it was loaded in, with the version, or None where it
    was not: `notes` say why. `differences` are those of each output from the model's.
    """

    path: str
    format: str
    portable: bool
    size: int = 0
    custom_ops: list = field(default_factory=list)
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    runtime: str | None = None
    differences: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def checked(self):
        """Whether it was loaded and compared."""
        return bool(self.differences)

    @property
    def passed(self):
        """Whether all that was compared is as the model's, but for rounding."""
        return all(difference.passed for difference in self.differences)

    @property
    def largest_difference(self):
        """The largest difference as a share of its output's magnitude, or None where nothing was compared."""
        shares = [d.largest / d.magnitude if d.magnitude else d.largest for d in self.differences]
        return max(shares, key=lambda share: (share != share, share)) if shares else None

    def to_json(self, **kwargs):
        """The report as JSON text; `kwargs` are those of `json.dumps`."""
        facts = asdict(self)
        facts |= {
            "checked": self.checked,
            "passed": self.passed,
            "largest_difference": self.largest_difference,
        }
        # JSON has neither NaN nor infinities.
        for part in (facts, *facts["differences"]):
            part.update({k: None for k, v in part.items() if isinstance(v, float) and not math.isfinite(v)})
        return json.dumps(facts, **kwargs)

    def __str__(self):
        kind = "portable" if self.portable else "native"
        lines = [f"{self.path}: {self.format}, {kind}, {self.size:,} bytes"]
        if self.custom_ops:
            lines.append(f"needs the compiled library, for {', '.join(self.custom_ops)}")
        lines += [f"input {name}: {info}" for name, info in self.inputs.items()]
        lines += [f"output {name}: {info}" for name, info in self.outputs.items()]
        if self.checked:
            lines.append(f"largest differences from the model in {self.runtime}:")
            lines += [f"  {difference}" for difference in self.differences]
        return "\n".join(lines + self.notes)
