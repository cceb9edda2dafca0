"""Whether TensorFlow looks at the results of all operations for infinities and NaN."""

import keras


def are_checked() -> bool:
    """Returns whether `tf.debugging.enable_check_numerics()` is in force in this thread.

    TensorFlow does not say so. But it then adds a check to each operation of a graph, so a graph of one
    operation shows it.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.constant(0.0)
    return len(graph.get_operations()) > 1
