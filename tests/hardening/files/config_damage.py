"""Damage to the JSON that describes a Keras model, and descriptions that name what is no layer.

Each function takes the description and a random generator, and returns a description, or text that is none.
`of_archive`, `of_folder` and `of_hdf5` make damage to files of it.
"""

import base64
import json
import marshal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import archive_damage
import h5py

Description = Any
_VALUES = [
    *(None, True, -1, 0, 1, 2**31, 2**63, 10**30, -(2**40), 0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "../../x", "/etc/passwd", "\0", "é" * 100, "a" * 10_000, [], {}, [[]], [None], [1, 2, 3]),
    *([[[[]]]], {"class_name": "x"}, {"class_name": "Dense", "config": {}}, {"config": {}}, [2**40] * 4),
]
# What a description may name that is no part of a model.
_NAMED = [
    *(("os", "system"), ("os", "popen"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "open")),
    *(("subprocess", "Popen"), ("subprocess", "run"), ("marshal", "loads"), ("pickle", "loads")),
    *(("canary_module", "Canary"), ("keras.src.utils.file_utils", "get_file"), ("keras.utils", "get_file")),
    *(("keras.src.utils.python_utils", "func_load"), ("keras.config", "enable_unsafe_deserialization")),
    *(("keras.models", "load_model"), ("keras.saving", "load_model"), ("keras.utils", "clear_session")),
    *(("keras.src.saving.serialization_lib", "enable_unsafe_deserialization"), ("keras.src", "api_export")),
    *(
        ("tensorflow", "io.write_file"),
        ("tensorflow.io", "write_file"),
        ("numpy", "load"),
        ("shutil", "rmtree"),
    ),
    *(
        ("tf_softpool.rewriting.keras_2.objects", "TensorFlowFunction"),
        ("tf_softpool", "replace_pooling_in_file"),
    ),
    *(("keras.layers", "TFSMLayer"), ("keras.layers", "TorchModuleWrapper"), ("keras.layers", "JaxLayer")),
    *(("keras.utils", "set_random_seed"), ("keras.utils", "plot_model"), ("keras.callbacks", "CSVLogger")),
]


def places(description: Description) -> Iterator[tuple[Any, Any]]:
    """Yields each dict or list of a description with each of its keys."""
    waiting = [description]
    while waiting:
        found = waiting.pop()
        keys = list(found) if isinstance(found, dict) else range(len(found))
        for key in keys:
            yield found, key
            if isinstance(found[key], dict | list):
                waiting.append(found[key])


def _place(description: Description, random: Random) -> tuple[Any, Any]:
    return random.choice(list(places(description)))


def change_a_value(description: Description, random: Random) -> Description:
    """Exchanges one to three values."""
    for _ in range(random.randint(1, 3)):
        holder, key = _place(description, random)
        holder[key] = random.choice(_VALUES)
    return description


def change_a_number(description: Description, random: Random) -> Description:
    """Exchanges a number for one that is too large, too small or no number."""
    numbers = [(h, k) for h, k in places(description) if isinstance(h[k], int | float)]
    holder, key = random.choice(numbers)
    holder[key] = random.choice([-1, 0, 2**31, 2**40, 2**63, 1e30, None, "3", [3], float("nan"), 10**9])
    return description


def leave_out_a_key(description: Description, random: Random) -> Description:
    """Leaves out a key or an item."""
    holder, key = _place(description, random)
    del holder[key]
    return description


def rename_a_key(description: Description, random: Random) -> Description:
    """Gives a value another key."""
    holder, key = random.choice([(h, k) for h, k in places(description) if isinstance(h, dict)])
    holder[random.choice(["name", "config", "class_name", "x", "fn", "layers"])] = holder.pop(key)
    return description


def copy_a_part(description: Description, random: Random) -> Description:
    """Puts a part of the description somewhere else in it."""
    source, name = _place(description, random)
    copy = json.loads(json.dumps(source[name]))
    holder, key = _place(description, random)
    holder[key] = copy
    return description


def another_class(description: Description, random: Random) -> Description:
    """Names another class."""
    names = [(h, k) for h, k in places(description) if k in ("class_name", "registered_name")]
    holder, key = random.choice(names)
    classes = ["Dense", "LSTM", "Functional", "Sequential", "Adam", "Unknown", "__numpy__", "__tensor__"]
    classes += ["__typespec__", "__slice__", "__bytes__", "__ellipsis__", "__keras_tensor__", "function"]
    classes += ["Lambda", "StringLookup", "TextVectorization", "Embedding", "RNN", "Bidirectional", ""]
    holder[key] = random.choice(classes)
    return description


