"""Poolings that are measured, made for a case."""

from typing import Any

from tf_softpool.benchmark.cases import Case
from tf_softpool.benchmark.passes import Pool


def made(cls: Any, case: Case, training: bool = False, **arguments: Any) -> Pool:
    """Returns one of our layers for images as a function of a tensor.

    Args:
        cls: the layer's class.
        case: the tensor and the windows. Layers of whole images take no windows.
        training: whether the layer is called as in training, or as at inference.
        **arguments: the layer's other arguments.
    """
    window = (case.k, case.s, case.padding) if cls.form == "windows" else ()
    pooling = cls(*window, data_format=case.data_format, dtype=case.dtype, **arguments)
    pooling.build(case.shape)
    return lambda x: pooling(x, training=training)
