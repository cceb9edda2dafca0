"""Models with their pooling replaced, in memory and on disk."""

from tf_softpool.rewriting.files import replace_pooling_in_file
from tf_softpool.rewriting.models import replace_pooling
from tf_softpool.rewriting.policy.report import Check, Finding, Report

__all__ = ["Check", "Finding", "Report", "replace_pooling", "replace_pooling_in_file"]
