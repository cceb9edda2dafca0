"""The report of an export: what was written, and how far its outputs are from the model's."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

# A tolerance is a share of an output's magnitude, or of this number if the magnitude is smaller.
_LEAST = 1e-6


@dataclass(frozen=True)
class Difference:
    """The largest difference between an output of the exported model and the same output of the model.

    Attributes:
        endpoint: str. The name of the endpoint.
        output: str. The name of the output.
        largest: float. The largest absolute difference between two numbers: `nan` if just one of the two is
            NaN. For an output of strings, the share of strings that differ, from 0 to 1. The same for whole
            numbers and booleans, if the export computes in 8-bit integers.
        magnitude: float. The largest absolute value among the model's finite numbers. 1 for shares.
        tolerance: float. The difference that rounding in the output's type explains, as a share of
            `magnitude`. 0 for whole numbers, booleans and strings, which must be equal. 0.1 for an export
            that computes in 8-bit integers.

    Example:
        >>> from tf_softpool.serving.report import Difference
        >>> difference = Difference("serve", "output_0", largest=2e-7, magnitude=3.0, tolerance=1e-3)
        >>> difference.passed, str(difference)
        (True, 'output_0: 2.0e-07 of 3.0e+00')
    """

    endpoint: str
    output: str
    largest: float
    magnitude: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """True if rounding explains the difference."""
        return self.largest <= self.tolerance * max(self.magnitude, _LEAST)

    def __str__(self) -> str:
        verdict = "" if self.passed else ": DIFFERS"
        return f"{self.output}: {self.largest:.1e} of {self.magnitude:.1e}{verdict}"


@dataclass
class ExportReport:
    """What an export wrote, and how its outputs compare with the model's. Prints as text.

    Attributes:
        path: str. Where the exported model is.
        format: str. The name of the format, as `tf_softpool.export` takes it.
        portable: bool. Whether the model was exported with standard operations only.
        quantize: str or None. `"int8"` if the export computes in 8-bit integers.
        size: int. The size of everything that was written, in bytes.
        custom_ops: list of str. The compiled ops of tf_softpool in a SavedModel. A program that loads the
            model needs the library of these ops. Empty for the other formats.
        inputs: dict. Maps the name of each input to its dtype and shape, such as `"float32 [?, 8, 3]"`.
            Empty if the exported model was not loaded.
        outputs: dict. The same for each output.
        runtime: str or None. The name and version of the runtime that loaded the exported model, or None
            if none did: `check` was False, or the runtime is not installed.
        differences: list of `Difference`. One for each output of each endpoint that was compared.
        notes: list of str. The inputs that have other names than in the model. What an export in 8-bit
            integers computes in floats. Why the exported model, or one of its endpoints, was not compared.

    Example:
        >>> import keras, tempfile
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 3), name="x"), tsp.layers.SoftPooling1D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = tsp.export(model, f"{folder}/model")
        >>> report.custom_ops, report.inputs, report.outputs
        (['Softpool>SoftPool'], {'x': 'float32 [?, 8, 3]'}, {'output_0': 'float32 [?, 4, 3]'})
        >>> report.checked, report.passed, report.largest_difference < 1e-6
        (True, True, True)
    """

    path: str
    format: str
    portable: bool
    quantize: str | None = None
    size: int = 0
    custom_ops: list[str] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    runtime: str | None = None
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def checked(self) -> bool:
        """True if the exported model was loaded and at least one output was compared."""
        return bool(self.differences)

    @property
    def passed(self) -> bool:
        """True if rounding explains every difference that was found. Also True if nothing was compared."""
        return all(difference.passed for difference in self.differences)

    @property
    def largest_difference(self) -> float | None:
        """The largest difference as a share of its output's magnitude, or None if nothing was compared.

        For an output whose magnitude is 0, the difference itself is used. The result is `nan` if any
        difference is `nan`.
        """
        shares = [d.largest / d.magnitude if d.magnitude else d.largest for d in self.differences]
        return max(shares, key=lambda share: (share != share, share)) if shares else None

    def to_json(self, **kwargs: Any) -> str:
        """Returns the report as JSON text.

        The JSON object has the attributes of the report and also `checked`, `passed` and
        `largest_difference`. NaN and infinities become null.

        Args:
            **kwargs: passed to `json.dumps`.
        """
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

    def __str__(self) -> str:
        kind = "portable" if self.portable else "native"
        kinds = ", ".join([self.format, kind, *([self.quantize] if self.quantize else [])])
        lines = [f"{self.path}: {kinds}, {self.size:,} bytes"]
        if self.custom_ops:
            lines.append(f"needs the compiled library for {', '.join(self.custom_ops)}")
        lines += [f"input {name}: {info}" for name, info in self.inputs.items()]
        lines += [f"output {name}: {info}" for name, info in self.outputs.items()]
        if self.checked:
            lines.append(f"largest differences from the model in {self.runtime}:")
            lines += [f"  {difference}" for difference in self.differences]
        return "\n".join(lines + self.notes)
