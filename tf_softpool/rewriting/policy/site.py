"""A pooling that was found in a model or a graph, as far as the policy looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from tf_softpool.rewriting.request import Request


@dataclass(frozen=True, eq=False)
class Site:
    """One pooling. Models and graphs have sites of their own, derived from this class.

    Attributes:
        path: where the pooling is, for reports and globs.
        what: the name of its class or its op.
        layer: the Keras layer that computes the same, or None if there is none. Rules and functions of the
            user look at this layer.
        obstacle: why the pooling cannot be replaced whatever the request is, or an empty string.
    """

    path: str
    what: str
    layer: keras.Layer | None
    obstacle: str = ""

    @property
    def group(self) -> str:
        """The group of the pooling. `first` and `last` count the poolings of each group separately."""
        return ""

    def objection(self, request: Request) -> str:
        """Returns why this request cannot replace the pooling, or an empty string."""
        return ""

    def objection_to(self, layer: keras.Layer) -> str:
        """Returns why a new layer cannot take the place of the pooling, or an empty string."""
        return ""

    def loss_with(self, layer: keras.Layer) -> str:
        """Returns what is lost if a new layer takes the place of the pooling, or an empty string."""
        return ""
