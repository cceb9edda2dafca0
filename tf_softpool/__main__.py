"""`python -m tf_softpool`: the command line, where its script is not on the path."""

import sys

from tf_softpool.cli import main

if __name__ == "__main__":
    sys.exit(main())
