"""Models, written for serving."""

from tf_softpool.serving.saved_model import export

__all__ = ["export"]
