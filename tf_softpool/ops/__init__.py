"""Poolings as functions of tensors, one module each, and what they share."""

import keras

from tf_softpool.ops import native, xla

if keras.backend.backend() == "tensorflow" and native.load().ops is not None:
    xla.load()
