"""A client for the HTTP server of examples/serving_http, and models that are functions, in one process."""

import json
import sys
from pathlib import Path

from starlette.testclient import TestClient

from tf_softpool.serving.served import Served, TensorInfo

sys.path.append(str(Path(__file__).parents[2] / "examples/serving_http"))
import server
from app import Model, create_app

# Tests import the example's names from here, because this file puts the example's folder on the path.
__all__ = ["PREDICT", "Function", "Model", "client", "create_app", "predict", "refusal", "server"]

PREDICT = "/v1/models/model:predict"


class Function(Served):
    """A model that is a function of a dict of arrays."""

    def __init__(self, run=dict, dtype="float32", shape=(None,), name="x", runtime="none 1.0"):
        self.inputs = self.outputs = {name: TensorInfo(dtype, shape)}
        self.run, self.runtime = run, runtime

    def run(self, arrays):
        """Never runs, because the constructor sets an attribute of the same name."""


def client(served, **keywords):
    """Returns a client of a server of a loaded model."""
    return TestClient(create_app(Model(served), **keywords), raise_server_exceptions=False)


def predict(client, body):
    """Returns the reply to a predict request, whose body is bytes or an object to write as JSON."""
    return client.post(PREDICT, content=body if isinstance(body, bytes) else json.dumps(body))


def refusal(reply, status=400):
    """Checks that a reply is an error, and returns its message."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["error"]
    assert "Traceback" not in reply.text
    return reply.json()["error"]
