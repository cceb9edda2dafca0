"""What TensorFlow's ops give, computed in a process of its own. The module is also that process's program."""

import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
from poolings import POOLINGS


def inputs_of(name, case, data_format, dtype, pool):
    """Returns a pooling's tensors, and a gradient of its result, for both frameworks.

    `pool` pools the tensors, so that the shape of the gradient is known.
    """
    tensors = POOLINGS[name].inputs(case, data_format, dtype)
    shape = np.asarray(pool(*tensors)).shape
    return tensors, np.random.default_rng(7).normal(size=shape).astype(dtype)


class TensorFlow:
    """A process that pools with TensorFlow's ops."""

    def __init__(self):
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def ask(self, name, *arguments):
        """Returns what one of the functions below returns."""
        pickle.dump((name, arguments), self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def end(self):
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(60)


def value_and_gradients(name, case, padding, data_format, dtype):
    """Returns a pooling's result, and the gradient of each input that has one."""
    import tensorflow as tf

    pool = POOLINGS[name](case.pool_size, case.strides, padding, data_format)
    tensors, g = inputs_of(name, case, data_format, dtype, pool)
    tensors = [tf.constant(t) for t in tensors]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = pool(*tensors)
    gradients = tape.gradient(y, tensors, tf.constant(g))
    return np.asarray(y), [None if d is None else np.asarray(d) for d in gradients]


def predictions(path, x):
    """Returns what a saved model predicts."""
    import keras

    import tf_softpool as tsp

    assert tsp.build_info()["error"] is None
    return np.asarray(keras.models.load_model(path)(x))


def save_trained(path, x, y):
    """Trains the model of `many_layers`, saves it, and returns its predictions."""
    import many_layers

    model = many_layers.model()
    model.fit(x, y, epochs=2, verbose=0)
    model.save(path)
    return np.asarray(model(x))


def main():
    """Answers questions until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    # What is printed must not come between the answers.
    os.dup2(2, 1)
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(globals()[name](*arguments), answers)
        answers.flush()


if __name__ == "__main__":
    main()
