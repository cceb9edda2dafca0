"""Models, written for serving, and what was written, loaded."""

from tf_softpool.serving.export import export
from tf_softpool.serving.loading import load

__all__ = ["export", "load"]
