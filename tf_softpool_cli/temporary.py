"""The temporary files of the command line, in a folder that goes with the process."""

import contextlib
import os
import shutil
import tempfile

from tf_softpool_cli.stopping import Stopping, held


def use_own_folder(stopping: Stopping) -> None:
    """Gives the process a folder for its temporary files, which is removed at its end.

    TensorFlow and ONNX Runtime leave files behind, some always and some after an interrupt.

    Args:
        stopping: the `Stopping` of the process. If no folder can be made, nothing happens.
    """
    with contextlib.suppress(OSError), held():
        folder = tempfile.mkdtemp(prefix="tf-softpool-")
        stopping.ending.callback(shutil.rmtree, folder, ignore_errors=True)
        # The first is for libraries in C++ and for other processes, the second for Python itself.
        os.environ["TMPDIR"] = tempfile.tempdir = folder
