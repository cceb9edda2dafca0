"""The checks of `tf-softpool doctor`: first what needs no TensorFlow, then the rest in a process of its own."""
