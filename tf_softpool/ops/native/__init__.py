"""The compiled library: found, checked and loaded, its gradients registered, its parts described."""

from tf_softpool.ops.native.derivatives import vjp
from tf_softpool.ops.native.library import KERNELS, Native, load, register_gradients, takes

__all__ = ["KERNELS", "Native", "load", "register_gradients", "takes", "vjp"]
