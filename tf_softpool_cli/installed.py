"""What is installed in this environment, found without importing it.

`importlib.metadata` is imported in functions, because its import takes as long as all else before the help.
"""

from importlib.util import find_spec

from tf_softpool_cli import backend, supported

INSTALL_TENSORFLOW_FOR_GPUS = 'pip install "tf_softpool[tensorflow]"'
INSTALL_KERAS = f'pip install "keras{supported.KERAS.requirement()}"'


def is_there(package: str) -> bool:
    """Returns whether a package can be imported. A folder that an uninstallation left behind is none."""
    try:
        spec = find_spec(package)
    except ValueError:
        # A module that has been imported may lack a spec.
        return True
    return spec is not None and spec.origin is not None


def version_of(distribution: str) -> str | None:
    """Returns the version of an installed distribution, or None."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def providers_of(package: str) -> dict[str, str]:
    """Returns the names of the distributions that have installed a package, with their versions."""
    from importlib import metadata

    names = metadata.packages_distributions().get(package, ())
    return {name: version_of(name) or "unknown" for name in sorted(set(names))}


def require_backend() -> None:
    """Checks that Keras and the framework that it runs on are there, without importing them.

    Raises:
        ImportError: if one of them is absent, or Keras is too old. The message says what to run.
    """
    framework = backend.framework()
    if not is_there(framework.package):
        run = f"Run: {framework.install}"
        if framework.package == "tensorflow":
            run = (
                f"Run: {INSTALL_TENSORFLOW_FOR_GPUS}, or {framework.install} for a smaller TensorFlow "
                "without GPUs."
            )
        raise ImportError(f"{framework.name} is not installed. {run}")
    require_keras()


def require_keras() -> None:
    """Checks that Keras is there, without importing it.

    Raises:
        ImportError: if it is absent or too old. The message says what to run.
    """
    if not is_there("keras"):
        raise ImportError(f"Keras is not installed. Run: {INSTALL_KERAS}")
    keras = version_of("keras")
    if keras is not None and supported.minor(keras) < supported.KERAS.first:
        raise ImportError(
            f"Keras {keras} is too old: tf_softpool needs {supported.KERAS}. Run: {INSTALL_KERAS}"
        )
