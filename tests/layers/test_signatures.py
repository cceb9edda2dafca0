"""What layers are made with: signatures, docstrings and configs of a class agree."""

import inspect
import re

import keras
import pytest

import tf_softpool as tsp

CLASSES = [cls for name in tsp.layers.__all__ if issubclass(cls := getattr(tsp.layers, name), keras.Layer)]
WINDOW = ["pool_size", "strides", "padding", "data_format"]
OF_EVERY_LAYER = {"name", "trainable", "dtype"}


@pytest.mark.parametrize("cls", CLASSES)
def test_signature_docstring_and_config_name_the_same_arguments(cls):
    names = list(inspect.signature(cls).parameters)
    assert set(cls().get_config()) == {*names[:-1], *OF_EVERY_LAYER}
    described = cls.__doc__.split("Args:\n")[1].split("\n\n")[0]
    assert re.findall(r"^    (\**\w+): ", described, re.MULTILINE) == [*names[:-1], "**kwargs"]
    assert "{" not in cls.__doc__
    assert f"layers.{cls.__name__}(" in cls.__doc__
    assert max(map(len, cls.__doc__.splitlines())) <= 110


@pytest.mark.parametrize("cls", CLASSES)
def test_a_layer_is_called_as_keras_layers_are(cls):
    """`tf.function(layer)` asks for the signature of the layer, not of its class."""
    assert inspect.signature(cls()) == inspect.signature(keras.layers.MaxPooling2D())


def test_a_derived_class_has_the_signature_of_its_own_constructor():
    class Own(tsp.layers.SortedPooling2D):
        def __init__(self, extra, **kwargs):
            super().__init__(2, **kwargs)

    class Same(tsp.layers.SortedPooling2D):
        pass

    assert list(inspect.signature(Own).parameters) == ["extra", "kwargs"]
    assert inspect.signature(Same) == inspect.signature(tsp.layers.SortedPooling2D)


@pytest.mark.parametrize("cls", CLASSES)
def test_only_what_keras_takes_by_position_is_taken_so(cls):
    is_global = cls.__name__.startswith("Global")
    parameters = inspect.signature(cls).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == (["data_format", "keepdims"] if is_global else WINDOW)
    peer = "GlobalMaxPooling" if is_global else "MaxPooling"
    of_peer = list(inspect.signature(getattr(keras.layers, f"{peer}{cls.rank}D")).parameters)
    assert of_peer[: len(positional)] == positional
    values = [None, True] if is_global else [3, 2, "same", "channels_last"]
    layer = cls(*values)
    same = cls(**dict(zip(positional, values, strict=True)), name=layer.name)
    configs = layer.get_config(), same.get_config()
    assert [configs[0][name] for name in positional] == [configs[1][name] for name in positional]
    with pytest.raises(TypeError, match="positional"):
        cls(*values, "exact")
