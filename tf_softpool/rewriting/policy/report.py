"""What a rewriting did, for people and for programs."""

import json
import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from tf_softpool_cli.tables import plain_text


@dataclass(frozen=True)
class Finding:
    """One pooling that was found.

    Attributes:
        path: where it is.
        layer: the name of its class or its op.
        action: `"replaced"` or `"skipped"`.
        replacement: the class name of the new layer, or None if the pooling was skipped.
        reason: why it was skipped, or an empty string.
        note: what to know about the new layer, such as how near to the old one it starts, or an empty string.
    """

    path: str
    layer: str
    action: str
    replacement: str | None = None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Check:
    """What a comparison of the result with the original found.

    Attributes:
        carried: the number of variables with the old model's values.
        parameters: the number of elements in these variables.
        added: the number of variables that new poolings brought.
        dropped: the number of variables that went with old poolings.
        changed: the number of variables that should have the old values and do not.
        shapes_equal: whether the outputs have their old shapes, or None if a model does not know them.
        ran: whether both models were run on made-up input. The shapes are then those of what they returned.
    """

    carried: int = 0
    parameters: int = 0
    added: int = 0
    dropped: int = 0
    changed: int = 0
    shapes_equal: bool | None = None
    ran: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing differs that should be equal."""
        return self.changed == 0 and self.shapes_equal is not False

    def __str__(self) -> str:
        shapes = {True: "the same", False: "CHANGED", None: "not known"}[self.shapes_equal]
        ran = " when run on made-up input" if self.ran else ""
        changed = f", {self.changed} CHANGED" if self.changed else ""
        return (
            f"{self.carried} variables carried over ({self.parameters} parameters), {self.added} added, "
            f"{self.dropped} dropped{changed}; output shapes: {shapes}{ran}"
        )


@dataclass
class Report:
    """Every pooling that a rewriting found, in the model's order. It prints as a table.

    Attributes:
        findings: a `Finding` for each pooling.
        notes: what concerns the whole model.
        check: a `Check` of the result, or None if nothing was written or made.
        dry_run: whether nothing was changed. Then `replaced` lists what would be replaced.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    check: Check | None = None
    dry_run: bool = False

    @property
    def replaced(self) -> list[Finding]:
        """The findings with the action `"replaced"`."""
        return [f for f in self.findings if f.action == "replaced"]

    @property
    def skipped(self) -> list[Finding]:
        """The findings with the action `"skipped"`."""
        return [f for f in self.findings if f.action == "skipped"]

    def to_json(self, **kwargs: Any) -> str:
        """Returns the report as JSON. `kwargs` are those of `json.dumps`."""
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

    def warn(self, stacklevel: int) -> None:
        """Warns of each note. `stacklevel` is that of `warnings.warn`."""
        for note in self.notes:
            warnings.warn(note, stacklevel=stacklevel)

    def table(self) -> Table:
        """Returns the findings as a `rich.table.Table`."""
        columns = [Column(name, overflow="fold") for name in ("layer", "was", "is", "why not", "note")]
        table = Table(*columns, box=None, padding=(0, 2, 0, 0))
        for f in self.findings:
            cells = (f.path, f.layer, f.replacement or f.layer, f.reason, f.note)
            table.add_row(*map(Text, cells))
        return table

    def summary(self) -> str:
        """Returns the counts, the check and the notes, a line for each."""
        would = "would be " if self.dry_run else ""
        lines = [f"{len(self.replaced)} {would}replaced, {len(self.skipped)} skipped"]
        lines += [str(self.check)] if self.check else []
        return "\n".join(lines + self.notes)

    def __str__(self) -> str:
        if not self.findings:
            return self.summary()
        return f"{plain_text(self.table())}\n{self.summary()}"
