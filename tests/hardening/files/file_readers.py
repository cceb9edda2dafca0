"""What is done with a file, by the public functions and by the command line, and what they may say of it."""

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import keras

import tf_softpool as tsp
from tf_softpool_cli.main import main

# The errors that each function's documentation names.
REWRITING, SERVING, EXPORTING = (ValueError, OSError), (ValueError, RuntimeError, OSError), (RuntimeError,)
_LONGEST = 2500


class UnclearError(Exception):
    """The error if a reader fails in another way than its documentation says."""


def rewrite(path: Path, out: Path) -> str:
    """Replaces the pooling in a file."""
    out = out / ("out" if path.is_dir() and not (path / "config.json").is_file() else "out.keras")
    return _documented(
        lambda: tsp.replace_pooling_in_file(path, out, {"max": "soft", "average": "soft"}), path, REWRITING
    )


def load(path: Path, out: Path) -> str:
    """Loads an exported model, and runs it if it takes a small image."""

    def act() -> None:
        served = tsp.serving.load(path)
        assert served.inputs is not None

    return _documented(act, path, SERVING)


def _command(arguments: list[str], path: Path, log: Path) -> str:
    """Runs the command line in this process."""
    start = log.stat().st_size
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    said = log.read_bytes()[start:].decode(errors="replace")
    if code not in (0, 1, 2, 3):
        raise UnclearError(f"the exit code is {code!r}")
    if "Traceback" in said:
        raise UnclearError(f"a traceback: {said[-1000:]}")
    if code != 1:
        return f"exit {code}"
    lines = [line for line in said.splitlines() if line.startswith("tf-softpool: error: ")]
    if len(lines) != 1:
        raise UnclearError(f"{len(lines)} lines say what is wrong: {said[-1000:]}")
    _check_text(lines[0], path)
    return lines[0]


def _log() -> Path:
    return Path(os.environ["READING_LOG"])


def replace_command(path: Path, out: Path) -> str:
    """Runs `tf-softpool replace`."""
    target = out / ("out" if path.is_dir() and not (path / "config.json").is_file() else "out.keras")
    return _command(["replace", str(path), str(target), "--map", "max=soft", "--quiet"], path, _log())


def export_command(path: Path, out: Path) -> str:
    """Runs `tf-softpool export`, to the format that has nearly all operations."""
    target = out / ("model.onnx" if path.is_dir() and not (path / "config.json").is_file() else "model")
    return _command(["export", str(path), str(target), "--quiet"], path, _log())


def litert_command(path: Path, out: Path) -> str:
    """Runs `tf-softpool export` to LiteRT."""
    return _command(["export", str(path), str(out / "model.tflite"), "--quiet"], path, _log())


def sample_command(path: Path, out: Path) -> str:
    """Runs `tf-softpool export` with a sample from a file."""
    model = path.with_name("model.keras")
    arguments = ["export", str(model), str(out / "model"), "--sample", str(path), "--quiet"]
    return _command(arguments, path, _log())


def _documented(act: Callable[[], object], path: Path, documented: tuple[type[Exception], ...]) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            act()
    except documented as error:
        if isinstance(error, RecursionError | NotImplementedError | UnicodeError):
            raise UnclearError(repr(error)[:_LONGEST]) from error
        _check_text(str(error), path)
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        raise UnclearError(repr(error)[:_LONGEST]) from error
    finally:
        with contextlib.suppress(Exception):
            keras.backend.clear_session()
    return "done"


def _check_text(text: str, path: Path) -> None:
    """Raises an error if a message does not name the file, or nobody would read it to its end."""
    if str(path) not in text and path.name not in text and "`--sample`" not in text:
        raise UnclearError(f"the error does not name the file: {text[:_LONGEST]}")
    if "\n" in text.strip() or len(text) > _LONGEST:
        raise UnclearError(f"the error has {len(text)} letters, or several lines: {text[:_LONGEST]}")


READERS: dict[str, Callable[[Path, Path], str]] = {
    each.__name__: each
    for each in (rewrite, load, replace_command, export_command, litert_command, sample_command)
}
