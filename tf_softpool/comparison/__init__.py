"""Poolings compared on pictures: each pooled, enlarged to its old size, and held against the original."""
