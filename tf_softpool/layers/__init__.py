"""Poolings as Keras layers."""

from tf_softpool.layers.soft_pooling import (
    GlobalSoftPooling1D,
    GlobalSoftPooling2D,
    GlobalSoftPooling3D,
    SoftPooling1D,
    SoftPooling2D,
    SoftPooling3D,
)
from tf_softpool.layers.sorted_pooling import (
    LeadingRank,
    SortedPooling1D,
    SortedPooling2D,
    SortedPooling3D,
)

__all__ = [
    "GlobalSoftPooling1D",
    "GlobalSoftPooling2D",
    "GlobalSoftPooling3D",
    "LeadingRank",
    "SoftPooling1D",
    "SoftPooling2D",
    "SoftPooling3D",
    "SortedPooling1D",
    "SortedPooling2D",
    "SortedPooling3D",
]
