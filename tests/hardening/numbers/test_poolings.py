"""Every pooling with random windows, types and numbers, against what it means."""

import agreement
import numpy as np
import pytest
import tensorflow as tf
from cases import Case
from conftest import bits, with_gradient
from draws import FORMS, KINDS, PLAIN, SPICES, Call, calls, values
from found import FOUND
from hypothesis import strategies as st
from meanings import MEANINGS, TRIED
from searching import search


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(name):
    for call in FOUND[name]:
        agreement.check(name, call, ("eager", "portable", "xla_operations"))


@pytest.mark.parametrize("name", TRIED)
def test_every_number(name, effort):
    paddings = PLAIN if name in MEANINGS and MEANINGS[name].one_size else FORMS
    search(calls(paddings), lambda call: agreement.check(name, call), effort, 2, 1000)


@pytest.mark.parametrize("name", TRIED)
def test_the_same_bits_in_a_graph(name, effort):
    """A graph of unknown sizes is traced once, and computes what eager calls compute."""
    windows = ((2, 3), (2, 1), "same", "channels_last")
    function = with_gradient(TRIED[name](*windows))
    graphs = {}

    def check(drawn):
        (height, width, channels), x, dtype = drawn
        call = Call(Case((height, width), *windows[:2], 2, channels), *windows[2:], dtype, x, x)
        tensors, g = agreement.tensors_of(name, call)
        tensors = [tf.constant(t) for t in (*tensors, g)]
        if dtype not in graphs:
            signature = [tf.TensorSpec([None] * t.shape.rank, t.dtype) for t in tensors]
            graphs[dtype] = tf.function(function, input_signature=signature)
        for a, b in zip(graphs[dtype](*tensors), function(*tensors), strict=True):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
            np.testing.assert_array_equal(bits(a)[~np.isnan(a)], bits(b)[~np.isnan(b)])

    sizes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40))
    dtypes = (
        st.just("float32") if effort(True, False) else st.sampled_from(["float32", "bfloat16", "float64"])
    )
    every = st.tuples(sizes, values(KINDS, SPICES), dtypes)
    search(every, check, effort, 1, 150)
