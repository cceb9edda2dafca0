"""`replace_pooling` with pooling inside wrappers, and inside layers and models of other classes."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from in_place import IN_PLACE

import tf_softpool as tsp

pytestmark = pytest.mark.filterwarnings(*IN_PLACE, "ignore:No pooling was replaced")

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 16, 16, 2)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Described(L.Layer):
    """A layer whose config has the poolings that it holds."""

    def __init__(self, pools, **kwargs):
        super().__init__(**kwargs)
        self.pools = pools
        self.conv = L.Conv2D(2, 1, kernel_initializer="glorot_normal")

    def build(self, shape):
        self.conv.build(shape)

    def call(self, x):
        for pool in self.pools:
            x = pool(self.conv(x))
        return x

    def get_config(self):
        pools = [keras.saving.serialize_keras_object(p) for p in self.pools]
        return {**super().get_config(), "pools": pools}

    @classmethod
    def from_config(cls, config):
        pools = [keras.saving.deserialize_keras_object(p) for p in config.pop("pools")]
        return cls(pools, **config)


@keras.saving.register_keras_serializable("tests")
class Maker(L.Layer):
    """A layer that makes its poolings itself, in attributes and containers, and one of them in `build`."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.pool = L.MaxPooling2D(size, name="one")
        self.more = {"list": [L.MaxPooling2D(1, name="two")], "pair": (L.MaxPooling2D(1, name="three"), 1)}
        self.conv = L.Conv2D(2, 1)

    def build(self, shape):
        self.conv.build(shape)
        self.late = L.MaxPooling2D(1, name="late")

    def call(self, x):
        x = self.more["pair"][0](self.more["list"][0](self.pool(self.conv(x))))
        return self.late(x)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("tests")