def name_code(description: Description, random: Random) -> Description:
    """Names a function or class that is no part of a model, in the place of an object."""
    module, name = random.choice(_NAMED)
    holder, key = random.choice(_objects(description))
    argument = random.choice([{}, {"command": "touch canary"}, ["touch canary"], "touch canary"])
    holder[key] = random.choice(
        [
            {"module": module, "class_name": name, "config": argument, "registered_name": name},
            {"module": module, "class_name": name, "config": argument, "registered_name": None},
            {"module": module, "class_name": "function", "config": name, "registered_name": name},
            {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"},
            {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
            | {"config": {"function": {"module": module, "class_name": "function", "config": name}}},
            {"module": "keras.layers", "class_name": "Activation", "registered_name": None}
            | {"config": {"activation": {"module": module, "class_name": "function", "config": name}}},
            {"module": "keras.layers", "class_name": "TFSMLayer", "registered_name": None}
            | {"config": {"filepath": "/etc"}},
        ]
    )
    return description


def bytecode(description: Description, random: Random) -> Description:
    """Has a Lambda layer with code that leaves a trace, in one of the forms that Keras has had."""
    source = "lambda x: (__import__('os').system('touch canary'), open('canary', 'w').close(), x)[2]"
    code = base64.b64encode(marshal.dumps(eval(source).__code__)).decode()
    new = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    new["config"]["value"] = code
    function = random.choice(
        [new, [code, None, None], {"class_name": "__lambda__", "config": {"value": code}}]
    )
    config = {"name": "code", "function": function, "function_type": "lambda", "arguments": {}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None, "config": config}
    holder, key = random.choice(_objects(description))
    holder[key] = {**holder[key], **layer} if isinstance(holder[key], dict) else layer
    return description


def read_a_vocabulary(description: Description, random: Random) -> Description:
    """Has a layer that reads its words from a file of the machine."""
    config = {"name": "words", "vocabulary": "/etc/passwd", "max_tokens": None, "trainable": True}
    name = random.choice(["StringLookup", "TextVectorization", "IntegerLookup"])
    layer = {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
    holder, key = random.choice(_objects(description))
    holder[key] = layer
    return description


def nest_deeply(description: Description, random: Random) -> str:
    """Returns text with brackets that are nested deeper than a parser's stack."""
    depth = random.choice([500, 5000, 200_000])
    text = json.dumps(description)
    nested = random.choice(['{"config":' * depth + "1" + "}" * depth, "[" * depth + "]" * depth, "[" * depth])
    holder = '"name":'
    at = text.find(holder) + len(holder) + 1
    return text[:at] + nested + "," + text[at:] if random.random() < 0.5 else nested


def nest_models(description: Description, random: Random) -> Description:
    """Has a hundred models inside one another."""
    for _ in range(random.choice([30, 300])):
        description = {**description, "config": {"name": "outer", "layers": [description]}}
        description |= {"class_name": "Sequential", "module": "keras"}
    return description


def no_object(description: Description, random: Random) -> str:
    """Returns JSON that is no object, or no JSON."""
    return random.choice(
        ["[]", "1", "null", '"x"', "", "{", "\0", "NaN", "{}", "1" * 5000, "\ufeff{}", "[1]"]
    )


def _objects(description: Description) -> list[tuple[Any, Any]]:
    """Returns the places of the objects in a description, and of the whole in a list of itself."""
    return [(h, k) for h, k in places(description) if isinstance(h[k], dict) and "class_name" in h[k]]


Change = Callable[[Description, Random], Description | str]
RANDOM: list[Change] = [
    change_a_value,
    change_a_number,
    leave_out_a_key,
    rename_a_key,
    copy_a_part,
    another_class,
    name_code,
]
HOSTILE: list[Change] = [bytecode, read_a_vocabulary, nest_deeply, nest_models, no_object, name_code]


def _changed(text: bytes | str, change: Change, random: Random) -> bytes:
    found = change(json.loads(text), random)
    found = found if isinstance(found, str) else json.dumps(found)
    return found.encode("utf-8", "surrogatepass")


def of_archive(change: Change, member: str = "config.json") -> Callable[[Path, Random, Path], None]:
    """Returns damage to an archive."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        members = archive_damage.read(path)
        members[member] = _changed(members[member], change, random)
        archive_damage.write(path, members)

    return damage


def of_folder(change: Change) -> Callable[[Path, Random, Path], None]:
    """Returns damage to an unpacked archive."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        file = path / "config.json"
        file.write_bytes(_changed(file.read_text(), change, random))

    return damage


def of_hdf5(change: Change, attribute: str = "model_config") -> Callable[[Path, Random, Path], None]:
    """Returns damage to an HDF5 file."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        with h5py.File(path, "r+") as file:
            old = file.attrs.get(attribute)
            if old is None:
                return
            new = _changed(old, change, random)
            # HDF5 has room for 64 KiB in an attribute.
            file.attrs[attribute] = new[:60_000].replace(b"\0", b" ")

    return damage
