"""Looks into networks with max and with soft pooling: what they see, where they look, how classes lie apart.

Usage: python examples/features.py [--seeds 5] [--epochs 5] [--train 6000]
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# This import comes first, so that no other module imports TensorFlow before it.
import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
import tensorflow as tf
from experiments import command, data, paired, store
from experiments.experiment import Effort, Experiment, Results, Run, Table
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, confusion_matrix, silhouette_score

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

NAMES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
POOLINGS = {"max": keras.layers.MaxPooling2D, "soft": tsp.layers.SoftPooling2D}
# The layer whose channels are maximized, and whose map Grad-CAM weighs.
LAST = "last"
FEATURES = "features"
CHANNELS, COMPONENTS, LOOKED_AT = 10, 50, 50
MEASURES = {
    "accuracy": "accuracy",
    "silhouette": "silhouette of the classes, 50 components",
    "silhouette in t-SNE": "silhouette of the classes, t-SNE",
    "purity": "purity of 10 clusters",
    "rand index": "adjusted Rand index of 10 clusters",
    "likeness": "correlation of maximizing pictures with their class",
}


def network(pooling: str) -> keras.Model:
    """Returns a compiled network of three convolutions, with pooling behind the first two."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            POOLINGS[pooling](2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            POOLINGS[pooling](2),
            layers.Conv2D(64, 3, padding="same", activation="relu", name=LAST),
            layers.GlobalAveragePooling2D(name=FEATURES),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


def up_to(model: keras.Model, layer: str) -> keras.Model:
    """Returns a model that gives the output of one of a model's layers."""
    return keras.Model(model.inputs[0], model.get_layer(layer).output)


