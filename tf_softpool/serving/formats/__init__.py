"""The formats that models are exported to: one module for each, which writes the format and runs it.

A model is first traced to a SavedModel, whatever the format. The other formats are converted from that.
"""

import os
from typing import Protocol

from tf_softpool.serving.formats import litert, onnx, openvino, tf_saved_model
from tf_softpool.serving.served import Served


class Format(Protocol):
    """What the module of a format has.

    Attributes:
        NAME: str. The name that `keras.Model.export` gives the format. The extra of tf_softpool that
            installs the packages of the format has the same name.
        SUFFIX: str. The end of the file's name, or "" if the format is a folder.
    """

    NAME: str
    SUFFIX: str

    def check(self) -> None:
        """Raises an ImportError or a RuntimeError if something needed to write the format is missing."""

    def Runner(self, path: str | os.PathLike[str], *, threads: int | None = None) -> Served:  # noqa: N802
        """Loads an exported model from `path`. In the modules, this is a class.

        Args:
            path: str or path-like.
            threads: int or None. How many threads run the model. None leaves that to the runtime.
        """


class ConvertedFormat(Format, Protocol):
    """What the module of a format has, if a SavedModel is converted to the format.

    Attributes:
        SHARED_NAMES: bool. Whether inputs and outputs share their names, so that no input may be called like
            an output.
    """

    SHARED_NAMES: bool

    def convert(self, saved_model: str | os.PathLike[str], path: str) -> None:
        """Writes the default signature of a portable SavedModel to `path`."""


_CONVERTED: tuple[ConvertedFormat, ...] = (onnx, litert, openvino)
CONVERTED_FORMATS = {module.NAME: module for module in _CONVERTED}
FORMATS: dict[str, Format] = {tf_saved_model.NAME: tf_saved_model, **CONVERTED_FORMATS}


def format_named(name: str) -> Format:
    """Returns the module of a format.

    Raises:
        ValueError: if there is no format of this name.
    """
    if name not in FORMATS:
        raise ValueError(f"`format` must be one of {sorted(FORMATS)}, got {name!r}.")
    return FORMATS[name]
