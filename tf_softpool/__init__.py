"""Poolings that lose less, for Keras on TensorFlow: compiled ops, layers, rewriting, export."""

from tf_softpool_cli import __version__ as __version__
from tf_softpool_cli import handover as handover  # isort: split

from tf_softpool import requirements as requirements  # isort: split

from tf_softpool import layers, serving
from tf_softpool.comparison.compare import compare
from tf_softpool.ops.detail_preserving_pool import detail_preserving_pool
from tf_softpool.ops.dispatch import portable
from tf_softpool.ops.importance_pool import importance_pool
from tf_softpool.ops.native.build_info import build_info
from tf_softpool.ops.soft_pool import soft_pool
from tf_softpool.ops.sorted_pool import sorted_pool
from tf_softpool.rewriting import replace_pooling, replace_pooling_in_file
from tf_softpool.serving import export

__all__ = [
    "build_info",
    "compare",
    "detail_preserving_pool",
    "export",
    "importance_pool",
    "layers",
    "portable",
    "replace_pooling",
    "replace_pooling_in_file",
    "serving",
    "soft_pool",
    "sorted_pool",
]
