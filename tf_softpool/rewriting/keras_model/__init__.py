"""Keras models in memory and in files: their poolings, and copies with other poolings."""
