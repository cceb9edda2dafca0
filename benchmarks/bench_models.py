"""Measures whole networks beside the same networks with every pooling replaced with SoftPool.

Usage: python benchmarks/bench_models.py [--threads 2] [--batch 4] [--seconds 40] [--markdown]

Each network is measured in inference and in a training step, in the same rounds as its copy.
"""

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
from bench_rows import Comparison, Peer
from bench_table import print_rows, rows_of

import tf_softpool as tsp
from tf_softpool.benchmark.measuring import measure

MODELS = {
    "ResNet50": keras.applications.ResNet50,
    "InceptionV3": keras.applications.InceptionV3,
}
SOFT = dict.fromkeys(("max", "average", "global_max", "global_average"), "soft")
ORIGINAL = Peer("the original", 1.02, 1.02)
SIZE, CLASSES = 224, 1000


def inference(model, images, labels):
    """Returns a function without arguments that computes a network's outputs."""
    graph = tf.function(lambda x: model(x, training=False), autograph=False)
    return lambda: graph(images)


def training_step(model, images, labels):
    """Returns a function without arguments that computes all gradients and applies them."""
    # Random labels teach nothing. A small rate keeps all values finite.
    optimizer = keras.optimizers.SGD(1e-6)
    optimizer.build(model.trainable_variables)

    def step(x, y):
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(y, model(x, training=True))
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    graph = tf.function(step, autograph=False)
    return lambda: graph(images, labels)


PASSES = {"inference": inference, "training step": training_step}


def measured(name, batch, seconds, rounds):
    """Yields the rows of a network: one for each pass."""
    original = MODELS[name](weights=None, classes=CLASSES, input_shape=(SIZE, SIZE, 3))
    soft, report = tsp.replace_pooling(original, SOFT)
    images = tf.random.stateless_normal((batch, SIZE, SIZE, 3), (1, 2))
    labels = tf.random.stateless_uniform((batch,), (3, 4), maxval=CLASSES, dtype=tf.int32)
    ours = f"{len(report.replaced)} poolings replaced"
    comparison = Comparison(name, ours, f"[{batch},{SIZE},{SIZE},3]", (ORIGINAL,))
    for which, make in PASSES.items():
        networks = enumerate((soft, original))
        functions = {i: make(network, images, labels) for i, network in networks}
        yield from rows_of(comparison, which, measure(functions, seconds, rounds), 1.0)


def main():
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="TensorFlow's threads (%(default)s)")
    parser.add_argument("--batch", type=int, default=4, help="how many images (%(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="by default all")
    help_seconds = "how long each pass is measured (%(default)s)"
    parser.add_argument("--seconds", type=float, default=40, help=help_seconds)
    parser.add_argument("--rounds", type=int, default=30, help="how many rounds at most (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for docs/benchmarks.md")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    info = tsp.build_info()
    if info["library"] is None:
        raise SystemExit(f"There is no compiled library to measure: {info['error']}")
    rows = []
    for name in arguments.models:
        rows += measured(name, arguments.batch, arguments.seconds, arguments.rounds)
        print(f"{name} is measured.", file=sys.stderr)
    title = f"{arguments.threads} threads, {info['simd_target']}, TensorFlow {info['tensorflow_running']}"
    print_rows(title, f"The load was {load:.1f} before.", rows, arguments.markdown)


if __name__ == "__main__":
    main()
