"""The request for a replacement: built once from a caller's arguments, and passed to every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import keras

from tf_softpool.rewriting.policy.rules import Rule, rules_of
from tf_softpool.rewriting.policy.selection import Selection

AnyRequest = TypeVar("AnyRequest", bound="Request")


def _silent(name: str) -> None:
    """Reports no progress."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be replaced with what in a model.

    Attributes:
        rules: what is replaced with what. The first rule that matches a layer counts.
        selection: which of the matching poolings are replaced.
        in_place: whether poolings that no config describes may be exchanged in the attributes of layers.
        dry_run: whether nothing is changed, and only the report is made.
        step: a function that is called with the name of each step when it begins.
    """

    rules: tuple[Rule, ...]
    selection: Selection
    in_place: bool = False
    dry_run: bool = False
    step: Callable[[str], None] = _silent

    @classmethod
    def of(
        cls: type[AnyRequest],
        replacements: dict,
        where: Any = None,
        first: int | None = None,
        last: int | None = None,
        **options: Any,
    ) -> AnyRequest:
        """Makes a request from the arguments of the public functions.

        Raises:
            ValueError: if an argument is not one that these functions describe.
        """
        return cls(rules=rules_of(replacements), selection=Selection(where, first, last), **options)

    def rule_for(self, layer: keras.Layer) -> Rule | None:
        """Returns the first rule that matches a layer, or None."""
        return next((rule for rule in self.rules if rule.matches(layer)), None)


@dataclass(frozen=True, kw_only=True)
class FileRequest(Request):
    """What is to be replaced with what in a model on disk.

    Attributes:
        path: where the model is.
        out: where the result is written to, or None for a dry run.
        overwrite: whether the result may replace something at `out`.
        portable: whether a SavedModel gets standard operations instead of our ops.
        custom_objects: classes and functions that a Keras file needs, by name.
        safe_mode: whether Keras refuses to run code that a Keras file holds.
    """

    path: Path
    out: Path | None
    overwrite: bool = False
    portable: bool = False
    custom_objects: dict[str, Any] | None = None
    safe_mode: bool = True

    @property
    def target(self) -> Path:
        """The path to write to, in a request that is not a dry run."""
        assert self.out is not None  # `rewrite_file` checks it
        return self.out
