"""Poolings as functions of tensors, one module each, and what they share."""

import keras

from tf_softpool.ops import native

if keras.backend.backend() == "tensorflow" and native.load().ops is not None:
    from tf_softpool.ops import soft_pool_gradients, sorted_pool_gradients  # noqa: F401
