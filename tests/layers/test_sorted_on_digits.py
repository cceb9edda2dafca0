"""A network with sorted-weight pooling learns to read digits as well as its twin with max pooling."""

import digits
import keras
import numpy as np

import tf_softpool as tsp


def sorted_pooling(pool_size, strides, name):
    start = tsp.layers.LeadingRank(0.9)
    return tsp.layers.SortedPooling2D(pool_size, strides, rank_initializer=start, name=name)


def trained(pooling):
    keras.utils.set_random_seed(0)
    train_x, train_y, test_x, test_y = digits.data()
    model = digits.network(pooling=pooling)
    start = [w.numpy() for w in model.weights]
    model.fit(train_x, train_y, batch_size=32, epochs=6, verbose=0)
    return model, start, model.evaluate(test_x, test_y, verbose=0)[1], test_x


def test_reads_as_well_as_with_max_pooling(tmp_path):
    _, _, accuracy_of_twin, _ = trained(keras.layers.MaxPooling2D)
    model, start, accuracy, images = trained(sorted_pooling)
    # For 540 digits, three standard deviations of the accuracy are 2 %.
    assert accuracy > accuracy_of_twin - 0.02
    for w, old in zip(model.weights, start, strict=True):
        if "rank_logits" in w.path:
            assert np.abs(w.numpy() - old).max() > 0.1
    model.save(tmp_path / "digits.keras")
    loaded = keras.models.load_model(tmp_path / "digits.keras")
    for layer in ("pool_1", "pool_2"):
        np.testing.assert_array_equal(
            loaded.get_layer(layer).rank_weights, model.get_layer(layer).rank_weights
        )
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
