"""Models that are changed in place, and go on learning."""

import keras
import numpy as np
import pytest
from in_place import IN_PLACE
from keras_file_examples import L

import tf_softpool as tsp

X = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
Y = np.zeros((4, 2), "float32")
pytestmark = pytest.mark.filterwarnings(*IN_PLACE, "ignore:Compile model")


class Quickstart(keras.Model):
    """A model without a config, as in tutorials."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = L.Conv2D(4, 3), L.MaxPooling2D(2)
        self.flatten, self.dense = L.Flatten(), L.Dense(2)

    def call(self, inputs):
        return self.dense(self.flatten(self.pool(self.conv(inputs))))


class Wrapped(keras.Model):
    def __init__(self):
        super().__init__()
        self.net = keras.Sequential([L.Conv2D(4, 3), L.MaxPooling2D(2), L.Flatten(), L.Dense(2)])

    def call(self, inputs):
        return self.net(inputs)


class Blocks(keras.Model):
    def __init__(self, width=4):
        super().__init__()
        self.first = L.Conv2D(width, 3)
        self.blocks = [
            keras.Sequential([L.MaxPooling2D(2), L.Conv2D(width, 1)]),
            keras.Sequential([L.GlobalAveragePooling2D(), L.Dense(2)]),
        ]

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x

    def get_config(self):
        raise NotImplementedError


class OwnCompile(Quickstart):
    def compile(self, speed=1.0):
        super().compile(keras.optimizers.SGD(speed), "mse")


@pytest.mark.each_value
@pytest.mark.parametrize("make", [Quickstart, Wrapped, Blocks])
@pytest.mark.parametrize("kind", ["soft", "sorted"])
@pytest.mark.parametrize("epochs", [0, 2])
def test_training_goes_on(make, kind, epochs):
    keras.utils.set_random_seed(0)
    model = make()
    model(X)
    if epochs:
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        model.fit(X, Y, epochs=epochs, verbose=0)
        state = [np.asarray(v) for v in model.optimizer.variables]
    values, count = [np.asarray(v) for v in model.variables], len(model.variables)
    new, report = tsp.replace_pooling(model, {"max": kind}, in_place=True)
    assert new is model
    added = 1 if kind == "sorted" else 0
    assert (report.check.carried, report.check.added, report.check.dropped) == (count, added, 0)
    kept = [v for v in model.variables if not v.path.endswith("rank_logits")]
    for value, variable in zip(values, kept, strict=True):
        np.testing.assert_array_equal(value, variable)
    if not epochs:
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        return
    assert int(model.optimizer.iterations) == epochs
    moments = [np.asarray(v) for v in model.optimizer.variables]
    assert sorted(float(v.sum()) for v in moments if v.any()) == sorted(
        float(v.sum()) for v in state if v.any()
    )
    model.fit(X, Y, verbose=0)
    assert int(model.optimizer.iterations) == epochs + 1
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "mae"}
    if kind == "sorted":
        logits = next(v for v in model.variables if v.path.endswith("rank_logits"))
        before = np.asarray(logits)
        model.fit(X, Y, epochs=3, verbose=0)
        assert not np.array_equal(before, logits)


@pytest.mark.filterwarnings("ignore:Compile")
def test_a_class_with_its_own_compile_is_said():
    model = OwnCompile()
    model.compile()
    model.fit(X, Y, verbose=0)
    _, report = tsp.replace_pooling(model, {"max": "sorted"}, in_place=True)
    assert [note for note in report.notes if note.startswith("Compile model")]
    model.compile()
    model.fit(X, Y, verbose=0)


def test_an_optimizer_that_knows_all_variables_stays():
    model = Quickstart()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    optimizer = model.optimizer
    tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert model.optimizer is optimizer
    model.fit(X, Y, verbose=0)


class OwnOptimizer(Quickstart):
    """Trains with an optimizer of its own, as generators and discriminators do."""

    def compile(self, mine):
        super().compile()
        self.mine = mine

    def train_step(self, data):
        raise NotImplementedError


def test_an_optimizer_of_the_models_own_is_said():
    model = OwnOptimizer()
    model(X)
    model.compile(keras.optimizers.Adam())
    model.mine.build(model.trainable_variables)
    _, report = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert not [note for note in report.notes if "its own optimizers" in note]
    _, report = tsp.replace_pooling(model, {"soft": "gated"}, in_place=True)
    assert [note for note in report.notes if "its own optimizers" in note]


class Described(Quickstart):
    """A model whose config makes it, so that the copy is another object."""

    def get_config(self):
        return {}


def test_a_copy_of_a_subclassed_model_goes_on():
    model = Described()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    new, report = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert new is not model
    assert int(new.optimizer.iterations) == 3
    assert not [note for note in report.notes if "compiled" in note or "train_function" in note]


class Shared(keras.Model):
    """A pooling that two parts of the model hold."""

    def __init__(self):
        super().__init__()
        pool = L.MaxPooling2D(2)
        self.first, self.second = [L.Conv2D(2, 3), pool], [L.Conv2D(2, 3, padding="same"), pool]
        self.blocks = [Block(pool), Block(pool)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Block(L.Layer):
    def __init__(self, pool):
        super().__init__()
        self.conv, self.pool = L.Conv2D(2, 3, padding="same"), pool

    def call(self, x):
        return self.pool(self.conv(x))


def test_a_pooling_that_several_layers_hold_stays_one():
    model = Shared()
    model(X)
    _, report = tsp.replace_pooling(model, {"max": "sorted"}, in_place=True)
    assert len({id(block.pool) for block in model.blocks} | {id(model.first[1])}) == 1
    assert report.check.added == 1
