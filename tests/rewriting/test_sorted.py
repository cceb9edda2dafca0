"""`replace_pooling` with sorted-weight pooling, which starts as the pooling that it replaces."""

import keras
import numpy as np
import pytest

import tf_softpool as tsp

L = keras.layers


def network(pooling, rank=2, data_format="channels_last", **arguments):
    """Returns a network with poolings of one kind."""
    conv, pool = getattr(L, f"Conv{rank}D"), getattr(L, f"{pooling}Pooling{rank}D")
    shape = (*(9, 10, 8)[:rank], 3)
    shape = shape if data_format == "channels_last" else (3, *shape[:-1])
    layers = [keras.Input(shape), pool(2, 1, data_format=data_format, name="first", **arguments)]
    if data_format == "channels_last":
        layers += [conv(4, 2, name="conv"), pool(3, 2, "same", name="second")]
    return keras.Sequential(layers)


def values(model):
    return np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype("float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_in_the_place_of_average_pooling_it_computes_the_same(rank, padding, data_format):
    if data_format == "channels_first":
        # On a CPU, Keras has no channels-first average pooling to compare with, so its peer has channels
        # last.
        x = np.random.default_rng(0).normal(size=(4, *(9, 10, 8)[:rank], 3)).astype("float32")
        layer = getattr(tsp.layers, f"SortedPooling{rank}D")(2, 1, padding, data_format)
        peer = getattr(L, f"AveragePooling{rank}D")(2, 1, padding, "channels_last")
        y = np.moveaxis(np.asarray(layer(np.moveaxis(x, -1, 1))), 1, -1)
        np.testing.assert_allclose(y, peer(x), rtol=1e-5, atol=1e-6)
        return
    model = network("Average", rank, padding=padding)
    new, report = tsp.replace_pooling(model, {"average": "sorted"})
    assert [f.replacement for f in report.replaced] == [f"SortedPooling{rank}D"] * 2
    x = values(model)
    np.testing.assert_allclose(new.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_in_the_place_of_max_pooling_it_computes_almost_the_same(rank, tmp_path):
    model = network("Max", rank)
    new, report = tsp.replace_pooling(model, {"max": "sorted"})
    assert len(report.replaced) == 2
    for layer in (new.get_layer("first"), new.get_layer("second")):
        weights = np.asarray(layer.rank_weights)
        assert weights[0] == pytest.approx(0.999, abs=1e-5)
        assert weights.sum() == pytest.approx(1, abs=1e-5)
    x = values(model)
    before, after = model.predict(x, verbose=0), new.predict(x, verbose=0)
    assert np.abs(after - before).max() < 0.01 * np.abs(before).max()
    # The rank weights are only a start: training changes them.
    start = [w.numpy() for w in new.trainable_weights]
    new.compile(keras.optimizers.Adam(0.1), "mse")
    new.fit(x, np.zeros_like(after), epochs=3, verbose=0)
    assert all(np.abs(w - old).max() > 0.01 for w, old in zip(new.trainable_weights, start, strict=True))
    new.save(tmp_path / "new.keras")
    loaded = keras.models.load_model(tmp_path / "new.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), new.predict(x, verbose=0))


def test_kept_weights_are_where_they_were():
    model = network("Max")
    new, _ = tsp.replace_pooling(model, {"max": "sorted"})
    for old, copy in zip(model.get_layer("conv").weights, new.get_layer("conv").weights, strict=True):
        np.testing.assert_array_equal(old, copy)
    assert [w.path.partition("/")[2] for w in new.weights] == [
        "first/rank_logits",
        "conv/kernel",
        "conv/bias",
        "second/rank_logits",
    ]


def test_a_class_starts_as_its_kind_does():
    new, _ = tsp.replace_pooling(network("Max"), {"max": tsp.layers.SortedPooling2D})
    assert np.asarray(new.get_layer("first").rank_weights)[0] == pytest.approx(0.999, abs=1e-5)


def test_a_function_says_more():
    new, _ = tsp.replace_pooling(
        network("Max"),
        {"max": lambda layer: tsp.layers.SortedPooling2D(layer.pool_size, pool_range=2, per_channel=True)},
    )
    assert new.get_layer("first").rank_logits.shape == (2, 3)
    assert new.get_layer("second").rank_logits.shape == (2, 4)


def test_and_back():
    model = network("Max")
    x = values(model)
    new, _ = tsp.replace_pooling(model, {"max": "sorted"})
    back, _ = tsp.replace_pooling(new, {"sorted": "max"})
    np.testing.assert_array_equal(back.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_function_as_a_node_is_left_and_reported():
    x = keras.Input((8, 8, 2))
    y = tsp.sorted_pool(L.MaxPooling2D()(x), np.zeros(4, "float32"), 2)
    model = keras.Model(x, y)
    new, report = tsp.replace_pooling(model, {"max": "soft", "sorted": "max"})
    assert len(report.replaced) == 1
    assert "second input" in report.skipped[0].reason
    assert new.output.shape == model.output.shape
    assert np.isfinite(new.predict(values(model), verbose=0)).all()
