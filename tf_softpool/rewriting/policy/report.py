"""What a rewriting did, for people and for programs."""

import io
import json
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text


@dataclass(frozen=True)
class Finding:
    """One pooling that was found: where, and what became of it.

    `action` is `"replaced"` or `"skipped"`, `replacement` the class of the new layer or None, `reason`
    why it was skipped, or empty, and `note` what to know of the new one (how near to the old it starts),
    or empty.
    """

    path: str
    layer: str
    action: str
    replacement: str | None = None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Check:
    """What was seen of the result, after the fact.

    `carried` counts the variables that have the old model's values, and `parameters` the numbers in
    them; `added` are the variables that new poolings brought, `dropped` those that went with old ones,
    `changed` those that ought to have been carried and differ. `shapes_equal` is whether outputs have
    the shapes they had, or None where a model does not know them.
    """

    carried: int = 0
    parameters: int = 0
    added: int = 0
    dropped: int = 0
    changed: int = 0
    shapes_equal: bool | None = None

    @property
    def passed(self):
        """Whether all that should be as it was is."""
        return self.changed == 0 and self.shapes_equal is not False

    def __str__(self):
        shapes = {True: "the same", False: "CHANGED", None: "not known"}[self.shapes_equal]
        changed = f", {self.changed} CHANGED" if self.changed else ""
        return (
            f"{self.carried} variables carried over ({self.parameters} parameters), {self.added} added, "
            f"{self.dropped} dropped{changed}; output shapes: {shapes}"
        )


@dataclass
class Report:
    """Every pooling that a rewriting found, in the model's order. Prints as a table.

    `notes` says what concerns the whole model, `check` what was seen of the result: None after a dry
    run, where `replaced` is what would be.
    """

    findings: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    check: Check | None = None
    dry_run: bool = False

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
                "dry_run": self.dry_run,
                "replaced": len(self.replaced),
                "skipped": len(self.skipped),
                "findings": [asdict(f) for f in self.findings],
                "notes": self.notes,
                "check": self.check and asdict(self.check),
            },
            **kwargs,
        )

    def table(self):
        """The findings as a `rich.table.Table`."""
        columns = [Column(name, overflow="fold") for name in ("layer", "was", "is", "why not", "note")]
        table = Table(*columns, box=None, padding=(0, 2, 0, 0))
        for f in self.findings:
            cells = (f.path, f.layer, f.replacement or f.layer, f.reason, f.note)
            table.add_row(*map(Text, cells))
        return table

    def summary(self):
        """The counts, the check and the notes, a line each."""
        would = "would be " if self.dry_run else ""
        lines = [f"{len(self.replaced)} {would}replaced, {len(self.skipped)} skipped"]
        lines += [str(self.check)] if self.check else []
        return "\n".join(lines + self.notes)

    def __str__(self):
        if not self.findings:
            return self.summary()
        return f"{plain_text(self.table())}\n{self.summary()}"


def plain_text(table):
    """A table as text, as wide as it needs to be: where lines break is the reader's choice."""
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None).print(table)
    return "\n".join(filter(None, (line.rstrip() for line in text.getvalue().splitlines())))
