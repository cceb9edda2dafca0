"""Poolings in standard operations, on any backend of Keras."""
