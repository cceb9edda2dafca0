"""The HTTP server of examples/serving_http in a process of its own, with a model that is a little function.

The process does not import TensorFlow, so it starts quickly. The model returns twice its numbers, plus one.
The first number of a request may ask for more: see `CODE`.
"""

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from process_memory import RESIDENT, memory

EXAMPLE = Path(__file__).parents[3] / "examples/serving_http"
# Takes the example's folder, and how many seconds a client may stall, a call may take and stopping may take.
CODE = """
import sys
from collections import namedtuple
import time

sys.path.append(sys.argv[1])
import app
import numpy as np
import server

app.STALL = server.STALL = float(sys.argv[2])
seconds, grace = map(float, sys.argv[3:])


class Served:
    inputs = outputs = {"x": namedtuple("Info", "dtype shape")("float32", (None,))}

    def __call__(self, arrays):
        time.sleep(seconds)
        x = arrays["x"]
        # A negative number asks for that many numbers, so a little request can have a large answer.
        return {"y": np.arange(-x[0]) if len(x) and x[0] < 0 else 2 * x + 1}


server.serve(app.Model(Served()), "127.0.0.1", 0, 2**20, grace)
"""


class Process:
    """A running server. `log` is the file that it prints to."""

    def __init__(self, popen, log):
        self.popen, self.log = popen, log
        end = time.monotonic() + 60
        while not (said := re.search(r"running on http://127.0.0.1:(\d+)", self.text())):
            assert popen.poll() is None, self.text()
            assert time.monotonic() < end, f"The server did not start: {self.text()}"
            time.sleep(0.02)
        self.port = int(said[1])

    def text(self):
        """Returns what the server has printed."""
        return Path(self.log).read_text()

    def resident(self):
        """Returns how many bytes of memory the process has."""
        return memory(RESIDENT, self.popen.pid)

    def descriptors(self):
        """Returns how many files and sockets the process has open."""
        return len(list(Path(f"/proc/{self.popen.pid}/fd").iterdir()))

    def settled_descriptors(self):
        """Returns the same once the number stays: ended connections may be closed a little later."""
        count = None
        while count != (now := self.descriptors()):
            count = now
            time.sleep(0.3)
        return count

    def stop(self, seconds, number=signal.SIGTERM):
        """Stops the process, and checks that it ends well and in time. Returns how long it took."""
        begin = time.monotonic()
        self.popen.send_signal(number)
        status = self.popen.wait(seconds)
        text = self.text()
        assert status == 0, text[-3000:]
        trace = text.find("Traceback")
        assert trace < 0, text[trace : trace + 5000]
        return time.monotonic() - begin


@contextlib.contextmanager
def process(command):
    """Starts a server with a command, and yields its `Process`."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Process(popen, log.name)
        finally:
            popen.kill()
            popen.wait()


def of_function(stall=10.0, seconds=0.0, grace=15.0):
    """Starts a server of the little function."""
    return process([sys.executable, "-c", CODE, str(EXAMPLE), str(stall), str(seconds), str(grace)])


def of_file(path):
    """Starts a server of an exported model."""
    return process([sys.executable, EXAMPLE / "server.py", path, "--port=0"])
