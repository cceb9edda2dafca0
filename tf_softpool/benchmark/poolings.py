"""Poolings that are measured, made for a case."""

from collections.abc import Callable
from typing import Any

from tf_softpool import layers
from tf_softpool.benchmark.cases import Case
from tf_softpool.benchmark.passes import Pool


def layer(name: str, training: bool = False, **arguments: Any) -> Callable[[Case], Pool]:
    """Returns a maker of one of our layers for images, called as in training or as at inference.

    Args:
        name: str. The name of the layer's class, without its rank. Layers of whole images take no windows.
        training: bool. How the layer is called. Default: False.
        **arguments: the layer's other arguments.
    """

    def make(case: Case) -> Pool:
        cls = getattr(layers, f"{name}2D")
        window = () if name.startswith("Global") else (case.k, case.s, case.padding)
        pooling = cls(*window, data_format=case.data_format, dtype=case.dtype, **arguments)
        pooling.build(case.shape)
        return lambda x: pooling(x, training=training)

    return make
