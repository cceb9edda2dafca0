"""Pools videos and images of heads in 3D, and measures how much of them is left.

Usage: python examples/video_and_volume.py [--seeds 5] [--frames 24] [--side 96]
"""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

# This import comes first, so that no other module imports TensorFlow before it.
import quiet  # noqa: F401

# isort: split
import av
import keras
import matplotlib
import numpy as np
from experiments import command, data, verdicts
from experiments.drawing import show
from experiments.experiment import Effort, Experiment, Results, Run, Table
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

SIZES = (2, 3)
# Poolings that are not proportional to the scale of the values have a second setting, for values to 255.
BYTES = " on 0..255"
_layers = tsp.layers
POOLINGS: dict[str, Callable[[int, int], keras.layers.Layer]] = {
    "average": lambda k, seed: keras.layers.AveragePooling3D(k),
    "max": lambda k, seed: keras.layers.MaxPooling3D(k),
    "soft": lambda k, seed: _layers.SoftPooling3D(k),
    "detail-preserving": lambda k, seed: _layers.DetailPreservingPooling3D(k, lambda_initializer="ones"),
    "L2": lambda k, seed: _layers.LpPooling3D(k, initial_p=2.0),
    "mixed": lambda k, seed: _layers.MixedPooling3D(k, mix=0.5),
    "stochastic": lambda k, seed: _layers.StochasticPooling3D(k, seed=seed),
    "S3": lambda k, seed: _layers.S3Pooling3D(k, seed=seed),
}
SETTINGS = (*POOLINGS, f"soft{BYTES}", f"detail-preserving{BYTES}")
# The largest PSNR in decibels that is told from no error at all.
BEST = 100.0
DRAWN = ("average", "max", "soft", f"soft{BYTES}")
DRAWN_VOLUMES = ("bikes", "bigbuckbunny", "brain")


@functools.lru_cache(maxsize=1)
def volumes(seed: int, frames: int, side: int) -> dict[str, np.ndarray]:
    """Returns a part of each video and of each head, by name. The seed decides which part.

    Args:
        seed: int.
        frames: int, how many frames of a video follow each other. A multiple of 6.
        side: int, the sides of the part in pixels. A multiple of 6.

    Returns:
        Videos `[frames, side, side, 3]` and heads `[side, side, side, 1]`, all from 0 to 1.
    """
    random = np.random.default_rng(seed)
    found = {name: _clip(path, frames, side, random) for name, path in data.clips().items()}
    for name, head in data.heads():
        found[name] = _cut(head, (side,) * 3, random)[..., None]
    return found


def _clip(path: Path, frames: int, side: int, random: np.random.Generator) -> np.ndarray:
    with av.open(str(path)) as file:
        first = int(random.integers(file.streams.video[0].frames - frames + 1))
        chosen = itertools.islice(file.decode(video=0), first, first + frames)
        taken = [frame.to_ndarray(format="rgb24") for frame in chosen]
    return _cut(np.stack(taken), (frames, side, side), random).astype("float32") / 255


