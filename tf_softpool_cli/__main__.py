"""`python -m tf_softpool_cli`: the command line, where its script is not on the path."""

import sys

from tf_softpool_cli.script import main

if __name__ == "__main__":
    sys.exit(main())
