"""Broken and slow requests to the HTTP server, one at a time, and what the server says to each."""

import asyncio
import json
import socket
import time

import pytest
import served_process
from bad_clients import BROKEN, CHUNKED, LARGE, POST, RIGHT
from good_clients import request


@pytest.fixture(scope="module")
def server():
    """Returns a server that waits for half a second where the real one waits for ten."""
    with served_process.of_function(stall=0.5) as process:
        yield process
        process.stop(10)


async def replies(port, broken):
    """Sends a broken request, and returns the statuses of all replies.

    If as many replies have come as are expected, waits a little for one too many.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses = []
    try:
        writer.write(broken.sends)
        if broken.ends:
            writer.write_eof()
        while True:
            wait = 0.1 if len(statuses) >= len(broken.statuses) else 10
            head = await asyncio.wait_for(reader.readuntil(b"\r\n"), wait)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            statuses.append(int(head.split()[1]))
            length = int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, asyncio.TimeoutError):
        return statuses
    finally:
        writer.close()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_requests(name, server):
    assert tuple(asyncio.run(replies(server.port, BROKEN[name]))) == BROKEN[name].statuses
    right = asyncio.run(replies(server.port, type(BROKEN[name])(RIGHT, (200,))))
    assert right == [200]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sends", "every", "status"),
    [
        (b"", b"", b"HTTP/1.1 408"),
        (RIGHT[:20], b"", b"HTTP/1.1 408"),
        (POST, b"A: a\r\n", b"HTTP/1.1 408"),
        (RIGHT[:-3], b"", b"HTTP/1.1 408"),
        (POST + b"Content-Length: 100000\r\n\r\n", b" ", b"HTTP/1.1 408"),
        (CHUNKED, b"1\r\n \r\n", b"HTTP/1.1 408"),
        # Replies that the client does not take. These connections end without a word.
        (LARGE * 9, b"", b"HTTP/1.1 200"),
    ],
)
def test_slow_requests(sends, every, status, server):
    """Slow clients lose their connection some seconds after they have become slow."""
    before = server.settled_descriptors()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sends)
        end = time.monotonic() + 8
        while server.descriptors() <= before:
            assert time.monotonic() < end
        while server.descriptors() > before:
            assert time.monotonic() < end, "The server keeps the connection."
            try:
                connection.sendall(every)
            except ConnectionError:
                break
            time.sleep(0.05)
        assert connection.recv(1000).startswith(status)


@pytest.mark.slow
def test_a_slow_reader_that_goes_on(server):
    """A client that takes its reply slowly gets all of it: only clients that take nothing are cut off."""

    async def read():
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=2**16)
        writer.write(request({"inputs": [-500000]}, headers="Connection: close\r\n"))
        taken = bytearray(await reader.readuntil(b"\r\n\r\n"))
        while part := await reader.read(2**18):
            taken += part
            await asyncio.sleep(0.1)
        writer.close()
        return bytes(taken)

    head, _, body = asyncio.run(read()).partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert json.loads(body)["outputs"][-1] == 499999
