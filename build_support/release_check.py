"""Builds what a release has, installs each part in a fresh environment, and tries it.

Usage: python build_support/release_check.py
"""

import os
import shutil
import sys

import environments
import wheels

SMOKE = environments.ROOT / "tests" / "smoke.py"
SMOKE_ON_JAX = environments.ROOT / "tests" / "smoke_on_jax.py"


def main():
    wheels.main()
    parts = sorted(wheels.DIST.iterdir())
    environments.call(sys.executable, "-m", "twine", "check", "--strict", *parts)
    newest = list(environments.promised()["tensorflow"])[-1]
    for part in parts:
        name = "wheel" if part.suffix == ".whl" else "source"
        shutil.rmtree(environments.FOLDER / f"release-{name}", ignore_errors=True)
        environment = environments.Environment(f"release-{name}", f"tensorflow-cpu=={newest}.*")
        # A source distribution is compiled, so it sees this machine's compilers. CUDA's would take long.
        compilers = {"PATH": os.environ["PATH"], "TF_SOFTPOOL_CUDA": "0"} if name == "source" else {}
        environment.install(part, **compilers)
        print(f"{part.name}:", flush=True)
        environment.run(SMOKE)
        if name == "wheel":
            _on_jax(part)


def _on_jax(wheel):
    """Tries a wheel beside the oldest and the newest JAX, without TensorFlow."""
    for name, version in environments.promised()["jax"].items():
        shutil.rmtree(environments.FOLDER / f"release-jax-{name}", ignore_errors=True)
        environment = environments.Environment(f"release-jax-{name}", f"jax=={version}.*")
        environment.install(wheel)
        environment.run(SMOKE_ON_JAX)


if __name__ == "__main__":
    main()