def _cut(volume: np.ndarray, sizes: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Returns a part of a volume at a random position."""
    starts = [int(random.integers(n - size + 1)) for n, size in zip(volume.shape, sizes, strict=False)]
    return volume[tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))]


def pooled(volume: np.ndarray, setting: str, k: int, seed: int) -> np.ndarray:
    """Pools a volume, and enlarges it to its size again by repetition.

    Args:
        volume: values `[frames, height, width, channels]` from 0 to 1, with sides that are multiples of k.
        setting: string, one of `SETTINGS`.
        k: int, the size of the windows.
        seed: int, for poolings that draw.
    """
    scale = 255.0 if setting.endswith(BYTES) else 1.0
    layer = POOLINGS[setting.removesuffix(BYTES)](k, seed)
    # Stochastic poolings draw only in training.
    layer.build((1, *volume.shape))
    training = {"training": True} if setting in ("stochastic", "S3") else {}
    small = np.asarray(layer(volume[None] * np.float32(scale), **training)[0]) / scale
    for axis in range(3):
        small = small.repeat(k, axis)
    return small


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Measures a pooling on parts of all volumes. Returns `scores` by volume, size of windows and measure."""
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for name, volume in volumes(seed, effort["frames"], effort["side"]).items():
        scores[name] = {}
        for k in SIZES:
            back = pooled(volume, setting, k, seed)
            scores[name][str(k)] = {
                "PSNR": _psnr(volume, back),
                "SSIM": float(structural_similarity(volume, back, data_range=1, channel_axis=-1)),
            }
    return {"scores": scores}


def _psnr(volume: np.ndarray, back: np.ndarray) -> float:
    """Returns the PSNR, and `BEST` for a black part of a head, of which nothing is lost."""
    equal = np.array_equal(volume, back)
    return BEST if equal else min(BEST, float(peak_signal_noise_ratio(volume, back, data_range=1)))


def by_volume(results: Results, k: int, measure: str) -> Results:
    """Returns results with a value for each volume, because parts of one volume are not independent."""
    return Results(
        results.experiment,
        results.effort,
        {
            setting: [
                {"value": float(np.mean([run["scores"][name][str(k)][measure] for run in runs]))}
                for name in runs[0]["scores"]
            ]
            for setting, runs in results.runs.items()
        },
    )


def tables(results: Results) -> list[Table]:
    """Returns a table for each size of windows and each measure, and one that says who is first."""
    if "average" not in results.runs:
        return []
    made, firsts = [], []
    for k in SIZES:
        for measure, unit, digits in (("PSNR", "dB", 2), ("SSIM", "SSIM", 4)):
            values = by_volume(results, k, measure)
            style = {"unit": unit, "scale": 1.0, "digits": digits, "pairs": "volumes"}
            title = f"{measure}, windows {k}x{k}x{k}"
            made.append(verdicts.comparison(title, values, "value", "average", **style))
            firsts.append([f"{k}x{k}x{k}, {measure}", *_first(values)])
    notes = (
        "The paper's figure S3 says that SoftPool keeps more of a video than average and max pooling. "
        "Of all values, the mean of a window has the smallest squared error, so no pooling can be above the "
        "average in PSNR here. Each value is the mean over the parts of a volume that the seeds drew. Two of "
        "the videos show the same scene, so these volumes are not quite independent. Max and average pooling "
        "are proportional to the values' scale; SoftPool is not, and is near max pooling on values to 255."
    )
    header = [
        "windows, measure",
        "first",
        "soft above average",
        f"soft{BYTES} above average",
        "soft above max",
    ]
    return [*made, Table("Who is first", header, firsts, notes)]


def _first(values: Results) -> list[str]:
    """Returns who is first on how many volumes, and on how many one pooling is above another."""
    names = list(values.runs)
    grid = np.array([values.values(name, "value") for name in names])
    counts = np.bincount(grid.argmax(axis=0), minlength=len(names))
    count = grid.shape[1]
    first = ", ".join(f"{name} {n} of {count}" for name, n in zip(names, counts, strict=True) if n)

    def above(a: str, b: str) -> str:
        if a not in names or b not in names:
            return ""
        return f"{int((grid[names.index(a)] > grid[names.index(b)]).sum())} of {count}"

    return [first, above("soft", "average"), above(f"soft{BYTES}", "average"), above("soft", "max")]


def draw(results: Results, path: Path) -> None:
    """Writes a picture as figure S3 of the paper: frames of videos and of a head, pooled, with details."""
    k, side, frames = 3, 144, 12
    shown = volumes(2, frames, side)
    figure, axes = plt.subplots(
        2 * len(DRAWN_VOLUMES), 1 + len(DRAWN), figsize=(13, 16), layout="constrained"
    )
    for name, line, zoomed in zip(DRAWN_VOLUMES, axes[::2], axes[1::2], strict=True):
        volume = shown[name]
        frame = len(volume) // 2
        pictures = {"original": volume[frame]} | {
            setting: pooled(volume, setting, k, 0)[frame] for setting in DRAWN
        }
        row, column = _busiest(volume[frame], side // 4)
        for (setting, picture), ax, below in zip(pictures.items(), line, zoomed, strict=True):
            show(ax, picture, f"{name}: {setting}", 10)
            ax.add_patch(plt.Rectangle((column, row), side // 4, side // 4, fill=False, color="red"))
            show(below, picture[row : row + side // 4, column : column + side // 4], "", 10)
    figure.suptitle(f"A frame of a volume, pooled over {k}x{k}x{k} values, and its region of most contrast")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _busiest(picture: np.ndarray, size: int) -> tuple[int, int]:
    """Returns the corner of the square part whose values deviate most."""
    grey = picture.mean(axis=-1)
    corners = [
        (row, column)
        for row in range(0, grey.shape[0] - size + 1, size // 2)
        for column in range(0, grey.shape[1] - size + 1, size // 2)
    ]
    return max(corners, key=lambda corner: grey[corner[0] :, corner[1] :][:size, :size].std())


EXPERIMENT = Experiment(
    "video_and_volume",
    "Pools parts of four videos and of two images of heads in 3D, enlarges them by repetition, and measures "
    "PSNR and SSIM.",
    SETTINGS,
    {"seeds": 5, "frames": 24, "side": 96},
    {"seeds": 20, "frames": 48, "side": 138},
    run,
    tables,
    draw,
    least_seeds=1,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