def maximized(model: keras.Model, pictures: np.ndarray, labels: np.ndarray, steps: int) -> np.ndarray:
    """Returns a picture for each class that maximizes the channels which are the class's own.

    As in the paper's figure S2, the channels of the last convolution with the largest mean over a class are
    maximized, by gradient ascent from noise with a rate that falls to a tenth, and gradients are smaller far
    from the center.

    Args:
        model: a network.
        pictures: `[n, 28, 28, 1]`, to choose the channels by.
        labels: `[n]`.
        steps: int, of the gradient ascent.

    Returns:
        Pictures `[10, 28, 28]` from 0 to 1.
    """
    maps = up_to(model, LAST)
    means = maps.predict(pictures, batch_size=200, verbose=0).mean(axis=(1, 2))
    chosen = [np.argsort(means[labels == each].mean(axis=0))[-CHANNELS:] for each in range(10)]
    wanted = np.array([np.isin(np.arange(means.shape[1]), each) for each in chosen], "float32")
    places = np.linspace(-1, 1, 28) ** 2
    mask = tf.constant(np.exp(-2 * (places[:, None] + places))[..., None], tf.float32)
    x = tf.Variable(np.random.default_rng(0).uniform(0.4, 0.6, (10, 28, 28, 1)).astype("float32"))
    rates = np.linspace(0.1, 0.01, steps)

    @tf.function
    def climb(rate: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            gain = tf.reduce_sum(tf.reduce_mean(maps(x), axis=(1, 2)) * wanted)
        gradient = tape.gradient(gain, x) * mask
        length = tf.sqrt(tf.reduce_mean(gradient**2, axis=(1, 2, 3), keepdims=True))
        x.assign(tf.clip_by_value(x + rate * gradient / (length + 1e-8), 0, 1))

    for rate in rates:
        climb(tf.constant(rate, tf.float32))
    return x.numpy()[..., 0]


def likeness(made: np.ndarray, pictures: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean correlation of a picture for each class with the mean picture of its class."""
    means = [pictures[labels == each].mean(axis=0).ravel() for each in range(10)]
    return float(np.mean([_correlation(a.ravel(), b) for a, b in zip(made, means, strict=True)]))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the correlation of two lists, or 0 if one of them is constant."""
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(np.corrcoef(a, b)[0, 1])


def grad_cam(model: keras.Model, pictures: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns Grad-CAM's maps `[n, 7, 7]` of where a network looks for the labels, from 0 to 1."""
    *_, average, classifier = model.layers
    maps = up_to(model, LAST)(pictures)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        logits = tf.gather(classifier(average(maps)), labels, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(logits, maps), axis=(1, 2), keepdims=True)
    found = np.maximum((maps * weights).numpy().sum(axis=-1), 0)
    return found / np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-8)


def compactness(features: np.ndarray, labels: np.ndarray, seed: int) -> tuple[dict[str, float], np.ndarray]:
    """Measures how far classes lie apart.

    As in the paper's figures S5 to S7, features are reduced to 50 components, and these to two by t-SNE.
    k-means looks for as many clusters as there are classes, without knowing the classes.

    Args:
        features: `[n, channels]`.
        labels: `[n]`.
        seed: int.

    Returns:
        The measures by name, and the points `[n, 2]` of t-SNE.
    """
    components = PCA(min(COMPONENTS, *features.shape), random_state=seed).fit_transform(features)
    points = TSNE(perplexity=min(30, len(features) // 4), init="pca", random_state=seed).fit_transform(
        components
    )
    clusters = KMeans(10, n_init=10, random_state=seed).fit_predict(components)
    counts = confusion_matrix(labels, clusters, labels=range(10))
    measures = {
        "silhouette": float(silhouette_score(components, labels)),
        "silhouette in t-SNE": float(silhouette_score(points, labels)),
        "purity": float(counts.max(axis=0).sum() / len(labels)),
        "rand index": float(adjusted_rand_score(labels, clusters)),
    }
    return measures, points


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains a network and looks into it. Keeps maps for each seed, and other pictures for the first one."""
    x, y, test_x, test_y = data.some_fashion(effort["train"], effort["test"], seed)
    model = network(setting)
    model.fit(x, y, batch_size=64, epochs=effort["epochs"], verbose=0)
    _, accuracy = model.evaluate(test_x, test_y, batch_size=200, verbose=0)
    features = up_to(model, FEATURES).predict(test_x, batch_size=200, verbose=0)
    measures, points = compactness(features, test_y, seed)
    made = maximized(model, test_x, test_y, effort["steps"])
    maps = grad_cam(model, test_x[:LOOKED_AT], test_y[:LOOKED_AT])
    kept: dict[str, Any] = {"maps": _lists(maps)}
    if seed == 0:
        kept |= {"maximized": _lists(made), "points": _lists(points), "labels": test_y.tolist()}
    return {"accuracy": float(accuracy), **measures, "likeness": likeness(made, test_x, test_y), **kept}


def _lists(values: np.ndarray) -> list[list[float]]:
    return [store.rounded(row.ravel(), 3) for row in values]


def agreement(runs: Mapping[str, Sequence[Run]]) -> dict[str, list[float]]:
    """Returns how alike the maps of Grad-CAM are: the mean correlation of the maps of the same picture.

    Returns:
        Lists with a number for each seed: max and soft pooling with the same seed, and two networks with max
        pooling, of which one has the next seed.
    """

    def alike(a: Run, b: Run) -> float:
        pairs = zip(a["maps"], b["maps"], strict=True)
        return float(np.mean([_correlation(np.array(x), np.array(y)) for x, y in pairs]))

    others = [*runs["max"][1:], runs["max"][0]]
    return {
        "max and soft, the same seed": [alike(*pair) for pair in zip(runs["max"], runs["soft"], strict=True)],
        "max and max, another seed": [alike(*pair) for pair in zip(runs["max"], others, strict=True)],
    }


def tables(results: Results) -> list[Table]:
    """Returns a table of all measures, and one of where networks look."""
    if set(results.runs) != set(POOLINGS) or results.effort["seeds"] < 2:
        return []
    found = {name: paired.differences(results, name, "max")[1] for name in MEASURES}
    corrected = paired.holm([each.p for each in found.values()])
    base = {name: results.values("max", name) for name in MEASURES}
    rows, above, below = [], [], []
    for (name, each), p in zip(found.items(), corrected, strict=True):
        sure = p < paired.LEVEL
        if sure:
            (above if each.difference > 0 else below).append(MEASURES[name])
        row = [MEASURES[name], f"{np.mean(base[name]):.3f}", f"{each.mean:.3f}"]
        difference = f"{each.difference:+.4f} ± {each.margin:.4f}"
        rows.append([*row, difference, f"{each.p:.2g}", f"{p:.2g}{' *' if sure else ''}"])
    said = "; ".join(
        f"{side} with SoftPool: {', '.join(names)}"
        for side, names in (("higher", above), ("lower", below))
        if names
    )
    verdict = f"After the correction, {said}." if said else "No difference survives the correction."
    notes = (
        f"p: paired t-test over the seeds, corrected by Holm's method for all rows. *: below {paired.LEVEL}. "
        f"{verdict} The paper says of figure S2 that features are a little easier to interpret with "
        "SoftPool, and of figures S5 to S7 that some classes are more compact."
    )
    header = ["measure", "max", "soft", "difference, 95 %", "p", "p, corrected"]
    return [Table("features with max and with soft pooling", header, rows, notes), _agreement(results)]


def _agreement(results: Results) -> Table:
    alike = agreement(results.runs)
    rows = [[name, f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"] for name, values in alike.items()]
    pooled, reseeded = (float(np.mean(values)) for values in alike.values())
    verdict = (
        "Another pooling changes where a network looks less than another seed does."
        if pooled > reseeded
        else "Another pooling changes where a network looks as much as another seed does, or more."
    )
    notes = (
        f"The mean of {LOOKED_AT} test pictures. {verdict} The paper says of figure S4 that there are no "
        "significant differences in the salient regions."
    )
    return Table("Grad-CAM's maps of the same picture", ["networks", "correlation"], rows, notes)


def draw(results: Results, path: Path) -> None:
    """Writes a picture of the first seed: maximizing pictures, maps of Grad-CAM, and t-SNE's points."""
    figure = plt.figure(figsize=(15, 15), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(1, 1.4, 2.2))
    runs = {setting: found[0] for setting, found in results.runs.items()}
    _draw_maximized(top, runs)
    _draw_maps(middle, runs)
    for (setting, made), ax in zip(
        runs.items(), bottom.subplots(1, len(runs), squeeze=False)[0], strict=True
    ):
        points, labels = np.array(made["points"]), np.array(made["labels"])
        for each, name in enumerate(NAMES):
            ax.scatter(*points[labels == each].T, s=8, label=name, color=f"C{each}")
        ax.set(title=f"t-SNE of the features, {setting} pooling", xticks=[], yticks=[])
    ax.legend(markerscale=2, fontsize=8)
    figure.suptitle("Networks of the first seed with max and with soft pooling")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw_maximized(figure: Any, runs: Mapping[str, Run]) -> None:
    figure.suptitle("pictures that maximize the ten channels of each class", fontsize=10)
    grid = figure.subplots(len(runs), 10, squeeze=False)
    for (setting, made), line in zip(runs.items(), grid, strict=True):
        for name, values, ax in zip(NAMES, made["maximized"], line, strict=True):
            ax.imshow(np.reshape(values, (28, 28)), cmap="gray", vmin=0, vmax=1)
            ax.set_title(f"{setting}: {name}", fontsize=8)
            ax.set_axis_off()


def _draw_maps(figure: Any, runs: Mapping[str, Run]) -> None:
    figure.suptitle("Grad-CAM: where networks look for the class", fontsize=10)
    pictures, labels = data.some_fashion(1, LOOKED_AT, 0)[2:]
    firsts = [int(np.flatnonzero(labels == each)[0]) for each in range(10)]
    grid = figure.subplots(1 + len(runs), 10, squeeze=False)
    for line, setting in zip(grid, ("picture", *runs), strict=True):
        for i, ax in zip(firsts, line, strict=True):
            ax.imshow(pictures[i, ..., 0], cmap="gray")
            if setting in runs:
                cam = np.reshape(runs[setting]["maps"][i], (7, 7))
                ax.imshow(
                    cam, cmap="inferno", alpha=0.6, extent=(-0.5, 27.5, 27.5, -0.5), interpolation="bilinear"
                )
            ax.set_title(f"{setting}: {NAMES[labels[i]]}", fontsize=8)
            ax.set_axis_off()


EXPERIMENT = Experiment(
    "features",
    "Trains networks with max and with soft pooling on Fashion-MNIST, and compares what maximizes them, "
    "where they look, and how far classes lie apart in their features.",
    tuple(POOLINGS),
    {"seeds": 5, "epochs": 5, "train": 6000, "test": 1000, "steps": 200},
    {"seeds": 20, "epochs": 20, "train": 60000, "test": 5000, "steps": 2000},
    run,
    tables,
    draw,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
