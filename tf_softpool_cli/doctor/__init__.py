"""The checks of `tf-softpool doctor`: those that need TensorFlow run in a process of their own."""
