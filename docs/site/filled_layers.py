"""What griffe, which reads the sources for mkdocstrings, cannot see in them: what a decorator does to layers.

`tf_softpool.layers.public` fills the docstrings of layers and joins their signatures when the package is
imported. So both are taken from the imported classes.
"""

import importlib
import inspect
import re
from typing import Any

import griffe

# Modules that a type is written with in the sources. The pages show the type alone.
_MODULES = re.compile(r"\b(?:collections\.abc|typing)\.")


class FilledLayers(griffe.Extension):
    """Gives public layers the docstrings and the signatures that they have once they are imported."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Completes a class that the decorator `public` completes."""
        if not any(d.callable_path.endswith(".public.public") for d in cls.decorators):
            return
        imported = getattr(importlib.import_module(cls.module.path), cls.name)
        cls.docstring = griffe.Docstring(inspect.getdoc(imported), lineno=cls.lineno, parent=cls)
        cls.set_member("__init__", _constructor(imported, cls))


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
