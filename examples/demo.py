"""The main workflow, end to end: replace a network's max pooling, fine-tune, save and serve the network.

Usage: python examples/demo.py [--out out/demo]
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

# This import comes first, so that no other module imports TensorFlow before it.
import quiet  # noqa: F401

# isort: split
import digits
import keras
import numpy as np
import photograph
import ranks
import tensorflow as tf
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import tf_softpool as tsp

console = Console()


class Bar(keras.callbacks.Callback):
    """A callback that shows the progress of a fit in one line."""

    def __init__(self, progress, title, epochs):
        super().__init__()
        self.progress, self.task = progress, progress.add_task(title, total=epochs)

    def on_epoch_end(self, epoch, logs=None):
        """Advances the bar by one epoch."""
        self.progress.advance(self.task)


def fit(model, x, y, epochs, title):
    """Trains a model, with a progress bar."""
    with Progress(console=console) as progress:
        bar = Bar(progress, title, epochs)
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=0, callbacks=[bar])


def accuracy(model, x, y):
    """Returns the share of digits that a model reads right."""
    return model.evaluate(x, y, verbose=0)[1]


def train_and_replace():
    """Trains with max pooling, replaces it and fine-tunes. Returns the soft model and the test images."""
    train_x, train_y, test_x, test_y = digits.data()
    model = digits.network()
    fit(model, train_x, train_y, 12, "training with max pooling")
    before = accuracy(model, test_x, test_y)

    longer, _ = tsp.replace_pooling(model, {"max": "max"})  # a copy to train for as long
    soft, report = tsp.replace_pooling(model, {"max": "soft"})
    console.print(str(report))
    ranked, _ = tsp.replace_pooling(model, {"max": "sorted"})
    soft_before, ranked_before = accuracy(soft, test_x, test_y), accuracy(ranked, test_x, test_y)
    copies = {"SoftPool": soft, "sorted pooling": ranked, "max pooling": longer}
    for title, copy in copies.items():
        digits.compile_for_digits(copy, learning_rate=5e-4)
        fit(copy, train_x, train_y, 4, f"fine-tuning with {title}")

    table = Table("pooling", "accuracy on test digits")
    table.add_row("max", f"{before:.2%}")
    table.add_row("max, trained for as long", f"{accuracy(longer, test_x, test_y):.2%}")
    table.add_row("SoftPool, same weights", f"{soft_before:.2%}")
    table.add_row("SoftPool, fine-tuned", f"{accuracy(soft, test_x, test_y):.2%}")
    table.add_row("sorted, same weights", f"{ranked_before:.2%}")
    table.add_row("sorted, fine-tuned", f"{accuracy(ranked, test_x, test_y):.2%}")
    console.print(table)
    return soft, test_x


def learn_ranks(out, epochs=16):
    """Trains with sorted-weight pooling from the beginning, saves the model and shows what it learned."""
    with Progress(console=console) as progress:
        bar = Bar(progress, "training with sorted-weight pooling", epochs)
        model, share, start = ranks.train("sorted", epochs, callbacks=[bar])
    console.print(f"sorted from the beginning, trained for as long in all: accuracy {share:.2%}")
    model.save(out / "ranks.keras")
    weights = ranks.rank_weights(keras.models.load_model(out / "ranks.keras"))
    table = Table("saved and loaded", "started at", "learned, largest value first")
    for name, values in weights.items():
        table.add_row(name, *(" ".join(f"{w:.3f}" for w in row) for row in (start[name], values)))
    console.print(table)
    ranks.draw(start, weights, out / "ranks.png")


def save_and_serve(model, images, out):
    """Saves and exports a model, and checks the predictions of a process that has only TensorFlow."""
    expected = model.predict(images, verbose=0)
    with console.status("saving, exporting, and serving from another process"):
        model.save(out / "digits.keras")
        loaded = keras.models.load_model(out / "digits.keras")
        np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
        tsp.export(model, out / "native")
        tsp.export(model, out / "portable", portable=True)
        np.save(out / "images.npy", images)
        server = Path(__file__).with_name("serve.py")
        files = [out / "images.npy", out / "portable", out / "native"]
        command = [sys.executable, server, *files, tsp.build_info()["library"], out / "answers.npz"]
        served = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if served.returncode:
            raise SystemExit(f"The process that serves the models failed:\n{served.stderr}")
    answers = np.load(out / "answers.npz")
    for name in ("native", "portable"):
        difference = np.abs(answers[name] - expected).max()
        if difference > 1e-5:
            raise SystemExit(f"The {name} model's predictions differ from Keras's by up to {difference}.")
        console.print(
            f"served from another process, {name}: {len(images)} predictions, "
            f"largest difference {difference:.1e}"
        )


def replace_on_disk(model, images, out):
    """Replaces SoftPool with max pooling in the saved and the exported files, and checks the predictions."""
    expected = tsp.replace_pooling(model, {"soft": "max"})[0].predict(images, verbose=0)
    with console.status("replacing pooling on disk"):
        for source, target in (("digits.keras", "digits_max.keras"), ("native", "native_max")):
            report = tsp.replace_pooling_in_file(out / source, out / target, {"soft": "max"}, overwrite=True)
            console.print(f"{source} to {target}\n{report}", soft_wrap=True)
        loaded = keras.models.load_model(out / "digits_max.keras")
        served = tf.saved_model.load(str(out / "native_max"))
        answers = {
            "digits_max.keras": loaded.predict(images, verbose=0),
            "native_max": served.serve(images),
        }
    for name, answer in answers.items():
        difference = np.abs(np.asarray(answer) - expected).max()
        if difference > 1e-5:
            raise SystemExit(f"{name} differs from the model rewritten in memory by up to {difference}.")
        console.print(f"{name} and the model rewritten in memory: largest difference {difference:.1e}")


def measure(calls=40):
    """Measures our poolings beside TensorFlow's, and prints a table."""
    x = tf.random.stateless_normal((8, 112, 112, 64), (0, 1))
    logits = tf.constant([3.0, 2.0, 1.0, 0.0])
    importance = tf.random.stateless_normal(x.shape, (2, 3))
    poolings = {
        "tf.nn.max_pool2d": lambda: tf.nn.max_pool2d(x, 2, 2, "VALID"),
        "tf.nn.avg_pool2d": lambda: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
        "tsp.soft_pool": lambda: tsp.soft_pool(x, 2),
        "tsp.sorted_pool": lambda: tsp.sorted_pool(x, logits, 2),
        "tsp.importance_pool": lambda: tsp.importance_pool(x, importance, 2),
        "tsp.detail_preserving_pool": lambda: tsp.detail_preserving_pool(x, None, 1.0, 1.0, 2),
    }
    seconds = {name: [] for name in poolings}
    with console.status("measuring"):
        for _ in range(calls):
            for name, pool in poolings.items():
                pool()
                start = time.perf_counter()
                pool()
                seconds[name].append(time.perf_counter() - start)
    table = Table("pooling, 2x2, float32 [8, 112, 112, 64]", "ms")
    for name, times in seconds.items():
        table.add_row(name, f"{1e3 * statistics.median(times):.2f}")
    console.print(table)


def main():
    """Runs all parts of the demo in order."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="the folder to write files to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    info = tsp.build_info()
    if info["library"] is None:
        raise SystemExit(f"The demo needs the compiled library: {info['error']}")
    console.print(
        f"tf_softpool {info['version']} on TensorFlow {info['tensorflow_running']}, "
        f"kernels for {info['simd_target']}"
    )
    keras.utils.set_random_seed(0)
    model, images = train_and_replace()
    learn_ranks(out)
    save_and_serve(model, images, out)
    replace_on_disk(model, images, out)
    measure()
    with console.status("drawing"):
        photograph.draw(out / "photograph.png")
        photograph.draw_every_pooling(out / "poolings.png")
    console.print(f"A photograph pooled in three ways: {out / 'photograph.png'}")
    console.print(f"The same photograph pooled in every way: {out / 'poolings.png'}")
    console.print(f"The rank weights that sorted-weight pooling learned: {out / 'ranks.png'}")


if __name__ == "__main__":
    main()
