"""The private attributes of Keras that rewriting uses are there, and hold what `internals.py` says."""

import ast
import inspect

import keras
import numpy as np
import pytest

from tf_softpool.rewriting.keras_model import internals

L = keras.layers


def loss(y, predicted):
    return keras.ops.mean((y - predicted) ** 2)


def model():
    """Returns a compiled and fitted model with a wrapper, an operation, and a frozen layer inside."""
    i = keras.Input((3, 8, 8, 2), name="in")
    y = L.TimeDistributed(L.MaxPooling2D(name="pool"), name="wrapper")(i)
    y = keras.ops.max_pool(y[:, 0], 2)
    y = L.Dense(1, name="dense")(keras.ops.mean(y, (1, 2)))
    built = keras.Model(i, y)
    built.compile("adam", loss)
    built.fit(np.zeros((2, 3, 8, 8, 2)), np.zeros((2, 1)), verbose=0)
    return built


def held_layers():
    wrapper = model().get_layer("wrapper")
    assert internals.held_layers(wrapper) == [wrapper.layer]


def calls_of():
    layer = L.MaxPooling2D()
    tensors = [keras.Input((8, 8, 2)), keras.Input((6, 6, 2), dtype="int32")]
    for tensor in tensors:
        layer(tensor)
    calls = internals.calls_of(layer)
    assert [tensor.dtype for call in calls for tensor in call.tensors] == ["float32", "int32"]
    assert [call.is_masked for call in calls] == [False, False]
    assert internals.calls_of(L.MaxPooling2D()) == []
    masked = L.GlobalAveragePooling1D()
    masked(keras.Input((5, 2)), mask=keras.Input((5,), dtype="bool"))
    assert [(len(call.tensors), call.is_masked) for call in internals.calls_of(masked)] == [(1, True)]


def first_output_of():
    (pool,) = (each for each in model().operations if type(each).__name__ == "MaxPool")
    assert internals.first_output_of(pool).shape == (None, 2, 2, 2)
    assert internals.first_output_of(L.MaxPooling2D()) is None


def producer_of():
    assert internals.producer_of(model().input).name == "in"


def copy_trainable_flag():
    old, new = L.TimeDistributed(L.Dense(1)), L.TimeDistributed(L.Dense(1))
    old.trainable = False
    internals.copy_trainable_flag(old, new)
    assert (new.trainable, new.layer.trainable) == (False, True)


def compile_arguments():
    assert internals.compile_arguments(model())["loss"] is loss


def variables_optimized_by():
    built = model()
    built.get_layer("dense").trainable = False
    # A test that failed inside a call may have left Keras in the scope of its model.
    found = [v.path.split("/")[-2:] for v in internals.variables_optimized_by(built.optimizer)]
    assert found == [["dense", "kernel"], ["dense", "bias"]]


def exchanged_in_tracker():
    wrapper, new = model().get_layer("wrapper"), L.AveragePooling2D(2)
    with internals.exchanged_in_tracker(wrapper, wrapper.layer, new):
        wrapper.layer = new
    assert internals.held_layers(wrapper) == [new]
    assert set(internals.BOOKKEEPING) <= vars(wrapper).keys()
    with pytest.raises(ValueError, match="cannot add"):
        wrapper.other = L.Dense(1)


CASES = [
    held_layers,
    calls_of,
    first_output_of,
    producer_of,
    copy_trainable_flag,
    compile_arguments,
    variables_optimized_by,
    exchanged_in_tracker,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_it_holds_what_is_said(case):
    case()


def test_each_function_has_a_case_and_says_what_it_is_for():
    functions = [
        node for node in ast.parse(inspect.getsource(internals)).body if isinstance(node, ast.FunctionDef)
    ]
    assert [function.name for function in functions] == [case.__name__ for case in CASES]
    for function in functions:
        text = ast.get_docstring(function)
        private = {
            n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute) and n.attr.startswith("_")
        }
        assert len(private) == 1
        assert f".{private.pop()}`, since 3." in text
        assert "Without it" in text
