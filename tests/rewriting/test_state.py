"""`replace_pooling`: the state other than weights that a copy takes over from the model."""

import keras
import numpy as np
import pytest

import tf_softpool as tsp

L = keras.layers


def network(**policies):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(2, 3, name="conv", kernel_regularizer="l2", **policies),
            L.MaxPooling2D(name="pool", **policies),
            L.Dropout(0.5, seed=3, name="drop"),
            L.GlobalAveragePooling2D(name="mean"),
        ]
    )


X = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
Y = np.zeros((4, 2), "float32")


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_trainable_flags_policies_and_compile_state():
    model = network(dtype="mixed_bfloat16", trainable=False)
    model.compile(keras.optimizers.SGD(0.125, momentum=0.5), "mae", metrics=["mse"])
    new, _ = tsp.replace_pooling(model, {"max": "soft"})
    assert not new.get_layer("conv").trainable
    assert new.get_layer("pool").compute_dtype == "bfloat16"
    assert new.compiled
    assert new.loss == "mae"
    assert float(new.optimizer.learning_rate) == 0.125
    new.fit(X, Y, verbose=0)


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.5),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "nadam": lambda: keras.optimizers.Nadam(0.1, use_ema=True),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_where_it_was(name):
    model = network()
    model.compile(OPTIMIZERS[name](), "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    new, report = tsp.replace_pooling(model, {"max": "max"})
    assert report.check.passed
    for each in (model, new):
        each.fit(X, Y, epochs=2, verbose=0)
    # With Keras 3.5, only the inner one of two optimizers counts.
    assert int(getattr(new.optimizer, "inner_optimizer", new.optimizer).iterations) == 5
    for old, copy in zip(model.variables, new.variables, strict=True):
        np.testing.assert_array_equal(old, copy)
    for old, copy in zip(model.optimizer.variables, new.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, copy)


def test_an_optimizer_beside_new_variables():
    model = network()
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    new, report = tsp.replace_pooling(model, {"max": "sorted"})
    assert report.check.added == 1
    old = {v.path: np.array(v) for v in model.optimizer.variables}
    copied = {v.path: np.array(v) for v in new.optimizer.variables}
    assert len(copied) == len(old) + 2
    for path, value in old.items():
        np.testing.assert_array_equal(copied[path], value)
    new.fit(X, Y, verbose=0)


def test_functions_a_model_was_compiled_with():
    def loss(truth, prediction):
        return keras.ops.mean(keras.ops.abs(truth - prediction))

    model = network()
    model.compile("sgd", loss, metrics=[loss, "mse"])
    new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert new.loss is loss
    assert model.compiled
    assert not report.notes
    new.evaluate(X, Y, verbose=0)


def weighted(weight):
    def loss(truth, prediction):
        return weight * keras.ops.mean(keras.ops.square(truth - prediction))

    return loss


def test_functions_of_one_name():
    i = keras.Input((8, 8, 3))
    x = L.GlobalAveragePooling2D()(L.MaxPooling2D()(i))
    model = keras.Model(i, [L.Dense(2)(x), L.Dense(2)(x)])
    model.compile("sgd", loss=[weighted(1.0), weighted(1000.0)])
    new, report = tsp.replace_pooling(model, {"max": "max"})
    assert not report.notes
    losses = [each.evaluate(X, [Y, Y], verbose=0, return_dict=True)["loss"] for each in (model, new)]
    assert losses[0] == losses[1]


def test_what_is_frozen_stays_frozen():
    i = keras.Input((6, 4))
    attention = L.MultiHeadAttention(2, 3, name="attention")
    conv = L.Conv1D(3, 2, name="conv")
    model = keras.Model(i, L.MaxPooling1D()(conv(attention(i, i))))
    attention._query_dense.trainable = False
    conv.bias.trainable = False
    new, _ = tsp.replace_pooling(model, {"max": "soft"})
    names = [[v.path for v in each.trainable_variables] for each in (model, new)]
    assert names[0] == names[1]
    assert len(names[0]) == 7


def test_what_was_frozen_after_compilation_goes_on_too():
    model = network()
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    model.get_layer("conv").trainable = False
    new, _ = tsp.replace_pooling(model, {"max": "max"})
    assert not new.trainable_variables
    for each in (model, new):
        each.get_layer("conv").trainable = True
        each.fit(X, Y, verbose=0)
    for old, copy in zip(model.variables, new.variables, strict=True):
        np.testing.assert_array_equal(old, copy)


class Scale(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = 1.0

    def call(self, x):
        return self.scale * x


def test_attributes_that_no_config_tells_are_noted():
    model = keras.Sequential([keras.Input((8, 8, 3)), Scale(name="scale"), L.MaxPooling2D()])
    _, report = tsp.replace_pooling(model, {"max": "max"})
    assert not report.notes
    model.get_layer("scale").scale = 5.0
    with pytest.warns(UserWarning, match="scale = 5.0, but its copy has 1.0"):
        tsp.replace_pooling(model, {"max": "max"})


def test_policies_of_models_and_regularizers_of_poolings():
    i = keras.Input((8, 8, 3))
    model = keras.Model(i, L.MaxPooling2D(activity_regularizer="l2", name="pool")(i))
    model.dtype_policy = "mixed_bfloat16"
    new, _ = tsp.replace_pooling(model, {"max": "soft"})
    assert new.dtype_policy.name == "mixed_bfloat16"
    new(X)
    assert len(new.losses) == 1


class OwnCompile(keras.Model):
    def compile(self, strength, **kwargs):
        super().compile(**kwargs)
        self.strength = strength


def test_what_cannot_be_compiled_alike_is_said():
    i = keras.Input((8, 8, 3))
    model = OwnCompile(i, L.MaxPooling2D()(i))
    model.compile(3, optimizer="sgd", loss="mse")
    with pytest.warns(UserWarning, match="Compile the copy"):
        new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert not new.compiled
    assert "Compile the copy" in report.notes[0]


def test_state_outside_of_variables():
    words = L.TextVectorization(output_sequence_length=4, name="words")
    words.adapt(["to be or not to be", "that is the question"])
    text = keras.Sequential(
        [keras.Input((), dtype="string"), words, L.Embedding(20, 3), L.GlobalMaxPooling1D()]
    )
    scale = L.Normalization(name="scale")
    scale.adapt(np.random.default_rng(0).normal(7, 3, (50, 2)))
    numbers = keras.Sequential([keras.Input((6, 2)), L.TimeDistributed(scale), L.MaxPooling1D()])
    for model, x in ((text, np.array(["to be", "is that"])), (numbers, np.ones((2, 6, 2)))):
        new, _ = tsp.replace_pooling(model, {"max": "max", "global_max": "max"})
        x = keras.ops.convert_to_tensor(x)
        np.testing.assert_array_equal(new(x), model(x))


def test_what_is_not_carried_is_seen():
    model = network()
    new, report = tsp.replace_pooling(model, {"max": lambda layer: L.Conv2D(2, 2, strides=3)})
    assert report.check.added == 2
    assert not report.check.shapes_equal or new.output_shape == model.output_shape
    new, report = tsp.replace_pooling(model, {"global_average": lambda layer: L.Flatten()})
    assert report.check.shapes_equal is False
    assert not report.check.passed
    assert "CHANGED" in str(report)


@pytest.mark.parametrize("mode", ["int8", "float8"])
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantized_layers(mode):
    """Their variables are made in another order when they are made from a config."""
    model = keras.Sequential([keras.Input((8, 8, 4)), L.MaxPooling2D(2), L.Flatten(), L.Dense(8), L.Dense(2)])
    model.quantize(mode)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert report.check.carried == len(model.variables)
    back, _ = tsp.replace_pooling(new, {"soft": "max"})
    np.testing.assert_array_equal(back(x), model(x))
