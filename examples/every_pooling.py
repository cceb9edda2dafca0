"""Replaces a network's max pooling with every other pooling, and compares accuracy before and after training.

Usage: python examples/every_pooling.py [--epochs 3]
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf_softpool as tsp
from tf_softpool_cli.names import POOLINGS

KINDS = ("max", "average", *POOLINGS)


def main():
    """Trains a network, replaces its pooling with each kind in turn, and trains each result equally long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3, help="epochs to train each pooling (%(default)s)")
    arguments = parser.parse_args()
    console = Console()
    keras.utils.set_random_seed(0)
    train_x, train_y, test_x, test_y = digits.data()
    model = digits.network()
    with console.status("training with max pooling"):
        model.fit(train_x, train_y, batch_size=32, epochs=12, verbose=0)
    table = Table("pooling", "same weights", f"after {arguments.epochs} epochs", "how it starts")
    for kind in track(KINDS, "replacing", console=console, transient=True):
        new, report = tsp.replace_pooling(model, {"max": kind})
        digits.compile_for_digits(new, learning_rate=5e-4)
        before = new.evaluate(test_x, test_y, verbose=0)[1]
        new.fit(train_x, train_y, batch_size=32, epochs=arguments.epochs, verbose=0)
        after = new.evaluate(test_x, test_y, verbose=0)[1]
        table.add_row(kind, f"{before:.2%}", f"{after:.2%}", report.replaced[0].note)
    console.print(table)


if __name__ == "__main__":
    main()
