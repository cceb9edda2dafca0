"""Poolings as Keras layers."""

from tf_softpool.layers.detail_preserving_pooling import (
    DetailPreservingPooling1D,
    DetailPreservingPooling2D,
    DetailPreservingPooling3D,
)
from tf_softpool.layers.local_importance_pooling import (
    CenterTap,
    LocalImportancePooling1D,
    LocalImportancePooling2D,
    LocalImportancePooling3D,
)
from tf_softpool.layers.mixed_pooling import (
    GatedPooling1D,
    GatedPooling2D,
    GatedPooling3D,
    MixedPooling1D,
    MixedPooling2D,
    MixedPooling3D,
    UnitInterval,
)
from tf_softpool.layers.norm_pooling import (
    LpPooling1D,
    LpPooling2D,
    LpPooling3D,
    PowerAveragePooling1D,
    PowerAveragePooling2D,
    PowerAveragePooling3D,
    SumPooling1D,
    SumPooling2D,
    SumPooling3D,
)
from tf_softpool.layers.s3_pooling import S3Pooling1D, S3Pooling2D, S3Pooling3D
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
from tf_softpool.layers.stochastic_pooling import (
    StochasticPooling1D,
    StochasticPooling2D,
    StochasticPooling3D,
)

__all__ = [
    "CenterTap",
    "DetailPreservingPooling1D",
    "DetailPreservingPooling2D",
    "DetailPreservingPooling3D",
    "GatedPooling1D",
    "GatedPooling2D",
    "GatedPooling3D",
    "GlobalSoftPooling1D",
    "GlobalSoftPooling2D",
    "GlobalSoftPooling3D",
    "LeadingRank",
    "LocalImportancePooling1D",
    "LocalImportancePooling2D",
    "LocalImportancePooling3D",
    "LpPooling1D",
    "LpPooling2D",
    "LpPooling3D",
    "MixedPooling1D",
    "MixedPooling2D",
    "MixedPooling3D",
    "PowerAveragePooling1D",
    "PowerAveragePooling2D",
    "PowerAveragePooling3D",
    "S3Pooling1D",
    "S3Pooling2D",
    "S3Pooling3D",
    "SoftPooling1D",
    "SoftPooling2D",
    "SoftPooling3D",
    "SortedPooling1D",
    "SortedPooling2D",
    "SortedPooling3D",
    "StochasticPooling1D",
    "StochasticPooling2D",
    "StochasticPooling3D",
    "SumPooling1D",
    "SumPooling2D",
    "SumPooling3D",
    "UnitInterval",
]
