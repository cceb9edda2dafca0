"""What griffe, which reads the sources for mkdocstrings, does not see in them.

`tf_softpool.layers.public` fills the docstrings of layers and joins their signatures when the package is
imported. So both are taken from the imported classes.

griffe knows a section `Examples`, while ours is `Example`. It takes the text of `Returns` up to a colon for a
type, while ours begins with the meaning.
"""

import importlib
import inspect
import re
from typing import Any

import griffe

# Modules that a type is written with in the sources. The pages show the type alone.
_MODULES = re.compile(r"\b(?:collections\.abc|typing)\.")
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
_RETURNS = re.compile(r"^Returns:\n( +)", re.MULTILINE)


class FilledLayers(griffe.Extension):
    """Gives public layers the docstrings and signatures that they have once imported, and fits sections."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Fits the sections of a function's docstring."""
        _fit(func, f"{func.returns}: " if func.returns else "")

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Completes a class that the decorator `public` completes."""
        if any(decorator.callable_path.endswith(".public.public") for decorator in cls.decorators):
            imported = getattr(importlib.import_module(cls.module.path), cls.name)
            cls.docstring = griffe.Docstring(inspect.getdoc(imported), lineno=cls.lineno, parent=cls)
            cls.set_member("__init__", _constructor(imported, cls))
        _fit(cls)


def _fit(thing: griffe.Object, returned: str = "") -> None:
    """Gives the sections of a docstring the form that griffe reads."""
    if thing.docstring:
        text = _EXAMPLE.sub("Examples:", thing.docstring.value)
        thing.docstring.value = _RETURNS.sub(lambda found: f"{found[0]}{returned}", text)


def _constructor(imported: type, cls: griffe.Class) -> griffe.Function:
    """Returns the constructor of a class, with the parameters that `help()` shows."""
    parameters = [
        griffe.Parameter(
            p.name,
            annotation=None if p.annotation is p.empty else _written(p.annotation),
            kind=griffe.ParameterKind(p.kind.description),
            default=None if p.default is p.empty else repr(p.default),
        )
        for p in inspect.signature(imported).parameters.values()
    ]
    return griffe.Function("__init__", parameters=griffe.Parameters(*parameters), parent=cls)


def _written(annotation: Any) -> str:
    """Returns a type as the sources write it."""
    return _MODULES.sub("", inspect.formatannotation(annotation))
