"""The command `tf-softpool`, which runs the package's functions from a shell."""

from tf_softpool.cli.main import main

__all__ = ["main"]
