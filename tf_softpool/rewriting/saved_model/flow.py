"""The way of tensors through a graph, from node to node and through the calls of functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import tensorflow as tf

from tf_softpool.graphs import producer
from tf_softpool.rewriting.saved_model.nodes import bodies_of

# Nodes that give a graph what it computes with. Flags and variables are no such thing.
_GIVERS = re.compile(r"Placeholder|IteratorGetNext|Queue\w*Dequeue")
_NO_DATA = {tf.bool, tf.resource, tf.variant}


class Place(NamedTuple):
    """A node, an argument of a function, a result of a function, or an output of a call.

    Attributes:
        body: the name of the function, or an empty string for the main graph.
        name: the name of the node or argument. Results are called "result", which is no name of a node there.
        number: the number of a result or of a call's output. Nodes and arguments have -1.
    """

    body: str
    name: str
    number: int = -1


RESULT = "the result"


class Flow:
    """The places of a graph, and the steps of tensors between them. A call is a step into a function.

    Attributes:
        nodes: the node at each place that is a node. Calls of functions in the graph are not among them.
    """

    def __init__(self, graph_def: Any) -> None:
        self.nodes: dict[Place, Any] = {}
        self._before: dict[Place, list[Place]] = defaultdict(list)
        self._after: dict[Place, list[Place]] = defaultdict(list)
        self._functions = {each.signature.name: each for each in graph_def.library.function}
        bodies = bodies_of(graph_def)
        self._calls = {
            (body.name, node.name): (node, callee)
            for body in bodies
            for node in body.nodes
            if (callee := self._callee(node))
        }
        for body in bodies:
            for node in body.nodes:
                self._add_node(body.name, node)
        for name, function in self._functions.items():
            for i, output in enumerate(function.signature.output_arg):
                self._step(self._place(name, function.ret[output.name]), Place(name, RESULT, i))

    def before(self, place: Place) -> list[Place]:
        """Returns the places that a tensor comes from. Those of a node are in the order of its inputs."""
        return self._before.get(place, [])

    def after(self, place: Place) -> list[Place]:
        """Returns the places that a tensor goes to."""
        return self._after.get(place, [])

    def is_argument(self, place: Place) -> bool:
        """Returns whether a place is an argument of a function."""
        return place.number < 0 and place not in self.nodes

    def users(self, place: Place) -> Iterator[Place]:
        """Yields the nodes that use a tensor, in all functions. Yields results that no call receives, too."""
        todo, seen = [*self.after(place)], set()
        while todo:
            each = todo.pop()
            if each in seen:
                continue
            seen.add(each)
            if each in self.nodes or not self.after(each):
                yield each
            else:
                todo += self.after(each)

    def reach(self, place: Place) -> set[Place]:
        """Returns all places that a tensor has an effect on."""
        return self._reach([place])

    @cached_property
    def sources(self) -> set[Place]:
        """The places where data come into the graph, and into functions that nothing in it calls."""
        nodes = {
            place
            for place, node in self.nodes.items()
            if _GIVERS.match(node.op) and tf.as_dtype(node.attr["dtype"].type or tf.float32) not in _NO_DATA
        }
        arguments = {
            place
            for name, function in self._functions.items()
            for each in function.signature.input_arg
            if not self.before(place := Place(name, each.name)) and tf.as_dtype(each.type) not in _NO_DATA
        }
        return nodes | arguments

    @cached_property
    def varying(self) -> set[Place]:
        """The places whose values depend on data, and not on constants and variables alone."""
        return self.sources | self._reach(self.sources)

    def _reach(self, places: Iterable[Place]) -> set[Place]:
        todo, seen = list(places), set()
        while todo:
            for each in self.after(todo.pop()):
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        return seen

    def _callee(self, node: Any) -> str:
        """Returns the name of the function that a node calls, or an empty string."""
        if node.op in self._functions:
            return str(node.op)
        name = node.attr["f"].func.name if node.op.endswith("PartitionedCall") else ""
        return name if name in self._functions else ""

    def _add_node(self, body: str, node: Any) -> None:
        inputs = [self._place(body, each) for each in node.input if not each.startswith("^")]
        _, callee = self._calls.get((body, node.name), (None, ""))
        if not callee:
            place = Place(body, node.name)
            self.nodes[place] = node
            for each in inputs:
                self._step(each, place)
            return
        signature = self._functions[callee].signature
        for each, argument in zip(inputs, signature.input_arg, strict=False):
            self._step(each, Place(callee, argument.name))
        for i in range(len(signature.output_arg)):
            self._step(Place(callee, RESULT, i), Place(body, node.name, i))

    def _step(self, first: Place, second: Place) -> None:
        self._before[second].append(first)
        self._after[first].append(second)

    def _place(self, body: str, reference: str) -> Place:
        """Returns the place that the input of a node in a body comes from."""
        name, *rest = reference.split(":")
        call = self._calls.get((body, producer(reference)))
        if call is None:
            return Place(body, name)
        node, callee = call
        number = int(rest[-1]) if rest else 0
        if len(rest) == 2 and node.op == callee:
            # The outputs of such a node have the names of the function's results.
            outputs = [each.name for each in self._functions[callee].signature.output_arg]
            number = outputs.index(rest[0])
        return Place(body, name, number)
