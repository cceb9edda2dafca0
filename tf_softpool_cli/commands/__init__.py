"""The commands as far as they need no TensorFlow: a module for each, with its parser and its checks."""
