"""The HTTP server in examples/serving_http as it runs: health, threads, sockets, and the server's process."""

import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import uvicorn
from http_asking import PREDICT, Function, Model, client, create_app, predict, refusal, server

import tf_softpool as tsp


def test_health():
    asked = client(Function())
    assert "not answered" in refusal(asked.get("/healthz"), 503)
    refusal(predict(asked, {"instances": ["1"]}))
    refusal(asked.get("/healthz"), 503)
    predict(asked, {"instances": [1]})
    assert asked.get("/healthz").json() == {"status": "ok"}


def test_samples(caplog):
    caplog.set_level(logging.WARNING, "serving_http")
    model = Model(Function(dtype="string", shape=(None, None)))
    model.try_sample()
    assert model.has_answered
    model = Model(Function(lambda _: 1 / 0))
    model.try_sample()
    assert not model.has_answered
    assert "ZeroDivisionError" in caplog.text


def test_threads():
    """A model runs in several threads at once: a call waits here until a second one has begun."""
    meeting = threading.Barrier(2, timeout=60)

    def meet(arrays):
        meeting.wait()
        return arrays

    model = Model(Function(meet))
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(model.answer, [b'{"instances": [%d]}' % i for i in range(4)])]
    assert [json.loads(answer) for answer in answers] == [{"predictions": [i]} for i in range(4)]


@contextlib.contextmanager
def serving(served, **keywords):
    """Serves a model from another thread while the block runs, and yields the port."""
    app = create_app(Model(served), **keywords)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started and thread.is_alive():
            time.sleep(0.01)
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()


def ask(port, path=PREDICT, body=None):
    """Sends a request over HTTP, and returns the status and the JSON of the reply."""
    body = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_failure_is_logged_and_not_told(caplog):
    def fail(arrays):
        raise RuntimeError("a secret")

    with serving(Function(fail)) as port:
        reply = ask(port, body={"instances": [1]})
    assert reply == (500, {"error": "The model failed. The log of the server says why."})
    assert "RuntimeError: a secret" in caplog.text


def test_bodies_of_many_chunks(caplog, monkeypatch):
    monkeypatch.setattr("app.STALL", 0.5)
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"64\r\n" + b" " * 100 + b"\r\n"
    with serving(Function(), max_bytes=1000) as port:
        for body, status in (
            (chunk * 9 + b"12\r\n" + b'{"instances": [1]}' + b"\r\n0\r\n\r\n", b"200 OK"),
            (chunk * 11 + b"0\r\n\r\n", b"413"),
            # These bodies have no end. The first is as long as what the server reads at most.
            (chunk * 21, b"413"),
            (chunk, b"408"),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(head + body)
                assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head + chunk)
        assert ask(port, body={"instances": [1]}) == (200, {"predictions": [1]})
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("error", [ImportError("pip install\nit"), RuntimeError("no library"), None])
def test_loading_errors(error, tmp_path, monkeypatch):
    def fail(path):
        raise error

    if error:
        monkeypatch.setattr(tsp.serving, "load", fail)
    with pytest.raises(SystemExit) as told:
        server._load(tmp_path / "none")
    said = " ".join(str(error).split()) if error else f"There is no model at {tmp_path}/none."
    assert told.value.code == f"{sys.argv[0]}: {said}"


@pytest.mark.parametrize("argument", ["--port=65536", "--port=x", "--max-bytes=0", "--name=a/b", "--name="])
def test_bad_arguments(argument, capsys):
    with pytest.raises(SystemExit):
        server._parser().parse_args(["model", argument])
    assert f"argument {argument.split('=')[0]}:" in capsys.readouterr().err


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, server.__file__, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_process(tmp_path):
    image = keras.Input((4, 4, 1))
    y = tsp.layers.SortedPooling2D(2, rank_initializer=tsp.layers.LeadingRank(0.4))(image)
    model = keras.Model(image, tsp.layers.GlobalSoftPooling2D()(y))
    tsp.export(model, tmp_path / "model")
    with start(tmp_path / "none") as lost, start(tmp_path / "model", "--port=0", "--name=m") as process:
        try:
            port = next(line.split()[4].rsplit(":")[-1] for line in process.stderr if "running on" in line)
            assert ask(port, "/healthz") == (200, {"status": "ok"})
            x = np.random.default_rng(0).normal(size=(64, 4, 4, 1)).astype("float32")
            with ThreadPoolExecutor(8) as threads:
                bodies = [{"instances": [image]} for image in x.tolist()]
                replies = [*threads.map(lambda body: ask(port, "/v1/models/m:predict", body), bodies)]
            answers = np.float32([reply["predictions"][0] for status, reply in replies if status == 200])
            np.testing.assert_allclose(answers, model.predict(x, verbose=0), rtol=1e-6)
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=60)
            assert process.returncode == 0, told
            assert "Traceback" not in told
            _, told = lost.communicate(timeout=60)
            assert lost.returncode == 1
            assert told.splitlines()[-1] == f"{server.__file__}: There is no model at {tmp_path}/none."
            assert "Traceback" not in told
        finally:
            process.kill()
            lost.kill()
