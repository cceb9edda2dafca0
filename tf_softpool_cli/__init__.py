"""What comes before TensorFlow: the command `tf-softpool`, the version, and the versions it runs on.

Nothing here imports TensorFlow, Keras or NumPy, so that help and errors appear at once.
"""

__version__ = "0.1.0"
