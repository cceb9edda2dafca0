"""What the command line does before TensorFlow is imported. An import of this module does it.

TensorFlow prints lines while it is imported, and the package imports it before the command line can do
anything. In other programs, an import of this module does nothing.
"""

import os
import sys
from pathlib import Path

from tf_softpool.quiet import Beginning

VERBOSE = "--verbose"


def is_command_line() -> bool:
    """Returns whether this process is `tf-softpool` or `python -m tf_softpool`."""
    # While Python looks for the module, `sys.argv` begins with "-m".
    if sys.argv[:1] == ["-m"]:
        return "tf_softpool" in sys.orig_argv[: -len(sys.argv[1:]) or None]
    return bool(sys.argv) and Path(sys.argv[0]).name == "tf-softpool"


beginning: Beginning | None = None
if is_command_line() and VERBOSE not in sys.argv:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    beginning = Beginning()
