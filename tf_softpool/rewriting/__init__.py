"""Models with their pooling replaced."""

from tf_softpool.rewriting.models import replace_pooling
from tf_softpool.rewriting.report import Finding, Report

__all__ = ["Finding", "Report", "replace_pooling"]
