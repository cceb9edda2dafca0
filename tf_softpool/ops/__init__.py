"""Poolings as functions of tensors, one module each, and what they share."""

import keras

from tf_softpool.ops import native, xla

if keras.backend.backend() == "tensorflow" and native.load().ops is not None:
    from tf_softpool.ops import (  # noqa: F401
        detail_preserving_pool_gradients,
        importance_pool_gradients,
        soft_pool_gradients,
        sorted_pool_gradients,
    )

    xla.load()
