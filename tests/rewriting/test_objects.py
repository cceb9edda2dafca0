"""The user's functions, classes and objects in layers and in how a model is compiled."""

import functools
import json

import h5py
import keras
import numpy as np
import pytest
from keras_file_examples import SOFT, L, X
from keras_versions import FUNCTIONS_THAT_REGULARIZE

import tf_softpool as tsp


def clipped(x):
    return keras.ops.minimum(keras.ops.relu(x), 0.5)


def relu(x):
    """Not Keras's `relu`, which has the same name."""
    return keras.ops.relu(x) + 7.0


def squares(x):
    return keras.ops.sum(x * x)


def doubled(shape, dtype=None):
    return 2.0 * keras.ops.ones(shape, dtype)


class Own(L.Layer):
    """A layer that is not registered."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units))

    def call(self, x):
        return x @ self.kernel

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Weighted(keras.regularizers.Regularizer):
    """A regularizer whose config leaves out its argument."""

    def __init__(self, weight=1.0):
        self.weight = weight

    def __call__(self, x):
        return self.weight * keras.ops.sum(x)

    def get_config(self):
        return {}


class WholeConfig(Weighted):
    def get_config(self):
        return {"weight": self.weight}


class Threshold(keras.metrics.Mean):
    """A metric whose config leaves out its argument."""

    def __init__(self, limit=0.0, name="threshold", dtype=None):
        super().__init__(name, dtype)
        self.limit = limit

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(keras.ops.cast(y_pred > self.limit, "float32"))


class Slow(keras.optimizers.SGD):
    """An optimizer whose config leaves out its argument."""

    def __init__(self, slowness=1.0, **kwargs):
        super().__init__(**kwargs)
        self.slowness = slowness

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient / self.slowness, variable, learning_rate)


def stack(*layers):
    return keras.Sequential([keras.Input((8, 8, 3)), *layers, L.MaxPooling2D(2, name="pool")])


def sequence(layer):
    return keras.Sequential([keras.Input((8, 3)), L.MaxPooling1D(2), layer])


LAMBDA = eval("lambda x: x * 0.5")  # its source cannot be found, as in an interactive session
MODELS = {
    "function": lambda: stack(L.Conv2D(2, 3, activation=clipped)),
    "a name that Keras has": lambda: stack(L.Conv2D(2, 3, activation=relu)),
    "lambda": lambda: stack(L.Conv2D(2, 3, activation=LAMBDA)),
    "two lambdas": lambda: stack(
        L.Conv2D(2, 3, activation=lambda x: x + 1), L.Dense(2, activation=lambda x: x + 2)
    ),
    "regularizer": lambda: stack(L.Conv2D(2, 3, kernel_regularizer=squares)),
    "initializer": lambda: stack(L.Conv2D(2, 3, kernel_initializer=doubled)),
    "constraint": lambda: stack(L.Conv2D(2, 3, kernel_constraint=clipped)),
    "in a cell": lambda: sequence(L.RNN(L.SimpleRNNCell(2, activation=LAMBDA))),
    "in a wrapper": lambda: stack(L.TimeDistributed(L.Dense(2, activation=LAMBDA))),
    "lambda layer": lambda: stack(L.Lambda(LAMBDA, output_shape=(8, 8, 3)), L.Conv2D(2, 3)),
    "lambda layer in a wrapper": lambda: stack(L.TimeDistributed(L.Lambda(LAMBDA, output_shape=(8, 3)))),
    "own layer": lambda: stack(Own(3)),
    "own layer in a wrapper": lambda: stack(L.TimeDistributed(Own(3))),
    "own regularizer": lambda: stack(L.Conv2D(2, 3, kernel_regularizer=WholeConfig(3.0))),
    "own regularizer without a config": lambda: stack(L.Conv2D(2, 3, kernel_regularizer=Weighted(3.0))),
    "own regularizer in a wrapper": lambda: stack(
        L.TimeDistributed(L.Dense(2, kernel_regularizer=WholeConfig(3.0)))
    ),
}


def with_marks(names):
    """Returns names of models as a table, with a mark for those that not every version of Keras allows."""
    return [
        pytest.param(name, marks=FUNCTIONS_THAT_REGULARIZE if name in ("regularizer", "constraint") else ())
        for name in names
    ]


@pytest.mark.parametrize("what", with_marks(MODELS))
def test_copies_have_the_same_functions_and_objects(what):
    model = MODELS[what]()
    x = X if len(model.inputs[0].shape) == 4 else X[:, :, 0]
    before, losses = np.asarray(model(x)), [float(loss) for loss in model.losses]
    new, report = tsp.replace_pooling(model, SOFT)
    assert len(report.replaced) == 1
    back, _ = tsp.replace_pooling(new, {"soft": "max"})
    np.testing.assert_array_equal(back(x), before)
    np.testing.assert_array_equal(model(x), before)
    assert [float(loss) for loss in back.losses] == losses
    assert [float(loss) for loss in model.losses] == losses


def test_functions_are_those_of_the_model_afterwards():
    model = MODELS["function"]()
    new, _ = tsp.replace_pooling(model, SOFT)
    assert new.layers[0].activation is model.layers[0].activation is clipped


@FUNCTIONS_THAT_REGULARIZE
def test_functions_that_regularize_are_those_of_the_model_afterwards():
    regularized, _ = tsp.replace_pooling(MODELS["regularizer"](), SOFT)
    assert regularized.layers[0].kernel_regularizer is squares
    assert regularized.layers[0].kernel.regularizer is squares


def test_functions_come_back_after_an_error():
    model = MODELS["function"]()
    with pytest.raises(ValueError, match="must be a Keras layer"):
        tsp.replace_pooling(model, {"max": lambda layer: 3})
    assert model.layers[0].activation is clipped


OBJECTS = {"clipped": clipped, "relu": relu, "squares": squares, "doubled": doubled, "Own": Own}
OBJECTS |= {"WholeConfig": WholeConfig}
ON_DISK = ["function", "regularizer", "initializer", "constraint", "own layer", "own layer in a wrapper"]


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("what", with_marks([*ON_DISK, "own regularizer", "own regularizer in a wrapper"]))
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_custom_objects_hold_to_the_end(tmp_path, what, suffix):
    model = MODELS[what]()
    before = np.asarray(model(X))
    model.save(tmp_path / f"in.{suffix}")
    report = tsp.replace_pooling_in_file(
        tmp_path / f"in.{suffix}", tmp_path / "soft.keras", SOFT, custom_objects=OBJECTS
    )
    assert report.check.passed
    assert report.check.ran
    tsp.replace_pooling_in_file(
        tmp_path / "soft.keras", tmp_path / "max.keras", {"soft": "max"}, custom_objects=OBJECTS
    )
    back = keras.models.load_model(tmp_path / "max.keras", custom_objects=OBJECTS)
    np.testing.assert_array_equal(back(X), before)


def test_lambda_layers_in_files_need_safe_mode_off(tmp_path):
    stack(L.Lambda(lambda x: x * 0.5, output_shape=(8, 8, 3))).save(tmp_path / "in.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT)
    tsp.replace_pooling_in_file(tmp_path / "in.keras", tmp_path / "out.keras", SOFT, safe_mode=False)
    loaded = keras.models.load_model(tmp_path / "out.keras", safe_mode=False)
    np.testing.assert_allclose(loaded(X), tsp.soft_pool(X * 0.5, 2), rtol=1e-6)


def compiled(optimizer="sgd", metrics=()):
    model = keras.Sequential([keras.Input((8, 8, 3)), L.MaxPooling2D(8), L.Flatten(), L.Dense(1)])
    model.compile(optimizer, "mse", metrics=list(metrics))
    return model


@pytest.mark.filterwarnings("ignore:The config of")
def test_metrics_that_no_config_describes_are_shared():
    model = compiled(metrics=[Threshold(0.75)])
    new, report = tsp.replace_pooling(model, {"max": "average"})
    assert [note for note in report.notes if "share the metric 'threshold'" in note and "limit" in note]
    back, _ = tsp.replace_pooling(new, {"average": "max"})
    expected = model.evaluate(X, np.ones((2, 1)), verbose=0, return_dict=True)
    assert back.evaluate(X, np.ones((2, 1)), verbose=0, return_dict=True) == expected


@pytest.mark.filterwarnings("ignore:The config of")
def test_optimizers_get_what_no_config_describes():
    model = compiled(Slow(4.0, learning_rate=0.1))
    new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert new.optimizer.slowness == 4.0
    assert [note for note in report.notes if "slowness" in note]


@pytest.mark.filterwarnings("ignore:.*HDF5", "ignore:The file names")
@pytest.mark.parametrize("function", [clipped, lambda x: keras.ops.minimum(keras.ops.relu(x), 0.5)])
def test_functions_without_a_name_in_files_of_keras_2(tmp_path, function):
    model = stack(L.Conv2D(2, 3, activation="relu"))
    model.save(tmp_path / "in.h5")
    with h5py.File(tmp_path / "in.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["activation"] = "<lambda>"
        file.attrs.update(model_config=json.dumps(config), keras_version="2.2.4-tf")
    with pytest.raises(
        ValueError, match=r"activation of its Conv2D 'conv2d.*' is a function '<lambda>'.*custom_objects"
    ):
        tsp.replace_pooling_in_file(tmp_path / "in.h5", tmp_path / "out.keras", SOFT)
    report = tsp.replace_pooling_in_file(
        tmp_path / "in.h5", tmp_path / "out.keras", SOFT, custom_objects={"<lambda>": function}
    )
    name = "clipped" if function is clipped else "lambda_function"
    assert [note for note in report.notes if repr(name) in note]
    loaded = keras.models.load_model(tmp_path / "out.keras", custom_objects={name: function})
    np.testing.assert_allclose(loaded(X), tsp.soft_pool(clipped(model.layers[0](X) * 1.0), 2), rtol=1e-6)


class Hidden(Weighted):
    """Keeps its argument under a private name."""

    def __init__(self, weight=1.0):
        self._weights = [weight, weight]

    def __call__(self, x):
        return self._weights[1] * keras.ops.sum(x)


class Callable:
    def __call__(self, x):
        return x * 0.5


LOSSES = {
    "private": lambda: stack(L.Conv2D(2, 3, kernel_regularizer=Hidden(3.0))),
    "in a wrapper": lambda: stack(L.TimeDistributed(L.Dense(2, kernel_regularizer=Weighted(3.0)))),
    "private in a wrapper": lambda: stack(L.TimeDistributed(L.Dense(2, kernel_regularizer=Hidden(3.0)))),
    "in a cell": lambda: sequence(L.LSTM(2, kernel_regularizer=Weighted(3.0))),
    "a callable object": lambda: stack(L.Conv2D(2, 3, activation=Callable(), kernel_regularizer="l2")),
    "a partial function": lambda: stack(
        L.Conv2D(2, 3, activation=functools.partial(keras.ops.clip, x_min=0, x_max=1), bias_regularizer="l2")
    ),
}


@pytest.mark.parametrize("what", LOSSES)
def test_losses_of_layers_stay(what):
    model = LOSSES[what]()
    x = X if len(model.inputs[0].shape) == 4 else X[:, :, 0]
    new, report = tsp.replace_pooling(model, SOFT)
    assert not report.notes
    back, _ = tsp.replace_pooling(new, {"soft": "max"})
    np.testing.assert_array_equal(back(x), model(x))
    assert [float(loss) for loss in back.losses] == [float(loss) for loss in model.losses]


class Needing(Threshold):
    """A metric whose config leaves out an argument that it needs."""

    def __init__(self, limit, name="needing", dtype=None):
        super().__init__(limit, name, dtype)


@pytest.mark.filterwarnings("ignore:No Needing can be made")
def test_metrics_that_no_config_makes_are_shared():
    model = compiled(metrics=[Needing(0.75)])
    new, report = tsp.replace_pooling(model, {"max": "average"})
    assert new.compiled
    assert [note for note in report.notes if "share the metric 'needing'" in note]
    back, _ = tsp.replace_pooling(new, {"average": "max"})
    expected = model.evaluate(X, np.ones((2, 1)), verbose=0, return_dict=True)
    assert back.evaluate(X, np.ones((2, 1)), verbose=0, return_dict=True) == expected
