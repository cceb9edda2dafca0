"""An ASGI application that serves a loaded model with the interface of TensorFlow Serving's REST API."""

import asyncio
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import anyio
import numpy as np
import rest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

MAX_BYTES = 32 * 2**20
# How many seconds to wait for the next part of a request.
STALL = 10
# How many bytes a second a client must send on average, after the first `STALL` seconds.
SLOWEST = 1000
STATUS = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
logger = logging.getLogger("serving_http")


class Model:
    """A loaded model that takes and returns JSON. Any number of threads may call it."""

    def __init__(self, served, name="model"):
        self.name, self.inputs, self.outputs = name, served.inputs, served.outputs
        self.has_answered = False
        self._served = served

    def answer(self, body):
        """Returns the body of the answer to a predict request.

        Raises:
            HTTPException: if the model does not take the request.
        """
        try:
            arrays, in_rows = rest.read_request(body, self.inputs)
            outputs = self._served(arrays)
            if in_rows:
                rest.check_rows(outputs)
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        answer = rest.write_answer(outputs, in_rows)
        self.has_answered = True
        return answer

    def try_sample(self):
        """Asks the model for an answer to zeros, because the first answer takes longest.

        The answer also shows that the model can answer at all. Where an input's length is open, a length is
        guessed. If the model takes none of the guesses, the first answered request shows it instead.
        """
        for length in (32, 128):
            try:
                columns = {name: _zeros(info, length) for name, info in self.inputs.items()}
                self.answer(json.dumps({"inputs": columns}).encode())
                return
            except Exception as error:
                failure = error
        logger.warning("The model could not answer a sample of zeros:", exc_info=failure)


def _zeros(info, length):
    # The first axis is nearly always the batch.
    shape = [(length if axis else 1) if n is None else n for axis, n in enumerate(info.shape or ())]
    zero = {"string": "", "bool": False}.get(info.dtype, 0)
    return np.full(shape, zero, object).tolist()


async def read_body(request, max_bytes):
    """Reads the body of a request. Never keeps more than `max_bytes` of it in memory."""
    body, size = bytearray(), 0
    too_large = HTTPException(413, f"The body is larger than {max_bytes} bytes.")
    # Somewhat more than `max_bytes` is read and dropped, because a client that is cut off while it sends may
    # never see the answer.
    patience = 2 * max_bytes
    if int(request.headers.get("content-length", 0)) > patience:
        raise too_large
    begin = anyio.current_time()
    # No `fail_after`: it stays silent if the deadline moves between the end of the time and its exception.
    with anyio.move_on_after(STALL) as wait:
        async for chunk in request.stream():
            size += len(chunk)
            wait.deadline = STALL + min(anyio.current_time(), begin + size / SLOWEST)
            if size <= max_bytes:
                body += chunk
            elif size > patience:
                break
    if wait.cancelled_caught:
        raise HTTPException(408, f"The body arrives too slowly: {size} bytes have arrived.")
    if size > max_bytes:
        raise too_large
    return bytes(body)


def create_app(model, max_bytes=MAX_BYTES):
    """Returns the application, which any ASGI server can run."""
    # More threads than cores would not be faster, and each may hold many times a request's size in memory.
    threads = ThreadPoolExecutor(os.cpu_count())

    async def predict(request):
        body = await read_body(request, max_bytes)
        # The thread also reads and writes the JSON, which would keep other requests waiting otherwise.
        answer = await asyncio.get_running_loop().run_in_executor(threads, model.answer, body)
        return Response(answer, media_type="application/json")

    async def status(_):
        return _json({"model_version_status": [STATUS]})

    async def metadata(_):
        return _json(rest.describe(model.name, model.inputs, model.outputs))

    async def health(_):
        if model.has_answered:
            return _json({"status": "ok"})
        return _json({"error": "The model is loaded, but has not answered any request yet."}, 503)

    routes = [Route("/healthz", health)]
    for path in (f"/v1/models/{model.name}", f"/v1/models/{model.name}/versions/1"):
        routes += [Route(path, status), Route(f"{path}/metadata", metadata)]
        routes += [Route(f"{path}:predict", predict, methods=["POST"])]
    app = Starlette(routes=routes, exception_handlers=_handlers(model.name))
    app.router.redirect_slashes = False
    return app


def _json(content, status=200, headers=None):
    return Response(json.dumps(content), status, headers, "application/json")


def _handlers(name):
    """Returns the handlers that answer exceptions. Uvicorn logs unexpected exceptions with their trace."""

    async def refused(request, error):
        message = error.detail
        if error.status_code == 404:
            message = f"There is nothing at {request.url.path}. The model is at /v1/models/{name}."
        # A message may quote the request, which may be long.
        return _json({"error": message[:1000]}, error.status_code, error.headers)

    async def cut_short(request, error):
        return _json({"error": "The connection was closed before the body ended."}, 400)

    async def failed(request, error):
        return _json({"error": "The model failed. The log of the server says why."}, 500)

    return {HTTPException: refused, ClientDisconnect: cut_short, Exception: failed}
