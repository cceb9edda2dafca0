"""Virtual environments in build/environments, which are made once and kept."""

import os
import subprocess
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no such module, and `tomli` is the same.
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "environments"
VERSIONS = ROOT / "tests" / "versions.toml"


def promised():
    """Returns what tests/versions.toml says about the versions that the package works with."""
    return tomllib.loads(VERSIONS.read_text())


class Environment:
    """A virtual environment with some packages. It is made anew if they differ from what it was made with."""

    def __init__(self, name, *requirements):
        self.folder = FOLDER / name
        self.python = self.folder / "bin" / "python"
        stamp, wanted = self.folder / "requirements.txt", "\n".join(requirements)
        if not stamp.exists() or stamp.read_text() != wanted:
            call(sys.executable, "-m", "venv", "--clear", self.folder)
            self.install(*requirements)
            stamp.write_text(wanted)

    def install(self, *arguments, **variables):
        """Calls pip's install with some arguments, such as requirements."""
        if arguments:
            self.run("-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments, extra=variables)

    def run(self, *arguments, extra=(), **options):
        """Runs Python in this environment, away from the checkout and without a compiler.

        Args:
            arguments: what Python is called with.
            extra: dict of variables of the environment, which replace those that it would have.
            options: arguments of `subprocess.run`.

        Raises:
            subprocess.CalledProcessError: if it fails, unless `check` is False.
        """
        variables = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        variables |= {"PATH": str(self.folder / "bin"), "TF_CPP_MIN_LOG_LEVEL": "2", **dict(extra)}
        return call(self.python, *arguments, cwd=self.folder, env=variables, **options)


def call(*command, **options):
    """Runs a command, with options of `subprocess.run`.

    Raises:
        subprocess.CalledProcessError: if it fails, unless `check` is False.
    """
    return subprocess.run([str(word) for word in command], **{"check": True, **options})


def with_tensorflow(version):
    """Returns the environment of a minor version of TensorFlow, such as "2.21"."""
    return Environment(f"tensorflow-{version}", f"tensorflow-cpu=={version}.*")


def with_headers_of_jax(version):
    """Returns an environment with the headers of a minor version of JAX, such as "0.6". It cannot run JAX."""
    return Environment(f"jax-{version}", "--no-deps", f"jaxlib=={version}.*")
