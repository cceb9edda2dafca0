"""Poolings as functions of tensors, a module for each pooling, and what these modules share."""

import keras

from tf_softpool.ops import native
from tf_softpool.ops.native.tensorflow import xla

if keras.backend.backend() == "tensorflow" and native.load().ops is not None:
    # XLA looks for ways to compile ops once, when it first compiles a program.
    xla.load()
