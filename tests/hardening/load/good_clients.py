"""Clients that keep to the rules of HTTP, on plain sockets, and count what becomes of their requests."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

PREDICT = "/v1/models/model:predict"


def request(body, path=PREDICT, headers=""):
    """Returns the bytes of a predict request. `body` is bytes, or an object to write as JSON."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_reply(reader):
    """Reads a reply. Returns its status, whether the server then closes the connection, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers.get("connection") == "close", body


@dataclass
class Counts:
    """What became of requests.

    Attributes:
        answered: number of right answers.
        refused: number of replies with status 503.
        lost: for each request that was sent and got no reply, the time when it had been sent.
        wrong: list of replies that are neither.
    """

    answered: int = 0
    refused: int = 0
    lost: list = field(default_factory=list)
    wrong: list = field(default_factory=list)

    def take(self, x, status, body):
        """Counts a reply to a request for the numbers `x`."""
        if status == 503 and "error" in json.loads(body):
            self.refused += 1
        elif status == 200 and json.loads(body) == {"outputs": [2 * n + 1 for n in x]}:
            self.answered += 1
        else:
            self.wrong.append((x, status, body[:200]))


def numbers(random):
    """Returns a few whole numbers, for which the function's answer is exact."""
    return [random.randrange(1000) for _ in range(random.randrange(1, 50))]


async def ask(port, counts, seed, keep_alive, is_over, pause=0.0):
    """Asks the server of the little function until `is_over()`, or until it takes no connections.

    Args:
        port: the server's port.
        counts: the `Counts` to add to.
        seed: seed of the requests.
        keep_alive: whether to send many requests on each connection, or one.
        is_over: function that returns True if no request must be sent any more.
        pause: how many seconds to wait after each reply.
    """
    draw = random.Random(seed)
    while not is_over():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return
        closes = False
        sent = time.monotonic()
        try:
            while not closes and not is_over():
                x = numbers(draw)
                writer.write(request({"inputs": x}, headers="" if keep_alive else "Connection: close\r\n"))
                await writer.drain()
                sent = time.monotonic()
                status, closes, body = await asyncio.wait_for(read_reply(reader), 60)
                counts.take(x, status, body)
                await asyncio.sleep(pause)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.TimeoutError):
            counts.lost.append(sent)
        finally:
            writer.close()
