"""What is measured of a pooling: its values, or its values and its gradients."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_softpool.benchmark.cases import PASSES, Case

Pool = Callable[[Any], Any]


def pass_of(pool: Pool, which: str, case: Case) -> Pool:
    """Returns one of `PASSES` of a pooling as a function of a tensor."""
    return pool if which == PASSES[0] else forward_and_backward(pool, case)


def in_graph(function: Pool, in_xla: bool = False) -> Pool:
    """Returns a function in a graph of TensorFlow, or in an XLA program."""
    graph: Pool = tf.function(function, jit_compile=in_xla or None, autograph=False)
    return graph


def forward_and_backward(pool: Pool, case: Case) -> Pool:
    """Returns a function that pools, and computes the gradients of the input and of the weights, if any.

    The gradient of the output is a random tensor from outside. If TensorFlow could see that it holds ones, it
    would replace the gradient of average pooling with a constant.
    """
    graph = tf.function(pool, autograph=False).get_concrete_function(tf.TensorSpec(case.shape, case.dtype))
    gradient = tf.cast(tf.random.stateless_normal(graph.output_shapes, (7, 8)), case.dtype)

    def both(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x)
        return y, tape.gradient(y, [x, *tape.watched_variables()], gradient)

    return both


def tensor_of(case: Case) -> Any:
    """Returns a case's tensor: normal values, with a share of -inf among them."""
    x = tf.random.stateless_normal(case.shape, (1, 2))
    if case.infinite:
        finite = tf.random.stateless_uniform(case.shape, (3, 4)) >= case.infinite
        x = tf.where(finite, x, float("-inf"))
    return tf.cast(x, case.dtype)
