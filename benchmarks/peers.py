"""What is measured: our poolings and the others that do the same work, as functions of a tensor."""

import tensorflow as tf

import tf_softpool as tsp


def ours(k, s):
    """SoftPool, compiled."""
    return lambda x: tsp.soft_pool(x, k, s)


def average(k, s):
    """TensorFlow's average pooling, the same walk without weights."""
    return lambda x: tf.nn.avg_pool2d(x, k, s, "VALID")


def maximum(k, s):
    """TensorFlow's max pooling."""
    return lambda x: tf.nn.max_pool2d(x, k, s, "VALID")


def composed(k, s):
    """SoftPool as it is usually written, of TensorFlow's ops. It overflows beyond 88."""

    def pool(x):
        e = tf.exp(x)
        return tf.nn.avg_pool2d(x * e, k, s, "VALID") / tf.nn.avg_pool2d(e, k, s, "VALID")

    return pool


def portable(k, s):
    """SoftPool in standard operations, stable: what portable exports contain."""

    def pool(x):
        with tsp.portable():
            return tsp.soft_pool(x, k, s)

    return pool


PEERS = {
    "soft_pool": ours,
    "avg_pool2d": average,
    "max_pool2d": maximum,
    "composed": composed,
    "portable": portable,
}


def forward(pool):
    """The pooling alone, as a graph."""
    return tf.function(pool)


def forward_and_backward(pool):
    """The pooling and the gradient of its input, as a graph."""

    @tf.function
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x)
        return y, tape.gradient(y, x)

    return both
