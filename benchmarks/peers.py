"""Our poolings, and their peers that do the same work, as functions of a tensor.

Each maker takes the window's size `k` and the stride `s`, and returns a function of a tensor.
"""

import tensorflow as tf

import tf_softpool as tsp


def soft_pool(k, s):
    """Makes our compiled SoftPool."""
    return lambda x: tsp.soft_pool(x, k, s)


def average(k, s):
    """Makes TensorFlow's average pooling, which passes over the same windows without weights."""
    return lambda x: tf.nn.avg_pool2d(x, k, s, "VALID")


def maximum(k, s):
    """Makes TensorFlow's max pooling."""
    return lambda x: tf.nn.max_pool2d(x, k, s, "VALID")


def composed(k, s):
    """Makes SoftPool as it is usually composed of TensorFlow's ops, which overflows for values above 88."""

    def pool(x):
        e = tf.exp(x)
        return tf.nn.avg_pool2d(x * e, k, s, "VALID") / tf.nn.avg_pool2d(e, k, s, "VALID")

    return pool


def sorted_pool(k, s):
    """Makes our compiled sorted-weight pooling, with all ranks kept."""
    logits = _logits(k)
    return lambda x: tsp.sorted_pool(x, logits, k, s)


def importance_pool(k, s):
    """Makes our compiled importance pooling. Its logits are a tensor of their own, and get gradients too."""
    logits = {}

    def pool(x):
        if x.shape not in logits:
            with tf.init_scope():
                logits[x.shape] = tf.Variable(tf.random.stateless_normal(x.shape, (5, 6)))
        return tsp.importance_pool(x, logits[x.shape], k, s)

    return pool


def detail_preserving_pool(k, s):
    """Makes our compiled detail-preserving pooling, with the windows' averages as guide."""
    alpha, lam = tf.Variable(1.0), tf.Variable(1.0)
    return lambda x: tsp.detail_preserving_pool(x, None, alpha, lam, k, s)


def composed_details(k, s):
    """Makes detail-preserving pooling of TensorFlow's ops. Overlapping windows are cut into patches."""
    alpha, lam = tf.Variable(1.0), tf.Variable(1.0)

    def weights(x, guide):
        return alpha + tf.pow(tf.square(x - guide) + 1e-6, lam / 2)

    def pool(x):
        guide = tf.nn.avg_pool2d(x, k, s, "VALID")
        w = weights(x, tf.repeat(tf.repeat(guide, s, axis=1), s, axis=2))
        return tf.nn.avg_pool2d(w * x, k, s, "VALID") / tf.nn.avg_pool2d(w, k, s, "VALID")

    def pool_patches(x):
        patches = _patches(x, k, s)
        w = weights(patches, tf.reduce_mean(patches, axis=-1, keepdims=True))
        return tf.reduce_sum(w * patches, axis=-1) / tf.reduce_sum(w, axis=-1)

    return pool if k == s else pool_patches


def gather_sort(k, s):
    """Makes sorted-weight pooling as it is usually written: patches sorted by `tf.sort`, and a product."""
    logits = _logits(k)
    return lambda x: _weigh(tf.sort(_patches(x, k, s), direction="DESCENDING"), logits)


def gather_top_k(k, s):
    """Makes the same with `tf.math.top_k`, which the article used at first."""
    logits = _logits(k)
    return lambda x: _weigh(tf.math.top_k(_patches(x, k, s), k * k).values, logits)


def _logits(k):
    return tf.Variable(tf.random.stateless_normal((k * k,), (3, 4)))


def _patches(x, k, s):
    patches = tf.image.extract_patches(x, (1, k, k, 1), (1, s, s, 1), (1, 1, 1, 1), "VALID")
    rows, columns = patches.shape[1:3]
    patches = tf.reshape(patches, (-1, rows, columns, k * k, x.shape[-1]))
    return tf.transpose(patches, (0, 1, 2, 4, 3))


def _weigh(ranked, logits):
    return tf.linalg.matvec(ranked, tf.nn.softmax(logits))


def portable(pooling):
    """Returns a maker of a pooling's portable form. The form is stable, and portable exports contain it."""

    def make(k, s):
        compiled = pooling(k, s)

        def pool(x):
            with tsp.portable():
                return compiled(x)

        return pool

    return make


PEERS = {
    "soft_pool": soft_pool,
    "sorted_pool": sorted_pool,
    "importance_pool": importance_pool,
    "detail_preserving_pool": detail_preserving_pool,
    "avg_pool2d": average,
    "max_pool2d": maximum,
    "composed": composed,
    "composed_details": composed_details,
    "gather_sort": gather_sort,
    "gather_top_k": gather_top_k,
    "soft_pool portable": portable(soft_pool),
    "sorted_pool portable": portable(sorted_pool),
    "importance_pool portable": portable(importance_pool),
    "detail_preserving_pool portable": portable(detail_preserving_pool),
}


def forward(pool):
    """Returns the pooling alone."""
    return pool


def forward_and_backward(pool):
    """Returns a function that pools, and computes the gradients of the input and of the weights, if any.

    The gradient of the output is made in the first call and is not measured.
    """
    gradients = {}

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x)
        if y.shape not in gradients:
            with tf.init_scope():
                gradients[y.shape] = tf.random.stateless_normal(y.shape, (7, 8))
        return y, tape.gradient(y, [x, *tape.watched_variables()], gradients[y.shape])

    return both
