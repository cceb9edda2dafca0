"""Checks that hold for every model whose pooling is replaced."""

import contextlib
import shutil
import warnings
from collections import Counter
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from near import bits

import tf_softpool as tsp

L = keras.layers
WINDOWED = tuple(getattr(L, f"{what}Pooling{r}D") for what in ("Max", "Average") for r in (1, 2, 3))
GLOBAL = tuple(getattr(L, f"Global{what}Pooling{r}D") for what in ("Max", "Average") for r in (1, 2, 3))
ADAPTIVE = tuple(getattr(L, f"Adaptive{what}Pooling{r}D") for what in ("Max", "Average") for r in (1, 2, 3))
# TensorFlow's operations that pool windows, and the axes over which an operation reduces all places at once.
WINDOW_NODES = {
    *("MaxPool", "MaxPoolV2", "MaxPoolWithArgmax", "MaxPool3D", "AvgPool", "AvgPool3D"),
    *("FractionalMaxPool", "FractionalAvgPool", "XlaReduceWindow"),
}
PLACES = [(1, 2), (2, 3), (1, 2, 3), (2, 3, 4)]

KINDS = ("max", "average", "global_max", "global_average")
SOFT = dict.fromkeys(KINDS, "soft")
SAME = {kind: kind for kind in KINDS}
# A soft pooling does not know which kind it replaced, so max and average are tested there and back
# separately.
THERE_AND_BACK = {
    kind: ({kind: "soft", f"global_{kind}": "soft"}, {"soft": kind, "global_soft": f"global_{kind}"})
    for kind in ("max", "average")
}


class Subject:
    """A model, an input, and the model's predictions for that input.

    `in_place` says that the model's layers make pooling themselves, which is replaced only if asked for.
    """

    def __init__(self, model, size, in_place=False):
        self.model, self.in_place = model, in_place
        random = np.random.default_rng(0)
        self.x = keras.tree.map_structure(
            lambda t: random.uniform(0, 255, (2, *(d or size for d in t.shape[1:]))).astype("float32"),
            model.input,
        )
        shake(model)
        settle(model, self.x)
        self.y = predictions(model, self.x)
        for y in keras.tree.flatten(self.y):
            assert np.isfinite(y).all()
            assert np.abs(y[0] - y[1]).max() > 1e-2 * np.abs(y).max()

    def replaced(self, replacements, model=None, in_place=None):
        """Returns a copy with other pooling, and the report. Checks that all its notes were warnings."""
        in_place = self.in_place if in_place is None else in_place
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            new, report = tsp.replace_pooling(model or self.model, replacements, in_place=in_place)
        assert set(report.notes) <= {str(w.message) for w in caught}
        return new, report


def shake(model):
    """Gives a new model values other than its initial zeros and ones, so that a copy must carry them."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        if len(variable.shape) <= 1 and keras.backend.is_float_dtype(variable.dtype):
            variable.assign(variable * (1 + random.uniform(-0.1, 0.1, variable.shape)) + 0.01)
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization):
            layer.finalize_state()  # the layer computes with values derived from its variables


def settle(model, x):
    """Sets the averages of batch normalization to those of the input.

    Without this, deep models of random weights let images fade away, or magnify rounding errors until nothing
    else is left.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, L.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    call = L.BatchNormalization.call
    with mock.patch.object(L.BatchNormalization, "call", lambda self, x, **_: call(self, x, training=True)):
        model(x, training=False)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def predictions(model, x):
    return keras.tree.map_structure(np.asarray, model(x, training=False))


def assert_same(a, b):
    """Asserts that predictions agree to the last bit."""
    keras.tree.map_structure(lambda a, b: np.testing.assert_array_equal(bits(a), bits(b)), a, b)


def assert_close(a, b):
    """Asserts that predictions agree except for rounding, which deep models magnify."""
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-3 * np.abs(b).max()), a, b
    )


def poolings(model):
    """Returns every pooling layer of Keras in a model, found without the package's own search."""
    layers = {id(layer): layer for layer in model._flatten_layers()}.values()
    return [layer for layer in layers if isinstance(layer, (*WINDOWED, *GLOBAL, *ADAPTIVE))]


