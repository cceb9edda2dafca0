"""Models with their pooling replaced, in memory and on disk."""

from tf_softpool.rewriting.policy.report import Check, Finding, Report
from tf_softpool.rewriting.replace import replace_pooling, replace_pooling_in_file

__all__ = ["Check", "Finding", "Report", "replace_pooling", "replace_pooling_in_file"]
