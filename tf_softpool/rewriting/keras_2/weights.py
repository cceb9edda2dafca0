"""The names that archives of Keras 2 give to weights, changed to those of Keras 3."""

import re
from collections import defaultdict

import h5py

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
