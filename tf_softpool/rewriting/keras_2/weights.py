"""The weights in files of Keras 2: read from HDF5, and in archives under names that Keras 3 looks for."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import h5py
import keras
import numpy as np

from tf_softpool.rewriting.keras_2.errors import Keras2Error
from tf_softpool.rewriting.keras_2.graphs import name_of

# Where Keras 2.12 and 2.13 have the layers of a model.
_OLD_LAYERS = "_layer_checkpoint_dependencies"
# Where an HDF5 file has the weights that belong to no layer of a model.
_OWN_WEIGHTS = "top_level_model_weights"


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
    for name, each in list(group.items()):
        if isinstance(each, h5py.Group) and name != "vars":
            _rearrange_layers(each)
    if not group.name.endswith("/layers"):
        # Before 3.10, Keras looks for this group in layers without weights too.
        group.require_group("vars")


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


def rename_layers(
    group: h5py.Group, config: dict[str, Any], model: keras.Model, new_name: Callable[[str], str]
) -> None:
    """Gives the layers in an archive the names that Keras 3 looks for.

    Both number the layers of a class in the model's order, and the orders may differ.

    Args:
        group: the group of the model.
        config: the model's config, as Keras 2 wrote it.
        model: the model.
        new_name: a function that takes the name of a layer in the file and returns its name in the model.
    """
    if "layers" not in group or "layers" not in config:
        return
    layers, descriptions = group["layers"], config["layers"]
    names = [new_name(name_of(each)) for each in descriptions]
    old = dict(zip(names, _numbered(each["class_name"] for each in descriptions), strict=True))
    places = _numbered(type(layer).__name__ for layer in model.layers)
    new = dict(zip((layer.name for layer in model.layers), places, strict=True))
    moved = [name for name in names if name in new and old[name] in layers]
    for name in moved:
        layers.move(old[name], f"moving/{name}")
    for name in moved:
        layers.move(f"moving/{name}", new[name])
    for name, description in zip(names, descriptions, strict=True):
        if name in moved:
            rename_layers(layers[new[name]], description["config"], model.get_layer(name), new_name)


def _numbered(classes: Iterable[str]) -> list[str]:
    """Returns the names of classes in snake case, with a number from the second of a class on."""
    counts: Counter[str] = Counter()
    names = []
    for cls in classes:
        base = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", cls)).lower()
        names.append(f"{base}_{counts[base]}" if counts[base] else base)
        counts[base] += 1
    return names


def names_in(group: h5py.Group, attribute: str) -> list[str]:
    """Returns the names in an attribute. A long list is in several attributes, which are numbered."""
    keys = sorted(
        (key for key in group.attrs if re.fullmatch(rf"{attribute}\d*", key)), key=lambda k: (len(k), k)
    )
    found = [name for key in keys for name in group.attrs[key]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]


def weights_of_layers(group: h5py.Group) -> list[h5py.Group]:
    """Returns the groups of a model's layers in an HDF5 file, and last that of its own weights, if any."""
    names = names_in(group, "layer_names") + [name for name in [_OWN_WEIGHTS] if name in group]
    return [group[name] for name in names]


def load_weights(group: h5py.Group, model: keras.Model, new_name: Callable[[str], str]) -> None:
    """Gives a model the weights in an HDF5 file: to its layers by name, and in each layer by name or in turn.

    Args:
        group: the group with the weights.
        model: the model.
        new_name: a function that takes the name of a layer in the file and returns its name in the model.

    Raises:
        Keras2Error: if a layer has other weights than the file.
    """
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    names = names_in(group, "layer_names")
    saved = dict(zip(map(new_name, names), weights_of_layers(group), strict=False))
    saved = {name: each for name, each in saved.items() if names_in(each, "weight_names")}
    if len(layers) != len(saved):
        raise Keras2Error(f"the model has {len(layers)} layers with weights, and the file has {len(saved)}.")
    if layers.keys() != saved.keys():
        # Older files may name layers in another way than their configs.
        saved = dict(zip(layers, saved.values(), strict=True))
    for name, layer in layers.items():
        _load(layer, layer.trainable_weights + layer.non_trainable_weights, saved[name])
    if _OWN_WEIGHTS in group and (own := _own_weights(model)):
        _load(model, own, group[_OWN_WEIGHTS])


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
