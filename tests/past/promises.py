"""What models and programs of earlier versions rely on, as plain data: ops, functions, layers, commands."""

import argparse
import inspect

import keras
from layer_inputs import needed
from tensorflow.core.framework import op_def_pb2, types_pb2
from tensorflow.python.client import pywrap_tf_session

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool_cli.main import make_parser

MODULES = {"tf_softpool": tsp, "tf_softpool.layers": tsp.layers, "tf_softpool.serving": tsp.serving}
NAMESPACE, PACKAGE = "Softpool>", "tf_softpool>"


def today():
    """Returns the interface of this version. It needs the compiled ops."""
    return {
        "ops": ops(),
        "functions": functions(),
        "configs": configs(),
        "registered": registered(),
        "commands": commands(),
    }


def definitions():
    """Returns TensorFlow's definitions of the ops, by name."""
    assert native.load().ops is not None
    every = op_def_pb2.OpList()
    every.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {op.name: op for op in every.op if op.name.startswith(NAMESPACE)}


def ops():
    """Returns the signature of each op, by name."""
    return {name: _op(op) for name, op in sorted(definitions().items())}


def _op(op):
    return {
        "inputs": [_tensor(each) for each in op.input_arg],
        "outputs": [_tensor(each) for each in op.output_arg],
        "attributes": {attribute.name: _attribute(attribute) for attribute in op.attr},
        "stateful": op.is_stateful,
    }


def _tensor(argument):
    kind = argument.type_attr or types_pb2.DataType.Name(argument.type)
    return {"name": argument.name, "type": kind, "number": argument.number_attr}


def _attribute(attribute):
    found = {"type": attribute.type}
    if attribute.HasField("default_value"):
        found["default"] = attribute_value(attribute.default_value)
    if attribute.HasField("allowed_values"):
        found["allowed"] = attribute_value(attribute.allowed_values)
    if attribute.has_minimum:
        found["minimum"] = attribute.minimum
    return found


def attribute_value(value):
    """Returns an attribute's value as plain data."""
    kind = value.WhichOneof("value")
    if kind == "list":
        return [types_pb2.DataType.Name(t) for t in value.list.type] or [
            v.decode() if isinstance(v, bytes) else v for part in (value.list.s, value.list.i) for v in part
        ]
    found = getattr(value, kind)
    if kind == "type":
        return types_pb2.DataType.Name(found)
    return found.decode() if isinstance(found, bytes) else found


def functions():
    """Returns the arguments of each public function and class, by its full name. A module has none."""
    found = {}
    for module, content in MODULES.items():
        for name in content.__all__:
            public = getattr(content, name)
            found[f"{module}.{name}"] = arguments(public) if callable(public) else []
    return found


def arguments(function):
    """Returns the name, the kind and the default of each argument of a function."""
    return [
        {
            "name": p.name,
            "kind": p.kind.name,
            **({} if p.default is p.empty else {"default": repr(p.default)}),
        }
        for p in inspect.signature(function).parameters.values()
    ]


def layer_classes():
    """Returns the public layers by name."""
    every = {name: getattr(tsp.layers, name) for name in tsp.layers.__all__}
    return {name: cls for name, cls in every.items() if issubclass(cls, keras.Layer)}


def configs():
    """Returns the config of each layer that is given only what it must be, without what Keras adds."""
    found = {}
    for name, cls in layer_classes().items():
        config = cls(**needed(cls)).get_config()
        of_keras = keras.Layer.get_config(cls(**needed(cls)))
        found[name] = {key: _entry(value) for key, value in config.items() if key not in of_keras}
    return found


def _entry(value):
    """Returns an entry of a config as text. Of an object of Keras, versions of Keras say more or less."""
    return value["class_name"] if isinstance(value, dict) and "class_name" in value else repr(value)


def registered():
    """Returns the names by which Keras's files name our classes and functions."""
    every = keras.saving.get_custom_objects()
    return sorted(name for name in every if name.startswith(PACKAGE))


def commands():
    """Returns the arguments of each command of the command line, and those before a command."""
    parser = make_parser()
    (of_commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    found = {name: _options(each) for name, each in sorted(of_commands.choices.items())}
    return {"": [each for each in _options(parser) if each["options"]], **found}


def _options(parser):
    return [
        {
            "options": action.option_strings,
            "name": action.dest,
            "nargs": action.nargs,
            "takes": type(action).__name__,
            "choices": sorted(map(str, action.choices)) if action.choices else None,
            "default": repr(action.default),
            "required": action.required,
        }
        for action in parser._actions
    ]
