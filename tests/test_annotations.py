"""Annotations: everything public has them, and so has what rewriting passes around. make lint checks them."""

import inspect
from pathlib import Path

import pytest

import tf_softpool
import tf_softpool_cli
from tf_softpool import rewriting
from tf_softpool.rewriting.keras_model.find import ModelSite
from tf_softpool.rewriting.policy.plan import Plan
from tf_softpool.rewriting.policy.rules import Rule
from tf_softpool.rewriting.policy.selection import Selection
from tf_softpool.rewriting.policy.site import Site
from tf_softpool.rewriting.request import FileRequest, Request
from tf_softpool.rewriting.saved_model.find import GraphSite

MODULES = (tf_softpool, tf_softpool.layers, tf_softpool.serving, rewriting)
PUBLIC = {getattr(module, name) for module in MODULES for name in module.__all__} - set(MODULES)
PASSED_AROUND = {Request, FileRequest, Selection, Rule, Site, ModelSite, GraphSite, Plan}


def functions_of(thing):
    """Yields a function itself, or the functions of a class that the package defines, by name."""
    if not isinstance(thing, type):
        yield thing.__name__, inspect.unwrap(thing)
        return
    for cls in thing.__mro__:
        if cls.__module__.startswith("tf_softpool"):
            for name, member in vars(cls).items():
                member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if inspect.isfunction(member) and not name.startswith("__"):
                    yield f"{cls.__name__}.{name}", member
            if "__init__" in vars(cls):
                yield f"{cls.__name__}.__init__", vars(cls)["__init__"]


@pytest.mark.parametrize("thing", sorted(PUBLIC | PASSED_AROUND, key=lambda each: each.__name__))
def test_it_is_annotated(thing):
    for name, function in functions_of(thing):
        signature = inspect.signature(function)
        bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
        assert set(bare) <= {"self", "cls"}, f"{name} has {bare}"
        assert signature.return_annotation is not signature.empty, name


def test_the_package_tells_type_checkers_so():
    for package in (tf_softpool, tf_softpool_cli):
        assert Path(package.__file__).with_name("py.typed").exists()
