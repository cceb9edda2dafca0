"""A process that damages files, reads them, and watches what the readers do.

Usage: python watched_reading.py FOLDER WORDS, with cases as lines of JSON on stdin. A line of JSON on the
descriptor WORDS answers each.
"""

import faulthandler
import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import file_readers
import valid_files
from file_cases import DAMAGE, Case
from process_memory import PEAK, RESIDENT, VIRTUAL, forget_peak, memory

MIB = 2**20
# How much more memory a reader may take for files of a few kilobytes. TensorFlow itself takes some.
MEMORY = 900 * MIB
# No reader has a reason to write a larger file.
_LARGEST_FILE = 600 * MIB
HANGS = 150  # in seconds
_RUNS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "pty.spawn",
    "socket.connect",
)
_WRITES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
)
# TensorFlow removes these files when the process ends.
_OF_TENSORFLOW = "__autograph_generated_file"
# The folders of a case: of the file, of the result, of what no reader may touch, and the temporary folder,
# working directory and home.
_PLACES = ("given", "out", "outside", "tmp", "here", "home")
_SECRETS = ("/etc/passwd", "/etc/shadow")


class Watch:
    """What this process is seen doing while it reads a file."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple) -> None:
        if self.folder is None:
            return
        if event.startswith(_RUNS):
            self.seen.append(f"it runs {event}{arguments[:2]}")
        elif event == "open" and isinstance(arguments[0], str):
            path, mode, flags = arguments
            is_written = bool(flags and flags & (os.O_WRONLY | os.O_RDWR)) or any(
                c in (mode or "") for c in "wax+"
            )
            if path in _SECRETS or (is_written and not self._is_ours(path)):
                self.seen.append(f"it opens {path} ({mode})")
        elif event in _WRITES:
            for path in arguments:
                if isinstance(path, str | os.PathLike) and not self._is_ours(os.fspath(path)):
                    self.seen.append(f"{event} {path}")

    def _is_ours(self, path: str) -> bool:
        inside = os.path.abspath(path).startswith(str(self.folder))
        return inside or path.startswith(("/dev/", os.environ["READING_LOG"])) or not path.startswith("/")


def _tree(folder: Path) -> dict[str, str]:
    """Returns what is in a folder, with digests of the files."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(place) / name
            mode = path.lstat().st_mode
            what = "folder"
            if stat.S_ISLNK(mode):
                what = f"link to {os.readlink(path)}"
            elif stat.S_ISREG(mode):
                what = hashlib.sha256(path.read_bytes()).hexdigest()
            elif not stat.S_ISDIR(mode):
                what = "device"
            found[str(path.relative_to(folder))] = what
    return found


def answer(case: Case, folder: Path, watch: Watch) -> dict[str, Any]:
    """Runs a case. Returns what the reader said, and what is wrong."""
    place = folder / "case"
    given, out, outside, temporary, here, home = (place / name for name in _PLACES)
    # Nothing works in a working directory that is removed.
    os.chdir(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(valid_files.write(case.kind, folder / "valid").parent, given, symlinks=True)
    for each in (out, outside, temporary, here, home):
        each.mkdir(parents=True)
    path = given / valid_files.KINDS[case.kind][0]
    if case.reader == "sample_command":
        shutil.copy(valid_files.write("keras", folder / "valid"), given / "model.keras")
    try:
        DAMAGE[case.kind][case.damage](path, case.random(), outside)
    except Exception as error:
        said = f"the damage cannot be done: {error!r}"
        return {"said": said, "seconds": 0, "grown": 0, "faults": [said]}
    os.chdir(here)
    tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
    os.environ["HOME"] = str(home)
    before = {each: _tree(each) for each in (given, outside)}
    forget_peak()
    resident, start = memory(RESIDENT), time.process_time()
    watch.seen, watch.folder = [], place
    faults = []
    try:
        said = file_readers.READERS[case.reader](path, out)
    except file_readers.UnclearError as error:
        said = str(error)
        faults.append(f"unclear error: {said}")
    finally:
        watch.folder = None
    seconds, grown = time.process_time() - start, memory(PEAK) - resident
    faults += dict.fromkeys(watch.seen)
    if grown > MEMORY:
        faults.append(f"it takes {grown // MIB} MiB of memory")
    if "File too large" in said:
        faults.append(f"it writes a file of more than {_LARGEST_FILE // MIB} MiB")
    faults += [f"it changes {each.name}" for each, tree in before.items() if _tree(each) != tree]
    left = [name for each in (temporary, here, home) for name in _tree(each)]
    faults += [f"it leaves {name}" for name in left if not name.startswith(_OF_TENSORFLOW)]
    faults += [f"it writes {name}" for name in {p.name for p in place.iterdir()}.difference(_PLACES)]
    results = sorted(each.name for each in out.iterdir())
    is_done = said == "done" or said.startswith("exit 0")
    if len(results) > is_done:
        faults.append(f"it writes {results}")
    if "canary_module" in sys.modules:
        del sys.modules["canary_module"]
        faults.append("it imports a module that the file names")
    faulthandler.cancel_dump_traceback_later()
    return {"said": said, "seconds": round(seconds, 2), "grown": grown // MIB, "faults": faults}


def main() -> None:
    """Answers until stdin ends."""
    folder, words = Path(sys.argv[1]), os.fdopen(int(sys.argv[2]), "w", buffering=1)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nobody may take the machine's whole memory, whatever the measurement says later.
    limit = memory(VIRTUAL) + 8192 * MIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    watch = Watch()
    print("ready", file=words)
    for line in sys.stdin:
        # What a process does that hangs is the end of what it prints.
        faulthandler.dump_traceback_later(HANGS)
        print(json.dumps(answer(Case(*json.loads(line)), folder, watch)), file=words)


if __name__ == "__main__":
    main()
