"""Graphs, and all functions in them, with their pooling replaced and its gradients too."""

import json
from dataclasses import replace

from tf_softpool.rewriting.policy.plan import plan_of, rule_for, skipped
from tf_softpool.rewriting.saved_model.find import (
    GRADIENTS,
    SOFT,
    bodies_of,
    element_type,
    find_graph_poolings,
    producer,
    rank_of,
    window_of,
)
from tf_softpool.rewriting.saved_model.splice import splice
from tf_softpool.rewriting.saved_model.trace import NotTraceableError, trace_gradient, trace_pooling

# These gradients have the pooling's input first and its output's gradient last; others do not know it.
_REPLACEABLE = {"MaxPoolGrad", "MaxPool3DGrad", f"{SOFT}Grad"}


class GraphRewriting:
    """One graph's poolings, what is to become of each, and its doing.

    Args:
        graph_def: a `GraphDef`, which `apply` changes.
        rules: the rules of what is replaced by what.
        selection: a `Selection`.
    """

    def __init__(self, graph_def, rules, selection):
        self.graph_def = graph_def
        self.rules = rules
        self.bodies = bodies_of(graph_def)
        self.sites = find_graph_poolings(self.bodies)
        self.plan = plan_of(self.sites, rules, selection)
        self.op_defs = {}
        self.fragments = {}
        self._skip_untraceable()
        self.gradients = self._match_gradients()

    @property
    def findings(self):
        """What becomes of each pooling, in the graph's order."""
        return [self.plan[site.key].finding for site in self.sites]

    def apply(self):
        """Changes the graph. `op_defs` then has the ops that it needs."""
        by_name = {body.name: body for body in self.bodies}
        for site in self.sites:
            if self._is_chosen(site) and not self._stays(site):
                fragment = self._trace(trace_pooling, site, by_name[site.body])
                self._splice(by_name[site.body], site.operation, fragment, site.operation.input[:1])
        for body, node, site in self.gradients:
            fragment = self._trace(trace_gradient, site, body)
            inputs = [reference for reference in node.input if not reference.startswith("^")]
            self._splice(body, node, fragment, [inputs[0], inputs[-1]])

    def _splice(self, body, node, fragment, inputs):
        self._add_functions(fragment)
        self.op_defs |= {op_def.name: op_def for op_def in fragment.op_defs}
        splice(body, node, fragment, list(inputs))

    def _add_functions(self, fragment):
        """Takes over the functions that a fragment calls, under names that are free."""
        library = self.graph_def.library.function
        taken = {function.signature.name for function in library}
        names = {}
        for function in fragment.functions:
            name, i = function.signature.name, 0
            while name in taken:
                i += 1
                name = f"{function.signature.name}_{i}"
            taken.add(name)
            names[function.signature.name] = function.signature.name = name
            library.add().CopyFrom(function)
        added = library[len(library) - len(names) :]
        for node in [*fragment.nodes, *(node for function in added for node in function.node_def)]:
            for attribute in node.attr.values():
                for called in (attribute.func, *attribute.list.func):
                    if called.name in names:
                        called.name = names[called.name]

    def _trace(self, trace, site, body):
        """The fragment for a site: traced once for all sites that differ in their names alone."""
        layer = self.plan[site.key].layer
        config = {key: value for key, value in layer.get_config().items() if key != "name"}
        rank, dtype = rank_of(site.operation), element_type(site.operation)
        key = (trace, type(layer), json.dumps(config, default=repr), rank, dtype, body.is_function)
        if key not in self.fragments:
            self.fragments[key] = trace(layer, rank, dtype, body.is_function)
        return self.fragments[key]

    def _skip_untraceable(self):
        for site in self.sites:
            if self._is_chosen(site):
                try:
                    self._trace(trace_pooling, site, self.bodies[0])
                except NotTraceableError as error:
                    self._skip(site, str(error))

    def _is_chosen(self, site):
        return self.plan[site.key].layer is not None

    def _stays(self, site):
        """Whether a pooling is replaced by its like."""
        new = self.plan[site.key].layer
        return type(new) is type(site.layer) and new.get_config() == site.layer.get_config()

    def _skip(self, site, reason):
        self.plan[site.key] = skipped(site, reason)

    def _match_gradients(self):
        """The gradients to replace, each with its body and a pooling that it is of.

        A gradient of poolings of which some are replaced and some not cannot be both: the poolings are
        left alone then. So they are where a gradient's node does not know the pooling's input.
        """
        found = [(body, node) for body in self.bodies for node in body.nodes if node.op in GRADIENTS]
        matched = []
        for body, node in found:
            sites = [site for site in self._poolings_of(body, node) if not self._stays_or_skips(site)]
            if not sites:
                continue
            reason = self._why_not(body, node)
            for site in sites if reason else ():
                self._skip(site, reason)
            if not reason:
                matched.append((body, node, sites[0]))
                for site in sites:
                    decision = self.plan[site.key]
                    finding = replace(decision.finding, note="and its gradient")
                    self.plan[site.key] = replace(decision, finding=finding)
        # What a later gradient forbade, an earlier one may have taken for granted.
        return matched if all(self._is_chosen(site) for *_, site in matched) else self._match_gradients()

    def _stays_or_skips(self, site):
        return not self._is_chosen(site) or self._stays(site)

    def _poolings_of(self, body, node):
        """The sites of the poolings that a node may be the gradient of."""
        here = [
            site
            for site in self.sites
            if len(node.input) > 2
            and site.body == body.name
            and site.operation.name == producer(node.input[1])
        ]
        return here or [site for site in self.sites if window_of(site.operation) == window_of(node)]

    def _why_not(self, body, node):
        """Why a gradient cannot be replaced, or nothing."""
        sites = self._poolings_of(body, node)
        where = f"its gradient {node.name}" + (f" in {body.name}" if body.is_function else "")
        if node.op not in _REPLACEABLE:
            return f"{where} does not know the pooling's input"
        same = [each for each in body.nodes if each.op == node.op and each.input[0] == node.input[0]]
        if node.op == f"{SOFT}Grad" and len(same) > 1:
            return f"{where} is one of two, which second derivatives have: only the first can be replaced"
        if len({self._stays_or_skips(site) for site in sites}) > 1:
            return f"{where} may also be of a pooling that is not replaced"
        rules = {id(rule_for(site.layer, self.rules)) for site in sites}
        if len(sites) > 1 and (len(rules) > 1 or not rule_for(sites[0].layer, self.rules).is_uniform):
            return f"{where} may be of poolings that are replaced by different layers"
        return ""


def op_names(graph_def):
    """The ops that a graph and its functions are made of, less its functions."""
    functions = {function.signature.name for function in graph_def.library.function}
    return {node.op for body in bodies_of(graph_def) for node in body.nodes} - functions


def unknown_ops(graph_def):
    """Those of a graph's ops that are not loaded in this process."""
    from tensorflow.python.framework import op_def_registry

    return sorted(name for name in op_names(graph_def) if op_def_registry.get(name) is None)
