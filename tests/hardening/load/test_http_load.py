"""The HTTP server under load: it answers well-behaved clients while others attack it, and when it stops."""

import asyncio
import signal
import socket
import threading
import time

import pytest
import served_process
from bad_clients import all_attacks
from good_clients import Counts, ask

# How many clients behave well. Half of them send all requests over one connection.
CLIENTS = 24


async def load(port, seconds, counts, also=lambda port, is_over: [], pause=0.0):
    """Asks with all clients for some seconds. `also` returns coroutines that run beside them."""
    end = time.monotonic() + seconds

    def is_over():
        return time.monotonic() > end

    others = [asyncio.ensure_future(other) for other in also(port, is_over)]
    await asyncio.gather(*(ask(port, counts, i, i % 2 == 0, is_over, pause) for i in range(CLIENTS)))
    for other in others:
        other.cancel()
    failures = await asyncio.gather(*others, return_exceptions=True)
    unexpected = [f for f in failures if f and not isinstance(f, asyncio.CancelledError)]
    assert not unexpected, unexpected


def test_attacks(effort):
    """All answers are right under attack. Neither memory nor descriptors grow, and the server stops soon."""
    with served_process.of_function(stall=2) as server:
        counts = Counts()
        resident = []
        for _ in range(4):
            asyncio.run(load(server.port, effort(0.7, 15), counts, all_attacks))
            resident.append(server.resident())
        print(counts.answered, [n // 2**20 for n in resident])
        assert not counts.wrong
        assert not counts.lost
        assert counts.refused == 0
        assert counts.answered > effort(50, 5000)
        assert resident[-1] < resident[1] + effort(24, 8) * 2**20, resident
        assert server.stop(10) < 4


class Refusal(threading.Thread):
    """Tries to connect again and again, and keeps in `at` when a connection was refused first."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.at = port, None

    def run(self):
        """Runs until a connection is refused."""
        while self.at is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 10).close()
                time.sleep(0.005)
            except ConnectionRefusedError:
                self.at = time.monotonic()


def stop_under_load(server, seconds, also, number=signal.SIGTERM, pause=0.0):
    """Stops a server under load. Returns the `Counts`, when it stopped listening, and how long it took."""
    counts, took, refusal = Counts(), [], Refusal(server.port)
    refusal.start()

    def stop():
        time.sleep(seconds)
        took.append(server.stop(60, number))

    stopper = threading.Thread(target=stop)
    stopper.start()
    asyncio.run(load(server.port, seconds + 30, counts, also, pause))
    stopper.join()
    refusal.join(10)
    assert took, server.text()
    return counts, refusal.at, took[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
@pytest.mark.parametrize("attacked", [pytest.param(False, marks=pytest.mark.slow), True])
def test_stopping_under_load(attacked, number, effort):
    """Requests that have been sent before the server stops listening are answered."""
    total = Counts()
    for turn in range(effort(1, 12)):
        # Connections that wait between requests are closed some time after the server has stopped listening.
        pause = (0.0, 0.05, 0.4)[turn % 3]
        with served_process.of_function(seconds=(0.0, 0.02)[turn % 2]) as server:
            also = all_attacks if attacked else lambda port, is_over: []
            counts, refused_at, took = stop_under_load(server, 0.5 + 0.1 * turn, also, number, pause)
        assert not counts.wrong
        # A request over an old connection may be later than the end of listening, and then nobody takes it.
        assert not [at for at in counts.lost if at < refused_at], (turn, counts, refused_at)
        assert took < 16
        total.answered += counts.answered
        total.refused += counts.refused
    print(total)
    # There was a load at all. How large it is depends on the machine.
    assert total.answered > effort(20, 120)
    assert total.refused == 0


def test_no_time_is_left(effort):
    """Requests that the model has no time for get status 503, also while a call does not end."""
    with served_process.of_function(seconds=3600, grace=4) as server:
        counts, _, took = stop_under_load(server, 0.5, lambda port, is_over: [])
    assert (counts.answered, counts.wrong, counts.lost) == (0, [], [])
    assert counts.refused == CLIENTS
    assert took < 6
