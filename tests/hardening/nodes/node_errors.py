"""What a clear error is: of a kind that callers expect, with a text that says what is wrong."""

import re

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

KINDS = (
    tf.errors.InvalidArgumentError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnimplementedError,
    tf.errors.NotFoundError,
    ValueError,
    TypeError,
)
# A text must name something of the node. These are the words for what has no name of its own.
WORDS = ("shape", "rank", "type", "dtype", "attr", "attribute", "input", "inputs", "output", "results",
         "op named", "elements", "memory", "OOM", "signature", "operand", "axis", "outputs", "Input",
         "passed")  # fmt: skip
NEVER = ("unknown error", "bad_alloc", "std::", "Check failed", "INTERNAL", "Internal:", "has no kernel")


def why_unclear(error, node):
    """Returns what is wrong with an error, or an empty string."""
    text = re.sub(r"\[Op:[^]]*\]|\{\{[^}]*\}\}|\[\[[^]]*\]\]", "", str(error)).strip()
    if not isinstance(error, KINDS):
        return f"the error is of the type {type(error).__name__}"
    if any(word in text for word in NEVER):
        return "the text tells of an internal error"
    inputs = [argument.name for argument in op_def_registry.get(node.op).input_arg]
    names = [*node.attributes, *inputs, "ksize", "strides", "padding", "data_format", *WORDS]
    if not any(re.search(rf"\b{re.escape(name)}\b", text) for name in names):
        return "the text names nothing of the node"
    return ""
