"""SavedModels loaded into sessions of TensorFlow 1, as model servers load them."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any


def load_into(session: Any, tags: Sequence[str], path: str | os.PathLike[str]) -> Any:
    """Loads the graph with these tags into a `tf.compat.v1.Session`, and returns it as a `MetaGraphDef`.

    Raises:
        OSError: if there is no SavedModel.
        ValueError: if it cannot be loaded.
    """
    import tensorflow as tf

    with _without_advice(tf.get_logger()):
        return tf.compat.v1.saved_model.load(session, list(tags), str(path))


@contextlib.contextmanager
def _without_advice(logger: logging.Logger) -> Iterator[None]:
    """Keeps TensorFlow from advising the user to load the model in another way."""

    def keep(record: logging.LogRecord) -> bool:
        return "deprecated" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
