"""The runtime that portable forms are traced for.

The names are those of the formats of `export`. The quickest form differs between runtimes. And an export
needs no derivatives, so it may take forms whose derivatives would be wrong at ties.
"""

import contextlib
import contextvars
from collections.abc import Iterator

TENSORFLOW, ONNX, LITERT, OPENVINO = "tf_saved_model", "onnx", "litert", "openvino"
# LiteRT with 8-bit integers. It is the format of LiteRT too.
LITERT_INT8 = "litert_int8"

_runtime: contextvars.ContextVar[str | None] = contextvars.ContextVar("tf_softpool_runtime", default=None)


@contextlib.contextmanager
def traced_for(runtime: str) -> Iterator[None]:
    """Makes portable forms in the block fit for a runtime, by one of the names above."""
    token = _runtime.set(runtime)
    try:
        yield
    finally:
        _runtime.reset(token)


def runtime() -> str | None:
    """Returns the name of the runtime that is traced for, or None if derivatives may be needed."""
    return _runtime.get()
