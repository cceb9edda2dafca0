"""The commands of `tf-softpool` that need TensorFlow: a module for each, with what it does.

Their parsers are in `tf_softpool_cli`, which imports these modules only when the arguments have been checked.
"""
