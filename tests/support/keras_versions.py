"""Marks that skip tests with versions of Keras that lack something, and helpers that every version allows."""

import contextlib
import inspect
import io

import keras
import pytest

from tf_softpool import keras_versions


def _since(version, has):
    return pytest.mark.skipif(not has, reason=f"needs Keras {version}, and this is {keras.__version__}")


ADAPTIVE = _since("3.13", keras_versions.layer_class("AdaptiveMaxPooling2D"))
RAGGED = _since("3.9", "ragged" in inspect.signature(keras.KerasTensor).parameters)

AXES_OF_GLOROT = _since(
    "3.15", "input_axes" in inspect.signature(keras.initializers.GlorotUniform.__init__).parameters
)


def _takes_functions():
    variable = keras.Variable(0.0)
    with contextlib.suppress(ValueError):
        variable.regularizer = abs
    return variable.regularizer is abs


def _reads_layers_that_activate():
    description = keras.saving.serialize_keras_object(keras.layers.LeakyReLU())
    with contextlib.suppress(ValueError, TypeError):
        return callable(keras.activations.get(description))
    return False


LAYERS_THAT_ACTIVATE = _since("3.10", _reads_layers_that_activate())
FUNCTIONS_THAT_REGULARIZE = _since("3.15", _takes_functions())


def losses(model, x, y, steps):
    """Trains with the same batch in each step, and returns the loss of each.

    Before 3.15, `train_on_batch` returns the mean of all losses so far.
    """
    return model.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0).history["loss"]


def export(model, path):
    """Exports a SavedModel, and prints nothing. Keras 3.5 has no argument for that."""
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(path)