class Network(keras.Model):
    """A subclassed model with a config, which holds layers and a model."""

    def __init__(self, width=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.maker = Maker(2, name="maker")
        self.body = keras.Sequential([L.Conv2D(width, 3), L.MaxPooling2D(2, name="deep")], name="body")
        self.head = L.GlobalMaxPooling2D(name="head")

    def call(self, x):
        return self.head(self.body(self.maker(x)))

    def get_config(self):
        return {"width": self.width, "name": self.name}


class Unsaid(keras.Model):
    """A model without `get_config`. The config that Keras makes for it does not have the width."""

    def __init__(self, width=3):
        super().__init__()
        self.width = width
        self.conv = L.Conv2D(width, 1)
        self.pool = L.MaxPooling2D(2, name="pool")

    def call(self, x):
        return self.pool(self.conv(x))


class Unsayable(keras.Model):
    """A model that no config can make, because its constructor takes a layer."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv
        self.pool = L.MaxPooling2D(2, name="pool")

    def call(self, x):
        return self.pool(self.conv(x))


def graph(layer):
    i = keras.Input(X.shape[1:])
    return keras.Model(i, layer(i))


def wrapped():
    inner = keras.Sequential([L.Conv2D(3, 3, name="conv"), L.MaxPooling2D(2, name="pool")], name="inner")
    i = keras.Input((4, 16, 16, 2))
    x = L.TimeDistributed(L.TimeDistributed(L.MaxPooling1D(2, name="rows"), name="again"), name="each")(i)
    return keras.Model(i, L.TimeDistributed(inner, name="frames")(x))


def predictions(model, x=X):
    return model.predict(x, verbose=0)


def moved(old, new):
    return np.abs(old - new).max() > 1e-3


def test_wrappers(tmp_path):
    model, x = wrapped(), np.stack([X] * 4, 1)
    same, report = tsp.replace_pooling(model, {"max": "max"})
    assert [f.path for f in report.replaced] == ["each/again/rows", "frames/inner/pool"]
    np.testing.assert_array_equal(predictions(same, x), predictions(model, x))
    new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert report.check.passed
    assert report.check.carried == 2
    assert moved(predictions(model, x), predictions(new, x))
    assert type(new.get_layer("each").layer.layer) is tsp.layers.SoftPooling1D
    new.save(tmp_path / "new.keras")
    again = keras.models.load_model(tmp_path / "new.keras")
    np.testing.assert_array_equal(predictions(again, x), predictions(new, x))


def test_a_layer_that_describes_what_it_holds(tmp_path):
    model = graph(Described([L.MaxPooling2D(2, name="a"), L.AveragePooling2D(2, name="b")], name="block"))
    new, report = tsp.replace_pooling(model, {"max": "sorted"})
    assert [(f.path, f.action) for f in report.findings] == [
        ("block/a", "replaced"),
        ("block/b", "skipped"),
    ]
    assert report.check.carried == 2
    assert report.check.added == 1
    block = new.get_layer("block")
    assert [type(p).__name__ for p in block.pools] == ["SortedPooling2D", "AveragePooling2D"]
    assert block is not model.get_layer("block")
    new.save(tmp_path / "new.keras")
    np.testing.assert_array_equal(
        predictions(keras.models.load_model(tmp_path / "new.keras")), predictions(new)
    )


def test_a_layer_that_makes_what_it_holds():
    model = graph(Maker(2, name="block"))
    with pytest.warns(UserWarning, match="No pooling was replaced"):
        _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert {f.path for f in report.skipped} == {"block/one", "block/two", "block/three", "block/late"}
    assert all("in_place" in f.reason for f in report.skipped)
    with pytest.warns(UserWarning, match="loads with the old pooling"):
        same, _ = tsp.replace_pooling(model, {"max": "max"}, in_place=True)
    np.testing.assert_array_equal(predictions(same), predictions(model))
    before = predictions(model)
    with pytest.warns(UserWarning, match="loads with the old pooling"):
        new, report = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert len(report.replaced) == 4
    block = new.get_layer("block")
    pools = [block.pool, block.more["list"][0], block.more["pair"][0], block.late]
    assert {type(pool) for pool in pools} == {tsp.layers.SoftPooling2D}
    assert block.more["pair"][1] == 1
    assert moved(predictions(new), before)
    np.testing.assert_array_equal(predictions(model), before)


@pytest.mark.filterwarnings("ignore:.*loads with the old pooling")
def test_new_poolings_in_attributes_learn():
    model = graph(Maker(2, name="block"))
    new, report = tsp.replace_pooling(model, {"max": "sorted"}, where="block/one", in_place=True)
    assert report.check.added == 1
    assert report.check.carried == 2
    assert len(new.trainable_variables) == 3
    new.compile("sgd", "mse")
    weights = np.array(new.get_layer("block").pool.variables[0])
    new.fit(X, np.zeros((2, 8, 8, 2)), verbose=0)
    assert np.abs(weights - new.get_layer("block").pool.variables[0]).max() > 0


@pytest.mark.filterwarnings("ignore:.*loads with the old pooling")
def test_subclassed_models():
    model = Network(4)
    before = predictions(model)
    dry = tsp.replace_pooling(model, {"max": "soft", "global_max": "soft"}, dry_run=True)
    makers = ["maker/one", "maker/two", "maker/three", "maker/late"]
    assert [f.path for f in dry.skipped] == [*makers, "body/deep", "head"]
    same, report = tsp.replace_pooling(model, {"max": "max"}, in_place=True)
    assert same is not model
    assert same.width == 4
    np.testing.assert_array_equal(predictions(same), before)
    assert report.check.carried == 4
    assert report.check.shapes_equal
    new, report = tsp.replace_pooling(model, {"max": "soft", "global_max": "soft"}, in_place=True)
    assert len(report.replaced) == 6
    assert type(new.body.layers[-1]) is tsp.layers.SoftPooling2D
    assert type(new.head) is tsp.layers.GlobalSoftPooling2D
    assert moved(predictions(new), before)
    np.testing.assert_array_equal(predictions(model), before)
    back, _ = tsp.replace_pooling(new, {"soft": "max", "global_soft": "max"}, in_place=True)
    np.testing.assert_array_equal(predictions(back), before)


def test_arguments_that_keras_forgets():
    model = Unsaid(2)
    before = predictions(model)
    with pytest.raises(ValueError, match="does not know the argument 'width'"):
        tsp.replace_pooling(model, {"max": "soft"})
    with pytest.warns(UserWarning, match="loads with the old pooling"):
        new, _ = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert new is model
    assert predictions(new).shape == before.shape


def test_classes_that_no_config_can_make_are_changed_where_they_are():
    model = Unsayable(L.Conv2D(2, 3))
    model.compile("sgd", "mse")
    before = predictions(model)
    with pytest.warns(UserWarning, match="loads with the old pooling"):
        new, report = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert new is model
    assert new.compiled
    assert report.check.carried == 2
    assert moved(predictions(new), before)


class Caller(L.Layer):
    """A layer that pools in its code, where there is no pooling layer to replace."""

    def call(self, x):
        return self.halve(keras.ops.average_pool(x, 2))

    def halve(self, x):
        return next(tf.nn.max_pool2d(each, 2, 2, "VALID") for each in [x])


def test_pooling_in_code_is_reported():
    i = keras.Input(X.shape[1:])
    x = L.Lambda(lambda t: L.GlobalMaxPooling2D(keepdims=True)(t) + t, name="max")(i)
    model = keras.Model(i, L.MaxPooling2D(name="pool")(Caller(name="block")(x)))
    _, report = tsp.replace_pooling(model, {"max": "soft"})
    assert [(f.path, f.layer, f.action) for f in report.findings] == [
        ("max/call", "GlobalMaxPooling2D", "skipped"),
        ("block/call", "average_pool", "skipped"),
        ("block/call", "max_pool2d", "skipped"),
        ("pool", "MaxPooling2D", "replaced"),
    ]
    assert all("code" in f.reason for f in report.skipped)


def test_what_a_layer_calls_its_pooling_is_no_call_in_its_code():
    class Named(Maker):
        def __init__(self, size, **kwargs):
            super().__init__(size, **kwargs)
            self.max_pool = L.MaxPooling2D(1, name="named")

        def call(self, x):
            return self.max_pool(super().call(x))

    _, report = tsp.replace_pooling(graph(Named(2)), {"max": "soft"}, in_place=True, where="*/named")
    assert [f.path.split("/")[1] for f in report.findings] == ["one", "two", "three", "named", "late"]


def test_an_uncopyable_layer_of_a_functional_model():
    class Uncopyable(Maker):
        def get_config(self):
            raise NotImplementedError

    i = keras.Input(X.shape[1:])
    model = keras.Model(i, L.Conv2D(2, 1)(Uncopyable(2, name="odd")(i)))
    before = predictions(model)
    with pytest.raises(ValueError, match="in_place=True the new model shares it"):
        tsp.replace_pooling(model, {"average": "soft"})
    with pytest.warns(UserWarning, match="shares it"):
        tsp.replace_pooling(model, {"average": "soft"}, in_place=True)
    np.testing.assert_array_equal(predictions(model), before)
    with pytest.warns(UserWarning, match="shares it"):
        new, _ = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert new is not model
    assert moved(predictions(new), before)
    np.testing.assert_array_equal(predictions(new), predictions(model))


@pytest.mark.filterwarnings("ignore:.*loads with the old pooling")
def test_pooling_in_a_set():
    class InSet(L.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.pools = {L.MaxPooling2D(2)}

        def call(self, x):
            for pool in self.pools:
                x = pool(x)
            return x

    new, report = tsp.replace_pooling(graph(InSet()), {"max": "soft"}, in_place=True)
    assert len(report.replaced) == 1
    np.testing.assert_allclose(predictions(new), tsp.soft_pool(X, 2), rtol=1e-6)


def test_without_in_place_such_a_model_is_an_error():
    model = Unsayable(L.Conv2D(2, 3))
    predictions(model)
    with pytest.raises(ValueError, match="cannot be copied"):
        tsp.replace_pooling(model, {"max": "soft"})


def test_a_pooling_used_inside_a_wrapper_and_outside():
    pool = L.MaxPooling2D(name="pool")
    i, j = keras.Input((2, 8, 8, 1)), keras.Input((8, 8, 1))
    model = keras.Model([i, j], [L.TimeDistributed(pool, name="each")(i), pool(j)])
    new, report = tsp.replace_pooling(model, {"max": "soft"}, where="each/*")
    assert type(new.get_layer("pool")) is L.MaxPooling2D
    assert type(new.get_layer("each").layer) is tsp.layers.SoftPooling2D
    assert sorted((f.path, f.action) for f in report.findings) == [
        ("each/pool", "replaced"),
        ("pool", "skipped"),
    ]


def test_operations_in_a_model_in_a_wrapper():
    i = keras.Input(X.shape[1:])
    inner = keras.Model(i, keras.ops.max_pool(L.Conv2D(2, 1)(i), 2), name="inner")
    i = keras.Input((4, *X.shape[1:]))
    model, x = keras.Model(i, L.TimeDistributed(inner, name="each")(i)), np.stack([X] * 4, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        new, report = tsp.replace_pooling(model, {"max": "max"})
    # Keras numbers operations in the order in which they are made.
    assert [f.path.rstrip("_0123456789") for f in report.replaced] == ["each/inner/max_pool"]
    np.testing.assert_array_equal(predictions(new, x), predictions(model, x))


class WithStrangers(L.Layer):
    """A layer whose config describes a layer that the model does not have."""

    def __init__(self, pool, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.pool = pool

    def call(self, x):
        return keras.ops.relu(self.pool(x))

    def get_config(self):
        return {**super().get_config(), "pool": self.pool, "activation": L.ReLU()}


class WithoutOutputs(L.Layer):
    """A layer that returns nothing."""

    def call(self, x):
        return []

    def compute_output_spec(self, x):
        return []


class WithBoth(L.Layer):
    """A layer that holds a pooling beside a layer that has been called and returned nothing."""

    def __init__(self, side, pool, **kwargs):
        super().__init__(**kwargs)
        self.side, self.pool = side, pool

    def call(self, x):
        return self.pool(x)

    def compute_output_shape(self, shape):
        return self.pool.compute_output_shape(shape)

    def get_config(self):
        return {**super().get_config(), "side": self.side, "pool": self.pool}


def with_both():
    side = WithoutOutputs()
    side(keras.Input(X.shape[1:]))
    return WithBoth(side, L.MaxPooling2D())


@pytest.mark.parametrize(
    "make", [lambda: WithStrangers(L.MaxPooling2D()), with_both], ids=["strangers", "nothing"]
)
def test_layers_beside_the_pooling_are_no_obstacle(make):
    model = keras.Sequential([keras.Input(X.shape[1:]), make()])
    new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert len(report.replaced) == 1
    np.testing.assert_array_equal(new.layers[0].pool(X), tsp.soft_pool(X, 2))


class Chain(keras.Model):
    """A model of holders that each hold the two before them."""

    def __init__(self, length):
        super().__init__()
        self.steps = [L.ReLU(), L.ReLU()]
        for _ in range(length):
            holder = L.Layer()
            holder.inner = self.steps[-2:]
            self.steps.append(holder)

    def call(self, x):
        return self.steps[0](x)


def test_what_many_hold_is_looked_at_once():
    """Each path to a layer on its own would take 2^200 steps."""
    report = tsp.replace_pooling(Chain(200), {"max": "soft"}, dry_run=True)
    assert report.findings == []


def test_layers_that_hold_each_other():
    child, parent = L.Layer(), L.Layer()
    parent.child, child.parent = child, parent
    model = Chain(0)
    model.parent = parent
    assert tsp.replace_pooling(model, {"max": "soft"}, dry_run=True).findings == []


@keras.saving.register_keras_serializable("tests")
class Forgetful(keras.Model):
    """A model whose config, Keras's own, does not contain its argument."""

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.pool = L.MaxPooling2D(size)

    def call(self, x):
        return self.pool(x)


def test_a_wrapper_of_a_model_that_no_config_makes():
    """The wrapper's config describes the model, and would make another one."""
    model = keras.Sequential([keras.Input((3, *X.shape[1:])), L.TimeDistributed(Forgetful(4))])
    with pytest.warns(UserWarning, match="changed in the given model itself"):
        new, report = tsp.replace_pooling(model, {"max": "soft"}, in_place=True)
    assert len(report.replaced) == 1
    x = np.stack([X] * 3, axis=1)
    np.testing.assert_allclose(new.predict(x, verbose=0)[:, 0], tsp.soft_pool(X, 4), rtol=1e-6)


class Calling(L.Layer):
    def call(self, x):
        return keras.ops.max_pool(x, 2)


def test_a_pooling_in_the_code_of_a_held_layer():
    class Holding(L.Layer):
        def __init__(self):
            super().__init__(name="holder")
            self.inner = [Calling(name="calling"), L.Dense(2)]

        def call(self, x):
            return self.inner[1](self.inner[0](x))

    i = keras.Input(X.shape[1:])
    report = tsp.replace_pooling(keras.Model(i, Holding()(i)), {"max": "soft"}, dry_run=True)
    assert [(f.path, f.layer) for f in report.findings] == [("holder/calling/call", "max_pool")]


def test_a_pooling_in_code_beside_a_model_with_an_unused_pooling():
    class Holding(L.Layer):
        def __init__(self):
            super().__init__(name="holder")
            self.calling = Calling(name="calling")
            i = keras.Input(X.shape[1:])
            self.model = WithUnused(i, L.Conv2D(2, 1)(i))

        def call(self, x):
            return self.calling(self.model(x))

    class WithUnused(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.unused = L.MaxPooling2D()

    i = keras.Input(X.shape[1:])
    report = tsp.replace_pooling(keras.Model(i, Holding()(i)), {"max": "soft"}, dry_run=True)
    assert [(f.path, f.layer) for f in report.findings] == [("holder/calling/call", "max_pool")]
