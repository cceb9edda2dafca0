"""The checks that read what pip knows, and import nothing."""

import platform
from collections.abc import Iterator

from tf_softpool_cli import backend, installed, supported
from tf_softpool_cli.doctor.findings import OK, PROBLEM, Finding


def findings() -> Iterator[Finding]:
    """Yields what is found out about Python, Keras and the frameworks that Keras runs on."""
    yield _python(platform.python_version())
    framework = backend.framework()
    if framework.package == "tensorflow":
        yield _tensorflow(installed.providers_of("tensorflow"), installed.is_there("tensorflow"))
    else:
        yield _other(framework, installed.version_of(framework.package))
    yield _keras(installed.version_of("keras"), installed.is_there("keras"))


def _python(version: str) -> Finding:
    if supported.PYTHON.has(version):
        return Finding("Python", OK, version)
    newest = f"python{'.'.join(map(str, supported.PYTHON.last))}"
    return Finding(
        "Python",
        PROBLEM,
        f"{version}, but tf_softpool is tested with {supported.PYTHON}",
        f"{newest} -m venv venv && venv/bin/{backend.framework().install}",
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
        framework = backend.FRAMEWORKS["tensorflow"]
        absent = f"it is not installed. {framework.hint}"
        what = f"{named} is incomplete: the package cannot be found" if providers else absent
        return Finding("TensorFlow", PROBLEM, what, framework.install)
    for name, version in providers.items():
        if not supported.TENSORFLOW.has(version):
            what = f"{named}, but tf_softpool is tested with {supported.TENSORFLOW}"
            return Finding("TensorFlow", PROBLEM, what, _install(name))
    return Finding("TensorFlow", OK, named or "it was not installed by pip")


def _other(framework: backend.Framework, version: str | None) -> Finding:
    """Judges a framework other than TensorFlow, which Keras has been told to run on."""
    if not installed.is_there(framework.package):
        what = f"it is not installed, and Keras is told to run on it. {framework.hint}".rstrip()
        return Finding(framework.name, PROBLEM, what, framework.install)
    if framework.package == "jax" and version is not None and not supported.JAX.has(version):
        what = f"{version}, but tf_softpool is tested with {supported.JAX}"
        return Finding(framework.name, PROBLEM, what, f'pip install "jax{supported.JAX.requirement()}"')
    return Finding(framework.name, OK, version or "it was not installed by pip")


def _install(distribution: str) -> str:
    return f'pip install "{distribution}{supported.TENSORFLOW.requirement()}"'


def _keras(version: str | None, is_there: bool) -> Finding:
    if not is_there:
        return Finding("Keras", PROBLEM, "it is not installed", installed.INSTALL_KERAS)
    if version is not None and not supported.KERAS.has(version):
        what = f"{version}, but tf_softpool is tested with {supported.KERAS}"
        return Finding("Keras", PROBLEM, what, installed.INSTALL_KERAS)
    return Finding("Keras", OK, version or "it was not installed by pip")
