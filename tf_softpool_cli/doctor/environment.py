"""The checks that read what pip knows, and import nothing."""

import platform
from collections.abc import Iterator

from tf_softpool_cli import installed, supported
from tf_softpool_cli.doctor.findings import OK, PROBLEM, Finding


def findings() -> Iterator[Finding]:
    """Yields what is found out about Python, TensorFlow and Keras."""
    yield _python(platform.python_version())
    yield _tensorflow(installed.providers_of("tensorflow"), installed.is_there("tensorflow"))
    yield _keras(installed.version_of("keras"), installed.is_there("keras"))


def _python(version: str) -> Finding:
    if supported.PYTHON.has(version):
        return Finding("Python", OK, version)
    newest = f"python{'.'.join(map(str, supported.PYTHON.last))}"
    return Finding(
        "Python",
        PROBLEM,
        f"{version}, but tf_softpool is tested with {supported.PYTHON}",
        f"{newest} -m venv venv && venv/bin/{installed.INSTALL_TENSORFLOW}",
    )


def _tensorflow(providers: dict[str, str], is_there: bool) -> Finding:
    """Judges the distributions that have installed the package `tensorflow`, and their versions."""
    named = " and ".join(f"{name} {version}" for name, version in providers.items())
    if len(providers) > 1:
        return Finding(
            "TensorFlow",
            PROBLEM,
            f"{named} are installed over each other, in the same folder",
            f"pip uninstall -y {' '.join(providers)} && {_install(next(iter(providers)))}",
        )
    if not is_there:
        absent = "it is not installed. tf_softpool[tensorflow] instead also computes on GPUs, and is larger"
        what = f"{named} is incomplete: the package cannot be found" if providers else absent
        return Finding("TensorFlow", PROBLEM, what, installed.INSTALL_TENSORFLOW)
    for name, version in providers.items():
        if not supported.TENSORFLOW.has(version):
            what = f"{named}, but tf_softpool is tested with {supported.TENSORFLOW}"
            return Finding("TensorFlow", PROBLEM, what, _install(name))
    return Finding("TensorFlow", OK, named or "it was not installed by pip")


def _install(distribution: str) -> str:
    return f'pip install "{distribution}{supported.TENSORFLOW.requirement()}"'


def _keras(version: str | None, is_there: bool) -> Finding:
    if not is_there:
        return Finding("Keras", PROBLEM, "it is not installed", installed.INSTALL_KERAS)
    if version is not None and not supported.KERAS.has(version):
        what = f"{version}, but tf_softpool is tested with {supported.KERAS}"
        return Finding("Keras", PROBLEM, what, installed.INSTALL_KERAS)
    return Finding("Keras", OK, version or "it was not installed by pip")
