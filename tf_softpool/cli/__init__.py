"""The command line, `tf-softpool`: the package's functions, for a shell."""

from tf_softpool.cli.main import main

__all__ = ["main"]
