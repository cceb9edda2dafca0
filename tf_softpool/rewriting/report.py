"""What a rewriting did, for people and for programs."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Finding:
    """One pooling that was found: where, and what became of it.

    `action` is `"replaced"` or `"skipped"`, `replacement` the class of the new layer or None, `reason`
    why it was skipped, or empty, and `note` how near to the old layer the new one starts, or empty
    where nothing is known of that.
    """

    path: str
    layer: str
    action: str
    replacement: str | None = None
    reason: str = ""
    note: str = ""


@dataclass
class Report:
    """Every pooling that a rewriting found, in the model's order. Prints as a table."""

    findings: list = field(default_factory=list)

    @property
    def replaced(self):
        """The findings that were replaced."""
        return [f for f in self.findings if f.action == "replaced"]

    @property
    def skipped(self):
        """The findings that were not."""
        return [f for f in self.findings if f.action == "skipped"]

    def to_json(self, **kwargs):
        """The report as JSON text; `kwargs` are those of `json.dumps`."""
        return json.dumps(
            {
                "replaced": len(self.replaced),
                "skipped": len(self.skipped),
                "findings": [asdict(f) for f in self.findings],
            },
            **kwargs,
        )

    def __str__(self):
        counts = f"{len(self.replaced)} replaced, {len(self.skipped)} skipped"
        if not self.findings:
            return counts
        rows = [("layer", "was", "is", "why not", "note")]
        rows += [(f.path, f.layer, f.replacement or f.layer, f.reason, f.note) for f in self.findings]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, counts])
