"""Poolings as functions of tensors."""

import keras

from tf_softpool.ops import native
from tf_softpool.ops.native import build_info
from tf_softpool.ops.portable import portable
from tf_softpool.ops.soft_pool import soft_pool

if keras.backend.backend() == "tensorflow" and native.load().ops is not None:
    from tf_softpool.ops import soft_pool_gradients  # noqa: F401

__all__ = ["build_info", "portable", "soft_pool"]
