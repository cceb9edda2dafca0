"""What must hold of each seed's node: eager and in one other way, it is a right answer or a clear error."""

import numpy as np
import tensorflow as tf
from node import Attribute, type_name
from node_answers import assert_close, check_answer, same_bits
from node_c_api import c_api
from node_changes import node_of
from node_errors import why_unclear
from node_ops import op_defs, valid
from node_programs import Program, lie, run_program
from node_ways import compiled, eager, graph, saved_model, saved_model_1

# How often each way is taken. Compiling takes a hundred times as long as the rest.
WAYS = {
    graph: 0.46, c_api: 0.4, saved_model: 0.02, saved_model_1: 0.03, compiled: 0.02, "operations": 0.01,
    "program": 0.06,
}  # fmt: skip
# TensorFlow's errors are outcomes. Others would be mistakes of these tests.
ERRORS = (tf.errors.OpError, ValueError, TypeError)


def _outcome(run, node):
    """Returns a node's outputs and no error, or no outputs and its error."""
    try:
        return [np.asarray(v) for v in run(node)], None
    except ERRORS as error:
        return None, error


def _clear(error, node):
    if error is not None and (why := why_unclear(error, node)):
        raise AssertionError(f"{why}: {type(error).__name__}: {error}")


def _declares_lies(node):
    return any(
        shape is not None and list(shape) != list(v.shape)
        for shape, v in zip(node.declared, node.inputs, strict=True)
    )


def _count(node):
    count = node.get("N", 0)
    return max(0, min(count, 9)) if isinstance(count, int) else 0


def _types(node):
    """Returns the attributes that say the types of a node's tensors."""
    op = op_defs()[node.op]
    of = [a.type_attr for a in op.input_arg for _ in range(_count(node) if a.number_attr else 1)]
    pairs = zip(of, node.inputs, strict=False)
    return {name: Attribute("type", type_name(value)) for name, value in pairs if name}


def _types_agree(node):
    """Returns whether the attributes say the tensors' types. Eagerly, the tensors themselves say them."""
    op = op_defs()[node.op]
    of = [a.type_attr for a in op.input_arg for _ in range(_count(node) if a.number_attr else 1)]
    return len(of) == len(node.inputs) and all(
        not name or node.get(name) == type_name(value) for name, value in zip(of, node.inputs, strict=True)
    )


def _has_other_attributes(node):
    """Returns whether a node has attributes that its op does not have, or of other kinds.

    In graphs, TensorFlow ignores unknown attributes. Eagerly, it turns values into the right kind.
    """
    kinds = {attr.name: attr.type for attr in op_defs()[node.op].attr}
    return any(kinds.get(name) != attribute.kind for name, attribute in node.attributes.items())


def describe(seed):
    """Returns what a seed stands for, as text."""
    way, subject = _subject(seed)
    return f"{way if isinstance(way, str) else way.__name__}: {subject}"


def _subject(seed):
    random = np.random.default_rng([seed, 1])
    ways = list(WAYS)
    way = ways[random.choice(len(ways), p=list(WAYS.values()))]
    if way != "program":
        return way, node_of(seed)
    return way, _program(seed, random)


def _program(seed, random):
    """Returns a program that lies, or whose node is nearly valid, or whose node is valid.

    Half of the programs call a valid node and lie. In the others the node is changed.
    """
    ops = list(op_defs())
    truth = valid(np.random.default_rng(seed))
    results = [(list(v.shape), type_name(v)) for v in eager(truth)]
    if random.integers(2):
        program = Program(truth, results, truth.op)
        for _ in range(random.integers(1, 3)):
            lie(random, program, ops)
        return program
    node = node_of(seed, op=truth.op)
    node.inputs = [
        v for v in node.inputs if v.dtype != object and v.nbytes < 2**20 and max(v.shape, default=0) < 2**20
    ]
    return Program(node, results, node.op)


def check(seed):
    """Checks one seed. Raises an AssertionError that says what is wrong. Returns a word for the outcome."""
    way, subject = _subject(seed)
    if way == "program":
        return _check_program(subject)
    outputs, error = _outcome(eager, subject)
    _clear(error, subject)
    if outputs is not None:
        check_answer(subject, outputs)
    if not subject.changes and error is not None:
        raise AssertionError(f"a valid node has an error: {error}")
    run = (lambda node: compiled(node, kernels=False)) if way == "operations" else way
    others, other_error = _outcome(run, subject)
    _clear(other_error, subject)
    lies = _declares_lies(subject) or not _types_agree(subject) or _has_other_attributes(subject)
    if way == "operations" and error is not None and "positions must" in str(error):
        return "answer"  # an XLA program cannot look at values: it takes the nearest positions that there are
    if way is compiled and error is not None and others is not None and all(v.size == 0 for v in others):
        return "answer"  # as in programs
    if (error is None) != (other_error is None) and not lies and not _may_differ(way, other_error):
        raise AssertionError(f"eager says {error or outputs}, but {_name(way)} says {other_error or others}")
    if error is None and other_error is None:
        if way == "operations":
            if all(np.isfinite(v.astype("float64")).all() for v in subject.inputs):
                assert_close(others, outputs)
        elif not same_bits(outputs, others):
            raise AssertionError(f"eager says {outputs}, but {_name(way)} says {others}")
    return "answer" if other_error is None else "error"


def _name(way):
    return way if isinstance(way, str) else way.__name__


def _may_differ(way, error):
    """Returns whether only XLA may raise an error: the program is too large for its indices or memory."""
    return way in ("operations", compiled) and isinstance(error, tf.errors.ResourceExhaustedError)


def _check_program(program):
    outputs, error = _outcome(run_program, program)
    node = program.node
    if error is not None:
        _clear(error, node)
        return "error"
    if all(v.size == 0 for v in outputs):
        return "answer"  # XLA leaves out a call whose results have no elements, so no handler was asked
    # The handler took the call, so the node that it stands for must be valid, and have the same result.
    node.op = program.lies.get("op", node.op)
    known = {attr.name for attr in op_defs()[node.op].attr if attr.type != "type"}
    node.attributes = {name: value for name, value in node.attributes.items() if name in known}
    node.attributes.update(_types(node))
    expected, error = _outcome(eager, node)
    if error is not None:
        raise AssertionError(f"a handler took a call that is an error outside of XLA: {error}")
    if not same_bits(outputs, expected):
        raise AssertionError(f"eager says {expected}, but the program says {outputs}")
    return "answer"


def prepare():
    """Does once, without a limit of memory, what takes memory: the first program and the first session."""
    truth = valid(np.random.default_rng(0))
    for way in (eager, graph, c_api, saved_model, compiled):
        _outcome(way, truth)
