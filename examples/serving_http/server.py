"""An HTTP server for an exported model of any format, with the interface of TensorFlow Serving's REST API.

Usage: python server.py MODEL [--name NAME] [--host HOST] [--port PORT] [--max-bytes N]

The server needs Starlette and Uvicorn: pip install "tf_softpool[serve]".
"""

import argparse
import os
import re
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from app import MAX_BYTES, STALL, Model, create_app
from stopping import Stopping
from watching import Server

# How many seconds running requests get when the server is told to stop. A request whose client has gone
# silent ends earlier, after `STALL` seconds.
GRACE = STALL + 5


def _whole_number(low, high):
    """Returns a parser of whole numbers from `low` to `high`."""

    def parse(text):
        if not low <= (number := int(text)) <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low} to {high}, got {number}")
        return number

    return parse


def _name(text):
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(f"may only have letters, digits, '.', '_' and '-', got {text!r}")
    return text


def _parser():
    parser = argparse.ArgumentParser(description="Serves an exported model over HTTP.")
    parser.add_argument("model", help="a SavedModel folder, or a file that ends in .onnx, .tflite or .xml")
    parser.add_argument("--name", type=_name, default="model", help="the model's name in URLs (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    parser.add_argument(
        "--port",
        type=_whole_number(0, 65535),
        default=8501,
        help="the port; 0 takes any free one (%(default)s)",
    )
    parser.add_argument(
        "--max-bytes",
        type=_whole_number(1, sys.maxsize),
        default=MAX_BYTES,
        metavar="N",
        help="how many bytes a request may have (%(default)s)",
    )
    return parser


def _load(path):
    """Loads the model at a path. If that fails, ends the program with a line that says why."""
    # The import takes seconds, so it waits until the arguments are known to be right.
    import tf_softpool as tsp

    try:
        return tsp.serving.load(path)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        return sys.exit(f"{sys.argv[0]}: {' '.join(str(error).split())}")


def serve(model, host, port, max_bytes, grace=GRACE):
    """Serves a model until SIGINT or SIGTERM arrives. Then ends the process with status 0."""
    # After all requests have ended, Uvicorn raises the signal again, which would kill the process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    app = Stopping(create_app(model, max_bytes))
    try:
        Server(app, STALL, grace, host=host, port=port).run()
    except SystemExit as ended:
        if ended.code:
            raise
    # Python would wait for calls of the model. Their clients have been told already that no time was left.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def main():
    """Loads the model, and serves it."""
    arguments = _parser().parse_args()
    # While the model is loaded, SIGTERM ends the process at once.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    model = Model(_load(arguments.model), arguments.name)
    model.try_sample()
    serve(model, arguments.host, arguments.port, arguments.max_bytes)


if __name__ == "__main__":
    main()
