"""Keras models in memory and in files: poolings found, and copies made that have others."""
