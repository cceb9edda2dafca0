"""`python -m tf_softpool`, which an import of this module hands over to `python -m tf_softpool_cli`.

Python imports a package before it runs the package's `__main__`, and `import tf_softpool` takes seconds.
"""

import contextlib
import os
import re
import sys

_MODULE = re.compile(r"(-\w*m)?tf_softpool")


def _hand_over() -> None:
    """Starts Python anew, in this process, if it was started with `-m tf_softpool`.

    Python's own options and the arguments stay. In other programs, nothing happens.
    """
    # While Python looks for the module of `-m`, `sys.argv` begins with "-m".
    if sys.argv[:1] != ["-m"] or not sys.executable:
        return
    end = len(sys.orig_argv) - len(sys.argv[1:])
    _, *options, module = sys.orig_argv[:end]
    if _MODULE.fullmatch(module):
        # If Python cannot be started, the module is run as it is, which takes longer.
        with contextlib.suppress(OSError):
            os.execv(sys.executable, [sys.executable, *options, f"{module}_cli", *sys.argv[1:]])


_hand_over()
