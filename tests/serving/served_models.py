"""Models of our poolings, and inputs for them, for tests of every format."""

import keras
import numpy as np

import tf_softpool as tsp

PATHS = {"tf_saved_model": "model", "onnx": "model.onnx", "litert": "model.tflite", "openvino": "model.xml"}
SPATIAL = (9, 8, 7)
# The compiled poolings by name, as functions of a tensor and a padding.
FUNCTIONS = {
    "soft": lambda x, padding: tsp.soft_pool(x, 3, 2, padding),
    "sorted": lambda x, padding: tsp.sorted_pool(x, [2.0, 1.0, 0.0], 3, 2, padding),
    "detail_preserving": lambda x, padding: tsp.detail_preserving_pool(x, None, 0.5, 1.5, 2, 1, padding),
    "importance": lambda x, padding: tsp.importance_pool(x, keras.ops.tanh(x), 3, 2, padding),
}


def sizes(rank, size):
    """Returns the spatial sizes of a model's input, with None for open ones."""
    return SPATIAL[:rank] if size == "fixed" else (None,) * rank


def small():
    """Returns a model of one layer."""
    return keras.Sequential([keras.Input((8, 3), name="x"), tsp.layers.SoftPooling1D(2)])


def of_functions(rank, size="open"):
    """Returns a model with an output for each pooling and padding. 3D has one padding, to save time."""
    x = keras.Input((*sizes(rank, size), 3), name="x")
    paddings = ("valid", "same") if rank < 3 else ("same",)
    return keras.Model(
        x, {f"{name}_{padding}": pool(x, padding) for name, pool in FUNCTIONS.items() for padding in paddings}
    )


def of_layers(rank, size="open"):
    """Returns a network with a layer of every pooling, and a global pooling."""
    layers = keras.layers
    inputs = keras.Input((*sizes(rank, size), 3), name="x")
    x = getattr(layers, f"Conv{rank}D")(5, 3, padding="same")(inputs)
    x = getattr(tsp.layers, f"SoftPooling{rank}D")(2)(x)
    x = tsp.soft_pool(x, 3, 2, "same")
    start = tsp.layers.LeadingRank(0.4)
    x = getattr(tsp.layers, f"SortedPooling{rank}D")(3, 1, "same", rank_initializer=start)(x)
    x = getattr(tsp.layers, f"DetailPreservingPooling{rank}D")(2, 1, "same", variant="full")(x)
    center = tsp.layers.CenterTap()
    x = getattr(tsp.layers, f"LocalImportancePooling{rank}D")(2, 1, "same", kernel_initializer=center)(x)
    for name in ("Sum", "PowerAverage", "Lp", "Mixed", "Gated", "Stochastic", "S3"):
        x = getattr(tsp.layers, f"{name}Pooling{rank}D")(2, 1, "same")(x)
    return keras.Model(inputs, getattr(tsp.layers, f"GlobalSoftPooling{rank}D")()(x))


def of_forms(rank, size="open"):
    """Returns a network with the global and adaptive layers of every pooling."""

    def layer(name):
        return getattr(tsp.layers, f"{name}Pooling{rank}D")

    inputs = keras.Input((*sizes(rank, size), 3), name="x")
    x = layer("Median")(3, 1, "same")(inputs)
    x = layer("AdaptiveSoft")((5, 4, 3)[:rank])(x)
    parts = [
        layer("AdaptiveDetailPreserving")(2, variant="full")(x),
        layer("AdaptiveSorted")(2, pool_range=2)(x),
        layer("AdaptiveLocalImportance")(2)(x),
        *(
            layer(f"Adaptive{name}")(2)(x)
            for name in ("Sum", "PowerAverage", "Lp", "Mixed", "Stochastic", "Median")
        ),
    ]
    x = keras.layers.Concatenate()(parts)
    whole = [
        layer("GlobalDetailPreserving")(variant="full")(x),
        layer("GlobalSorted")(pool_range=3)(x),
        *(layer(f"Global{name}")()(x) for name in ("LocalImportance", "Soft", "Sum", "PowerAverage", "Lp")),
        *(layer(f"Global{name}")()(x) for name in ("Mixed", "Stochastic", "Median")),
    ]
    return keras.Model(inputs, keras.layers.Concatenate()(whole))


def inputs_of(rank, magnitude, batch=2):
    """Returns random numbers of a magnitude."""
    x = np.random.default_rng(rank).normal(size=(batch, *SPATIAL[:rank], 3))
    return (magnitude * x).astype("float32")
