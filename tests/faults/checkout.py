"""A copy of the checkout, in which faults are planted, built and tested."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from fault import KERNEL_TESTS

ROOT = Path(__file__).resolve().parent.parent.parent
_LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "out", "dist", "__pycache__", "faults.tmp", "cuda-device", "bazel*"
)
# These tests check the sources' own texts, so they would fail for every planted fault.
_OF_FAULTS = "tests/test_faults.py"
# A time limit in seconds, because a fault may make a test wait for ever.
_LONGEST = 45 * 60


class Checkout:
    """A copy of the checkout. Replaces an earlier copy in the folder, if there is one."""

    def __init__(self, folder, jobs):
        self.folder, self.jobs = Path(folder), str(jobs)
        # Whether the build is configured to compile for AVX2 alone. Faults are the same on all SIMD targets.
        self._is_quick = False
        self._is_cuda_configured = False
        self._built_with_a_fault = ()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT, self.folder, ignore=_LEFT_BEHIND)
        if (ROOT / ".venv").exists():
            (self.folder / ".venv").symlink_to(ROOT / ".venv")
        _relocate(self.folder / "build", str(ROOT), str(self.folder))

    @contextmanager
    def with_fault(self, fault):
        """Plants a fault in the copy while the block runs."""
        path = self.folder / fault.file
        original = path.read_text()
        path.write_text(fault.planted(original))
        try:
            yield
        finally:
            path.write_text(original)

    def build(self, parts):
        """Builds parts again, if their sources changed since the last build.

        Raises:
            RuntimeError: if a part does not compile.
        """
        # The parts that have the fault before this one are also built again, without that fault.
        for part in dict.fromkeys([*parts, *self._built_with_a_fault]):
            build, target = self._place_of(part)
            self._make("cmake", "--build", build, "--parallel", self.jobs, "--target", target)
        self._built_with_a_fault = parts

    def _place_of(self, part):
        if part == "cuda":
            build = self.folder / "build" / "cuda-host"
            if not self._is_cuda_configured:
                # Object files lie in folders that are named after the checkout's folder, so the copied build
                # is removed and configured anew.
                shutil.rmtree(build, ignore_errors=True)
                self._make("cmake", "-S", self.folder / "tests" / "cuda", "-B", build)
                self._is_cuda_configured = True
            return build, "softpool_cuda"
        build = self.folder / "build" / "checkout"
        if not build.exists():
            raise RuntimeError("The ops are not built. Run `make demo` first, which builds them.")
        if not self._is_quick:
            options = ("-DSOFTPOOL_BUILD_TESTS=ON", "-DSOFTPOOL_QUICK=ON")
            self._make("cmake", "-S", self.folder / "custom_ops", "-B", build, *options)
            self._is_quick = True
        return build, {"ops": "tf_softpool_ops", "xla": "tf_softpool_xla"}.get(part, part)

    def _make(self, *command):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError("\n".join((made.stdout + made.stderr).splitlines()[-15:]))

    def first_failure(self, tests, short=True):
        """Returns the first failure of some tests as text, or None.

        Args:
            tests: tuple of files and folders for pytest, and of `KERNEL_TESTS`.
            short: bool, whether pytest runs only the tests of the short run.
        """
        for path in [test for test in tests if test == KERNEL_TESTS]:
            build, _ = self._place_of("ops")
            failed = _output(self.folder, "ctest", "--test-dir", build, "--stop-on-failure", "-j", self.jobs)
            if failed is not None:
                names = re.findall(r"- (\S+) \(", failed)
                return f"{path}: {names[0] if names else 'failed'}"
        paths = [test for test in tests if test != KERNEL_TESTS]
        if not paths:
            return None
        pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
        pytest += [f"--ignore={_OF_FAULTS}", *paths]
        pytest += ["-n", self.jobs] if len(paths) > 1 or Path(self.folder, paths[0]).is_dir() else []
        failed = _output(self.folder, *pytest, *(["--short"] if short else []))
        if failed is None:
            return None
        names = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", failed, re.MULTILINE)
        if "Fatal Python error" in failed:
            return f"{paths[0]}: the process crashed"
        return names[0] if names else failed.strip().splitlines()[-1]


def _output(folder, *command):
    """Returns what a command printed if it failed, or None if it succeeded."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True, "check": False}
    try:
        done = subprocess.run([str(word) for word in command], timeout=_LONGEST, **options)
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    return done.stdout + done.stderr if done.returncode else None


def _relocate(build, old, new):
    """Replaces the old path in the text files of a copied build folder, and keeps the files' times."""
    for path in build.rglob("*"):
        if path.is_file() and b"\0" not in (content := path.read_bytes()) and old.encode() in content:
            times = path.stat()
            path.write_bytes(content.replace(old.encode(), new.encode()))
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
