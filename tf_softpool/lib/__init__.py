"""The compiled libraries: the kernels, and a folder for each TensorFlow with its ops.

Each `build.json` says how they were built.
"""
