"""An import of TensorFlow and Keras that hides the lines they print while they start."""

import contextlib
import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ABSL_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def standard_error():
    """Holds back what is written to standard error, and shows it only if the block raises an exception.

    TensorFlow's C++ libraries write some lines before any setting can silence them.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with standard_error():
    import keras  # noqa: F401
    import tensorflow as tf

    # TensorFlow also prints lines when it looks for devices.
    tf.config.list_physical_devices()
    # In a notebook, TensorFlow says which files it writes. An example that makes many networks traces many
    # functions, of which TensorFlow warns.
    tf.get_logger().setLevel("ERROR")
