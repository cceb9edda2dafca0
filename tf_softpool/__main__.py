"""`python -m tf_softpool` in a program that runs modules itself, such as a profiler.

Python itself never comes here: see `tf_softpool_cli.handover`.
"""

import sys

from tf_softpool_cli.script import main

if __name__ == "__main__":
    sys.exit(main())
