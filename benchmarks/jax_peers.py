"""Our poolings and their peers as functions of JAX, and our ops of TensorFlow beside them."""

import functools
import importlib.util
import json
from dataclasses import replace

import jax
import numpy as np
from flax import linen
from jax import numpy as jnp

import tf_softpool as tsp
from tf_softpool.benchmark.cases import PASSES
from tf_softpool.ops.native.library import FOLDER


def functions_of(comparison, which, threads):
    """Returns a comparison's functions without arguments, by number, and the comparison with those peers.

    Number 0 is our pooling. Without TensorFlow, our op of TensorFlow is left out.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=comparison.case.shape).astype("float32")
    inputs = [x, *parameters(comparison.ours, x, comparison.case)]
    peers = [peer for peer in comparison.peers if peer.name != "tensorflow" or tensorflow(threads)]
    makers = [
        functools.partial(ours, comparison.ours),
        *(maker(peer.name, comparison.ours, threads) for peer in peers),
    ]
    functions = {i: make(comparison.case, which, inputs) for i, make in enumerate(makers)}
    return functions, replace(comparison, peers=tuple(peers))


def parameters(name, x, case):
    """Returns the inputs of one of our poolings after the first."""
    random = np.random.default_rng(1)
    if name == "sorted_pool":
        return [random.normal(size=case.k**2).astype("float32")]
    if name == "importance_pool":
        return [random.normal(size=x.shape).astype("float32")]
    if name == "detail_preserving_pool":
        return [np.ones(x.shape[-1], "float32")] * 2
    return []


def pooling(name, case):
    """Returns one of our poolings as a function of its inputs."""
    window = case.k, case.s, case.padding
    if name == "detail_preserving_pool":
        return lambda x, alpha, lam: tsp.detail_preserving_pool(x, None, alpha, lam, *window)
    return lambda *inputs: getattr(tsp, name)(*inputs, *window)


def ours(name, case, which, inputs):
    """Returns a pass of one of our poolings under `jax.jit`."""
    return jitted(pooling(name, case), which, inputs)


def maker(name, of, threads):
    """Returns the function that makes a peer of one of our poolings."""
    return functools.partial(on_tensorflow, of, threads) if name == "tensorflow" else globals()[name]


def jitted(pool, which, inputs):
    """Returns a pass under `jax.jit`. The gradient of the result comes from outside."""
    inputs = [jnp.asarray(t) for t in inputs]
    g = np.random.default_rng(2).normal(size=jax.eval_shape(pool, *inputs).shape).astype("float32")

    def both(g, *inputs):
        y, send_back = jax.vjp(pool, *inputs)
        return y, send_back(g)

    function = jax.jit(both if which == PASSES[1] else lambda g, *inputs: pool(*inputs))
    g = jnp.asarray(g)
    return lambda: jax.block_until_ready(function(g, *inputs))


def _window(case):
    return (case.k,) * 2, (case.s,) * 2, case.padding.upper()


def avg_pool(case, which, inputs):
    """Returns a pass of Flax's average pooling, which divides by the size of the window at borders too."""
    return jitted(lambda x: linen.avg_pool(x, *_window(case)), which, inputs[:1])


def max_pool(case, which, inputs):
    """Returns a pass of Flax's max pooling."""
    return jitted(lambda x: linen.max_pool(x, *_window(case)), which, inputs[:1])


def composed(case, which, inputs):
    """Returns a pass of SoftPool as it is usually composed, which overflows for values above 88."""

    def pool(x):
        e = jnp.exp(x)
        return linen.avg_pool(x * e, *_window(case)) / linen.avg_pool(e, *_window(case))

    return jitted(pool, which, inputs[:1])


@functools.cache
def tensorflow(threads):
    """Returns TensorFlow, limited to some threads, and our ops for it, or None if one of them is absent."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for note in sorted(FOLDER.glob("tf*/build.json")):
        if tf.__version__.startswith(json.loads(note.read_text())["tensorflow"].rpartition(".")[0]):
            return tf, tf.load_op_library(str(note.parent / "libtf_softpool_ops.so"))
    return None


# The names of inputs, and the attributes, of the ops of TensorFlow.
_OPS = {
    "soft_pool": (("input",), {"gradient": "exact"}),
    "sorted_pool": (("input", "rank_logits"), {"normalize": "softmax"}),
    "importance_pool": (("input", "logits"), {}),
    "detail_preserving_pool": (("input", "alpha", "lam"), {"symmetric": True}),
}


def on_tensorflow(name, threads, case, which, inputs):
    """Returns a pass of our op of TensorFlow, in a graph."""
    tf, ops = tensorflow(threads)
    names, attributes = _OPS[name]
    attributes = {
        **attributes,
        "ksize": [case.k] * 2,
        "strides": [case.s] * 2,
        "padding": case.padding.upper(),
    }
    pool, send_back = getattr(ops, f"softpool_{name}"), getattr(ops, f"softpool_{name}_grad")
    optional = {"guide": []} if name == "detail_preserving_pool" else {}
    tensors = [tf.constant(t) for t in inputs]
    shape = pool(**dict(zip(names, tensors, strict=True)), **optional, **attributes).shape
    g = tf.constant(np.random.default_rng(2).normal(size=shape).astype("float32"))

    @tf.function(autograph=False)
    def function(g, *tensors):
        named = {**dict(zip(names, tensors, strict=True)), **optional}
        y = pool(**named, **attributes)
        if which == PASSES[0]:
            return y
        named["orig_input"] = named.pop("input")
        return y, send_back(**named, grad=g, **attributes)

    return lambda: function(g, *tensors)
