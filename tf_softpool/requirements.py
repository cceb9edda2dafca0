"""Says what to install if Keras or its backend is absent. An import of this module checks that."""

from tf_softpool_cli import backend, installed


def check() -> None:
    """Imports Keras, and with it the backend that the user has chosen.

    Raises:
        ImportError: if Keras or its backend is absent, or Keras is too old. The message says what to run.
    """
    try:
        import keras as keras
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("keras", *backend.FRAMEWORKS):
            installed.require_backend()
        raise
    installed.require_keras()


check()