def configs(model):
    """Returns the class and config of every layer at any depth, without names.

    Names are left out because Keras numbers the layers that other layers make.
    """
    if hasattr(model, "operations"):
        return sorted(c for layer in model.operations if isinstance(layer, L.Layer) for c in configs(layer))
    inner = model._flatten_layers(include_self=False, recursive=False)
    own = [] if isinstance(model, keras.Sequential) else [(type(model).__name__, config(model))]
    return sorted([*own, *(c for layer in inner for c in configs(layer))])


def config(layer):
    """Returns a layer's config as text, without the name, or "" if the layer has no config."""
    try:
        return str({key: value for key, value in layer.get_config().items() if key != "name"})
    except (NotImplementedError, TypeError):
        return ""


class Usage:
    """The poolings in the graph of a model.

    Attributes:
        windows: int, how many nodes pool windows.
        places: int, how many nodes reduce all places to one.
        soft: int, how many nodes are ops of ours.
        used: list of the pooling layers that the model holds and calls.
        hidden: int, how many nodes that pool windows or places belong to no pooling layer, but to the
            `call` of another layer.
    """

    def __init__(self, model, x):
        calls = Counter()
        with contextlib.ExitStack() as stack:
            for cls in (L.MaxPooling2D.__mro__[1], *GLOBAL, *ADAPTIVE):
                stack.enter_context(mock.patch.object(cls, "call", _counted(cls.call, calls)))
            function = tf.function(lambda x: model(x, training=False), autograph=False)
            definition = function.get_concrete_function(x).graph.as_graph_def()
        self.windows = self.places = self.soft = 0
        for nodes in (definition.node, *(f.node_def for f in definition.library.function)):
            constants = {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in nodes if n.op == "Const"}
            for node in nodes:
                self.windows += node.op in WINDOW_NODES
                self.soft += node.op.startswith("Softpool>")
                if node.op in ("Mean", "Max"):
                    axes = constants.get(node.input[1].split(":")[0], ())
                    self.places += tuple(np.atleast_1d(axes)) in PLACES
        self.used = [layer for layer in poolings(model) if calls[id(layer)]]
        self.hidden = self.windows + self.places - sum(calls[id(layer)] for layer in self.used)


def _counted(original, calls):
    def call(self, *args, **kwargs):
        calls[id(self)] += 1
        return original(self, *args, **kwargs)

    return call


def is_the_same_with_the_same_pooling(subject, count):
    """Checks that replacing `count` poolings with equal ones leaves predictions and configs as they were."""
    same, report = subject.replaced(SAME)
    assert len(report.replaced) == count
    assert_same(predictions(same, subject.x), subject.y)
    assert configs(same) == configs(subject.model)


def goes_there_and_back(subject, kind):
    """Checks that replacing a kind of pooling with soft and back restores the model.

    Returns:
        The report of the first replacement, and the soft model.
    """
    there, back = THERE_AND_BACK[kind]
    soft, report = subject.replaced(there)
    again, _ = subject.replaced(back, soft)
    assert_same(predictions(again, subject.x), subject.y)
    assert configs(again) == configs(subject.model)
    return report, soft


def trains(model, x):
    """Checks that a step of training changes weights, and that all stay finite."""
    targets = keras.tree.map_structure(np.zeros_like, predictions(model, x))
    loss = keras.tree.map_structure(lambda _: "mse", targets)
    # Metrics are given because Keras would otherwise keep those of an earlier compilation.
    metrics = loss if isinstance(loss, dict) else [loss]
    model.compile(keras.optimizers.SGD(1e-3, clipnorm=1.0), loss, metrics=metrics)
    before = [np.asarray(v) for v in model.trainable_variables]
    assert np.isfinite(model.train_on_batch(x, targets)).all()
    after = [np.asarray(v) for v in model.trainable_variables]
    assert all(np.isfinite(v).all() for v in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def saves(model, x, folder):
    """Checks that a model predicts the same after it is saved and loaded."""
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    (folder / "model.keras").unlink()
    assert_same(predictions(loaded, x), predictions(model, x))


def exports(model, x, folder):
    """Checks that an exported model serves what the model predicts in a graph.

    Operations that run one by one round differently. Random weights magnify that to a part in a thousand.
    """
    in_graph = tf.function(lambda x: model(x, training=False), autograph=False)
    tsp.export(model, folder / "served")
    loaded = tf.saved_model.load(folder / "served")
    served = loaded.serve(x)
    shutil.rmtree(folder / "served")
    assert_close(*(keras.tree.map_structure(np.asarray, y) for y in (served, in_graph(x))))
