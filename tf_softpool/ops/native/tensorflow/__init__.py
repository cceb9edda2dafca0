"""The compiled ops on TensorFlow: found and loaded, their gradients, and the library for XLA."""
