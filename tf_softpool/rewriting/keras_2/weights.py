"""The weights in files of Keras 2: read from HDF5, and in archives under names that Keras 3 looks for."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import h5py
import keras
import numpy as np

from tf_softpool.rewriting.keras_2.errors import Keras2Error

# Where Keras 2.12 and 2.13 have the layers of a model.
_OLD_LAYERS = "_layer_checkpoint_dependencies"


def rearrange(file: h5py.File) -> None:
    """Gives the groups of an open file of weights the names that Keras 3 looks for."""
    for name in [name for name in file if "\\" in name]:
        # Keras 2 on Windows.
        file.move(name, name.replace("\\", "/"))
    _rearrange_layers(file)


def _rearrange_layers(group: h5py.Group) -> None:
    if _OLD_LAYERS in group and "layers" not in group:
        group.move(_OLD_LAYERS, "layers")
        _number(group["layers"])
    for each in group.values():
        if isinstance(each, h5py.Group):
            _rearrange_layers(each)


def _number(layers: h5py.Group) -> None:
    """Numbers the layers of each class from 0. Keras 2.12 counted layers with weights twice."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in layers:
        match = re.fullmatch(r"(.+?)_(\d+)", name)
        base, number = (match[1], int(match[2])) if match and match[1] in layers else (name, 0)
        groups[base].append((number, name))
    for base, found in groups.items():
        for i, (_, name) in enumerate(sorted(found)):
            new = f"{base}_{i}" if i else base
            if new != name:
                layers.move(name, new)


def names_in(group: h5py.Group, attribute: str) -> list[str]:
    """Returns the names in an attribute. A long list is in several attributes, which are numbered."""
    keys = sorted(
        (key for key in group.attrs if re.fullmatch(rf"{attribute}\d*", key)), key=lambda k: (len(k), k)
    )
    found = [name for key in keys for name in group.attrs[key]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]


def load_weights(group: h5py.Group, model: keras.Model) -> None:
    """Gives a model the weights in an HDF5 file: to its layers in turn, and in each layer by name or in turn.

    Raises:
        Keras2Error: if a layer has other weights than the file.
    """
    layers = [layer for layer in model.layers if layer.weights]
    groups = [group[name] for name in names_in(group, "layer_names")]
    groups = [each for each in groups if names_in(each, "weight_names")]
    if len(layers) != len(groups):
        raise Keras2Error(f"the model has {len(layers)} layers with weights, and the file has {len(groups)}.")
    for layer, saved in zip(layers, groups, strict=True):
        _load(layer, layer.trainable_weights + layer.non_trainable_weights, saved)
    if "top_level_model_weights" in group and (own := _own_weights(model)):
        _load(model, own, group["top_level_model_weights"])


def _own_weights(model: keras.Model) -> list[keras.Variable]:
    """Returns the weights of a model that none of its layers has."""
    inner = {id(weight) for layer in model.layers for weight in layer.weights}
    weights = model.trainable_weights + model.non_trainable_weights
    return [weight for weight in weights if id(weight) not in inner]


def _load(layer: keras.Layer, weights: Sequence[keras.Variable], group: h5py.Group) -> None:
    names = names_in(group, "weight_names")
    values = [np.asarray(group[name]) for name in names]
    # Keras 2 has trainable weights first. In a model inside this one, Keras 3 may have them in another order.
    by_name = dict(zip(map(_end, names), values, strict=True))
    ends = [_end(weight.path) for weight in weights]
    if len(by_name) == len(names) and len(set(ends)) == len(ends) and by_name.keys() == set(ends):
        values = [by_name[end] for end in ends]
    shapes = [tuple(weight.shape) for weight in weights]
    if shapes != [value.shape for value in values]:
        found = [value.shape for value in values]
        raise Keras2Error(
            f"its layer {layer.name!r} has weights of the shapes {shapes}, and the file has {found}."
        )
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
    finish: Any = getattr(layer, "finalize_state", None)
    if finish is not None:
        finish()


def _end(path: str) -> str:
    """Returns the end of a weight's name: its layer and itself."""
    return "/".join(path.removesuffix(":0").split("/")[-2:])
