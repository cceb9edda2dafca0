"""The compiled library: found, checked and loaded, its gradients registered, its parts described."""

from tf_softpool.ops.native.library import LIBRARY, Native, load, register_gradients

__all__ = ["LIBRARY", "Native", "load", "register_gradients"]
