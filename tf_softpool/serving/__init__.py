"""Functions that write models for serving and load what was written."""

from tf_softpool.serving.export import export
from tf_softpool.serving.loading import load

__all__ = ["export", "load"]
