"""Clients that break the rules of HTTP, or are slow: what they send, and what the server must say to that."""

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass

from good_clients import PREDICT, request

POST = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
RIGHT = request({"inputs": [1]})
LARGE = request({"inputs": [-200000]})


@dataclass(frozen=True)
class Broken:
    """Bytes that are sent at once.

    Attributes:
        sends: bytes.
        statuses: the statuses of all replies, in order. The server then closes, or waits for more.
        ends: whether the client then says that nothing more follows.
    """

    sends: bytes
    statuses: tuple = (400,)
    ends: bool = False


BROKEN = {
    "garbage": Broken(random.Random(0).randbytes(5000) + b"\r\n\r\n"),
    "zeros": Broken(bytes(100_000)),
    "TLS": Broken(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.Random(1).randbytes(500)),
    "HTTP/2": Broken(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (404, 400)),
    "HTTP/0.9": Broken(b"GET /healthz\r\n\r\n"),
    "no host": Broken(b"GET /healthz HTTP/1.1\r\n\r\n"),
    "line without an end": Broken(b"GET /" + b"a" * 200_000, (431,)),
    "huge header": Broken(POST + b"A: " + b"a" * 200_000 + b"\r\n\r\n", (431,)),
    "headers without an end": Broken(POST + b"A: a\r\n" * 50_000, (431,)),
    "NUL in a header": Broken(POST + b"A: \0\r\n\r\n"),
    "folded length": Broken(POST + b"Content-Length: 1\r\n 6\r\n\r\n" + b"x" * 16),
    "negative length": Broken(POST + b"Content-Length: -1\r\n\r\n"),
    "length in words": Broken(POST + b"Content-Length: ten\r\n\r\n"),
    "two lengths": Broken(POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12"),
    "endless length": Broken(POST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", (413,)),
    "length beyond int": Broken(POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n"),
    "length too large": Broken(POST + b"Content-Length: 17\r\n\r\n{}", (), ends=True),
    "length too small": Broken(POST + b"Content-Length: 1\r\n\r\n{}}}}}\r\n\r\n", (400, 400)),
    "not a chunk": Broken(CHUNKED + b"zz\r\n"),
    "chunk without an end": Broken(CHUNKED + b"5\r\nabcdeXX0\r\n\r\n"),
    "huge chunk": Broken(CHUNKED + b"F" * 16 + b"\r\n", (408,)),
    "chunk size without an end": Broken(CHUNKED + b"0" * 200_000, (431,)),
    "unknown coding": Broken(POST + b"Transfer-Encoding: gzip\r\n\r\n", (501,)),
    "upgrade": Broken(
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        (200,),
    ),
    "path that is not UTF-8": Broken(b"GET /%ff%00%c0 HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
    "body that is not UTF-8": Broken(request(b'{"inputs": ["\xff\xfe"]}')),
    "half of a surrogate": Broken(request(b'{"inputs": ["\\ud800"]}')),
    "deep lists": Broken(request(b"[" * 500_000)),
    "deep objects": Broken(request(b'{"inputs":' * 50_000)),
    "a long number": Broken(request(b'{"inputs": [' + b"9" * 500_000 + b"]}")),
    "a large exponent": Broken(request(b'{"inputs": [1e99999]}')),
    "too many bytes": Broken(request(b" " * (2**20 + 1)), (413,)),
    "nothing": Broken(b"", (), ends=True),
    "pipelined": Broken(RIGHT * 20, (200,) * 20),
    "pipelined, then garbage": Broken(RIGHT * 3 + b"\0\1\2\r\n\r\n", (200, 200, 200, 400)),
    "pipelined, and no more": Broken(RIGHT * 3, (200, 200, 200), ends=True),
}


async def attack(port, name, is_over):
    """Sends one kind of broken request again and again until `is_over()`. Nothing is said about replies."""
    broken = BROKEN[name]
    while not is_over():
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(broken.sends)
                await asyncio.wait_for(reader.read(100), 0.2)
            except (TimeoutError, asyncio.TimeoutError):
                pass
            finally:
                writer.close()
        await asyncio.sleep(0.3)


async def drip(port, first, rest, is_over):
    """Sends `first` at once and then `rest`, one byte a second. Then waits until the server closes."""
    while not is_over():
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            for byte in rest:
                if is_over() or reader.at_eof():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(1)
            await reader.read()
            writer.close()


async def read_slowly(port, is_over):
    """Asks for large answers, and takes a byte a second of them."""
    loop = asyncio.get_running_loop()
    while not is_over():
        with contextlib.suppress(OSError), socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, LARGE * 3)
            while not is_over() and await asyncio.wait_for(loop.sock_recv(connection, 1), 60):
                await asyncio.sleep(1)


async def reset(port, sends, is_over):
    """Sends some bytes and then drops the connection, so that the server gets a reset."""
    while not is_over():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.write(sends)
            await asyncio.sleep(0.01)
            writer.transport.abort()
        await asyncio.sleep(0.1)


def all_attacks(port, is_over):
    """Returns a coroutine for each kind of bad client."""
    return [
        *(attack(port, name, is_over) for name in BROKEN),
        drip(port, b"", RIGHT, is_over),
        drip(port, POST, b"A: a\r\n" * 1000, is_over),
        drip(port, POST + b"Content-Length: 10000\r\n\r\n", b" " * 10000, is_over),
        drip(port, CHUNKED, b"1\r\n \r\n" * 1000, is_over),
        drip(port, RIGHT[:20], b"", is_over),
        drip(port, RIGHT[:-3], b"", is_over),
        read_slowly(port, is_over),
        read_slowly(port, is_over),
        reset(port, RIGHT[:30], is_over),
        reset(port, RIGHT, is_over),
        reset(port, request({"inputs": [-2000]}), is_over),
    ]
