"""The program of `reader.c`, which reads files with the code of examples/serving_c under sanitizers."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples" / "serving_c"
SOURCES = [Path(__file__).with_name("reader.c"), SOURCE / "npy.c", SOURCE / "signature.c"]
CHECKED = ["-std=c11", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
CHECKED += ["-fno-sanitize-recover"]


class Reader:
    """The program, compiled into a folder."""

    def __init__(self, folder):
        self.program = folder / "reader"
        subprocess.run(["cc", *CHECKED, f"-I{SOURCE}", *SOURCES, "-o", self.program], check=True)

    def __call__(self, paths, changes=0):
        """Reads files, and `changes` damaged versions of each. Returns the lines that the program printed."""
        command = [self.program, str(changes), *paths]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{paths[0]} to {paths[-1]}: {done.stderr}"
        return done.stdout.splitlines()
