"""What layers are made with: signatures, docstrings and configs of a class agree."""

import inspect
import re

import keras
import pytest
from layer_inputs import needed

import tf_softpool as tsp
from tf_softpool import keras_versions

CLASSES = [cls for name in tsp.layers.__all__ if issubclass(cls := getattr(tsp.layers, name), keras.Layer)]
# For each form: what its layers take by position, values for it, and the layer of Keras that does the same.
FORMS = {
    "Global": (["data_format", "keepdims"], [None, True], "GlobalMaxPooling"),
    "Adaptive": (["output_size", "data_format"], [3, "channels_first"], "AdaptiveMaxPooling"),
    "": (
        ["pool_size", "strides", "padding", "data_format"],
        [3, 2, "same", "channels_last"],
        "MaxPooling",
    ),
}
OF_EVERY_LAYER = {"name", "trainable", "dtype"}


@pytest.mark.parametrize("cls", CLASSES)
def test_signature_docstring_and_config_name_the_same_arguments(cls):
    names = list(inspect.signature(cls).parameters)
    assert set(cls(**needed(cls)).get_config()) == {*names[:-1], *OF_EVERY_LAYER}
    described = cls.__doc__.split("Args:\n")[1].split("\n\n")[0]
    assert re.findall(r"^    (\**\w+): ", described, re.MULTILINE) == [*names[:-1], "**kwargs"]
    assert "{" not in cls.__doc__
    assert f"layers.{cls.__name__}(" in cls.__doc__
    assert max(map(len, cls.__doc__.splitlines())) <= 110


@pytest.mark.parametrize("cls", CLASSES)
def test_a_layer_is_called_as_keras_layers_are(cls):
    """`tf.function(layer)` asks for the signature of the layer, not of its class."""
    assert inspect.signature(cls(**needed(cls))) == inspect.signature(keras.layers.MaxPooling2D())


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
    names, values, peer = next(FORMS[form] for form in FORMS if cls.__name__.startswith(form))
    parameters = inspect.signature(cls).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == names
    if keras_class := keras_versions.layer_class(f"{peer}{cls.rank}D"):
        assert list(inspect.signature(keras_class).parameters)[: len(names)] == names
    others = {name: value for name, value in needed(cls).items() if name not in names}
    layer = cls(*values, **others)
    same = cls(**dict(zip(positional, values, strict=True)), **others, name=layer.name)
    configs = layer.get_config(), same.get_config()
    assert [configs[0][name] for name in positional] == [configs[1][name] for name in positional]
    with pytest.raises(TypeError, match="positional"):
        cls(*values, "exact")


def test_an_adaptive_layer_needs_a_size():
    with pytest.raises(TypeError, match="output_size"):
        tsp.layers.AdaptiveSoftPooling2D()


@pytest.mark.parametrize("form", ["Global", "Adaptive"])
def test_every_pooling_has_the_form_unless_its_windows_need_one_size(form):
    plain = {cls.__name__ for cls in CLASSES if not cls.__name__.startswith(("Global", "Adaptive"))}
    of_form = {cls.__name__.removeprefix(form) for cls in CLASSES if cls.__name__.startswith(form)}
    assert {name[:-2] for name in plain - of_form} == {"GatedPooling", "S3Pooling"}
    assert of_form <= plain
