"""Our poolings, and their peers that do the same work, as functions of a tensor.

Each maker takes a `Case`, and returns a function of a tensor.
"""

import keras
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.benchmark.passes import in_graph, pass_of
from tf_softpool.benchmark.poolings import made


def soft_pool(case):
    """Makes our compiled SoftPool."""
    return lambda x: tsp.soft_pool(x, *_window(case))


def global_soft_pool(case):
    """Makes our layer that pools whole images."""
    return tsp.layers.GlobalSoftPooling2D(data_format=case.data_format, dtype=case.dtype)


def average(case):
    """Makes TensorFlow's average pooling, which passes over the same windows without weights."""
    pool = tf.nn.avg_pool3d if len(case.shape) == 5 else tf.nn.avg_pool2d
    return lambda x: pool(x, case.k, case.s, case.padding.upper())


def maximum(case):
    """Makes TensorFlow's max pooling."""
    return lambda x: tf.nn.max_pool2d(x, case.k, case.s, case.padding.upper())


def keras_maximum(case):
    """Makes Keras's max pooling. With channels first on a CPU it transposes, pools and transposes back."""
    return keras.layers.MaxPooling2D(*_window(case), dtype=case.dtype)


def mean(case):
    """Makes the mean of whole images."""
    return lambda x: tf.reduce_mean(x, axis=(1, 2))


def composed(case):
    """Makes SoftPool as it is usually composed of TensorFlow's ops, which overflows for values above 88."""
    pooled = average(case)

    def pool(x):
        e = tf.exp(x)
        return pooled(x * e) / pooled(e)

    return pool


def sorted_pool(case):
    """Makes our compiled sorted-weight pooling, with all ranks kept."""
    logits = _logits(case)
    return lambda x: tsp.sorted_pool(x, logits, *_window(case))


def importance_pool(case):
    """Makes our compiled importance pooling. Its logits are a tensor of their own, and get gradients too."""
    logits = tf.Variable(tf.cast(tf.random.stateless_normal(case.shape, (5, 6)), case.dtype))
    return lambda x: tsp.importance_pool(x, logits, *_window(case))


def detail_preserving_pool(case):
    """Makes our compiled detail-preserving pooling, with the windows' averages as guide."""
    alpha, lam = tf.Variable(1.0), tf.Variable(1.0)
    return lambda x: tsp.detail_preserving_pool(x, None, alpha, lam, *_window(case))


def composed_details(case):
    """Makes detail-preserving pooling of TensorFlow's ops. Overlapping windows are cut into patches."""
    pooled, s = average(case), case.s
    alpha, lam = tf.Variable(1.0), tf.Variable(1.0)

    def weights(x, guide):
        return alpha + tf.pow(tf.square(x - guide) + 1e-6, lam / 2)

    def pool(x):
        guide = pooled(x)
        w = weights(x, tf.repeat(tf.repeat(guide, s, axis=1), s, axis=2))
        return pooled(w * x) / pooled(w)

    def pool_patches(x):
        patches = _patches(x, case)
        w = weights(patches, tf.reduce_mean(patches, axis=-1, keepdims=True))
        return tf.reduce_sum(w * patches, axis=-1) / tf.reduce_sum(w, axis=-1)

    return pool if case.k == s else pool_patches


def gather_sort(case):
    """Makes sorted-weight pooling as it is usually written: patches sorted by `tf.sort`, and a product."""
    logits = _logits(case)
    return lambda x: _weigh(tf.sort(_patches(x, case), direction="DESCENDING"), logits)


def gather_top_k(case):
    """Makes the same with `tf.math.top_k`, which the article used at first."""
    logits = _logits(case)
    return lambda x: _weigh(tf.math.top_k(_patches(x, case), case.k**2).values, logits)


def _window(case):
    return case.k, case.s, case.padding, case.data_format


def _logits(case):
    return tf.Variable(tf.random.stateless_normal((case.k**2,), (3, 4)))


def _patches(x, case):
    k, s = case.k, case.s
    patches = tf.image.extract_patches(x, (1, k, k, 1), (1, s, s, 1), (1, 1, 1, 1), "VALID")
    rows, columns = patches.shape[1:3]
    patches = tf.reshape(patches, (-1, rows, columns, k * k, x.shape[-1]))
    return tf.transpose(patches, (0, 1, 2, 4, 3))


def _weigh(ranked, logits):
    return tf.linalg.matvec(ranked, tf.nn.softmax(logits))


def layer(name, training=False, **arguments):
    """Returns a maker of one of our layers for images, called as in training or as at inference."""
    return lambda case: made(getattr(tsp.layers, f"{name}2D"), case, training, **arguments)


def adaptive_soft_pool(case):
    """Makes our layer that divides images into as many windows as the case has."""
    pooled = [1 + (n - case.k) // case.s for n in case.shape[1:-1]]
    return tsp.layers.AdaptiveSoftPooling2D(pooled, data_format=case.data_format, dtype=case.dtype)


def portable(pooling):
    """Returns a maker of a pooling's portable form. The form is stable, and portable exports contain it."""

    def make(case):
        compiled = pooling(case)

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
    "GlobalSoftPooling2D": global_soft_pool,
    "SumPooling": layer("SumPooling"),
    "PowerAveragePooling p=2": layer("PowerAveragePooling", p=2),
    "PowerAveragePooling p=3.5": layer("PowerAveragePooling", p=3.5),
    "LpPooling": layer("LpPooling", initial_p=3, per_channel=True),
    "MixedPooling": layer("MixedPooling", per_channel=True),
    "GatedPooling": layer("GatedPooling", per_channel=True),
    "StochasticPooling": layer("StochasticPooling", training=True, seed=1),
    "StochasticPooling expectation": layer("StochasticPooling", seed=1),
    "S3Pooling": layer("S3Pooling", training=True, seed=1),
    "S3Pooling inference": layer("S3Pooling", seed=1),
    "DetailPreservingPooling full": layer("DetailPreservingPooling", variant="full"),
    "AdaptiveSoftPooling": adaptive_soft_pool,
    "avg_pool": average,
    "max_pool": maximum,
    "MaxPooling2D": keras_maximum,
    "reduce_mean": mean,
    "composed": composed,
    "composed_details": composed_details,
    "gather_sort": gather_sort,
    "gather_top_k": gather_top_k,
    "soft_pool portable": portable(soft_pool),
    "sorted_pool portable": portable(sorted_pool),
    "importance_pool portable": portable(importance_pool),
    "detail_preserving_pool portable": portable(detail_preserving_pool),
}


def function_of(name, which, case):
    """Returns a peer's pass as a function of a tensor.

    The function is in an XLA program if the name ends in " xla", and in no graph if it ends in " eager".
    """
    plain = name.removesuffix(" xla").removesuffix(" eager")
    function = pass_of(PEERS[plain](case), which, case)
    return function if name.endswith(" eager") else in_graph(function, name.endswith(" xla"))
