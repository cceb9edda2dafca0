"""Uvicorn's server, with an eye on its connections.

It closes connections of clients that have gone silent, and answers all requests when it stops.
"""

import asyncio
import fcntl
import struct
import termios
import time

import uvicorn
from connections import Connection

# How many connections may wait for a request. If there are more, those that have waited longest are closed.
MOST_WAITING = 500
# How many seconds the server takes to read what clients had sent when it was told to stop.
LAST_READS = 0.5
# How many seconds before its end the server tells clients that no time is left for their requests.
LAST_REPLIES = 3


class Server(uvicorn.Server):
    """A server of a `Stopping` application.

    Args:
        stopping: the application.
        stall: float, how many seconds a client may neither send a request nor take any of its reply.
        grace: float, how many seconds running requests get when the server is told to stop.
        keywords: arguments of uvicorn's configuration.
    """

    def __init__(self, stopping, stall, grace, **keywords):
        # Nobody asks for WebSockets, and uvicorn forgets their connections.
        super().__init__(uvicorn.Config(stopping, http=Connection, ws="none", **keywords))
        self._stopping, self._stall, self._grace = stopping, stall, grace
        # The last request of each connection, how much of its reply the client has not taken, and since when.
        self._quiet = {}

    async def on_tick(self, counter):
        """Runs ten times a second. Returns whether the server must stop."""
        if counter % 10 == 0:
            self._close_silent()
        return await super().on_tick(counter)

    def _close_silent(self):
        """Closes connections whose clients neither send a request nor take their reply."""
        now, before, self._quiet = time.monotonic(), self._quiet, {}
        waiting = []
        for connection in list(self.server_state.connections):
            left = _bytes_left(connection.transport)
            if connection.is_running and not left:
                continue
            state = connection.cycle, left
            old, since = before.get(connection, (None, now))
            since = since if state == old else now
            self._quiet[connection] = state, since
            if now - since > self._stall:
                connection.transport.abort() if left else connection.close_without_request()
            elif not left:
                waiting.append((since, connection))
        waiting.sort(key=lambda pair: pair[0])
        for _, connection in waiting[:-MOST_WAITING]:
            connection.transport.abort()

    async def shutdown(self, sockets=None):
        """Answers the requests that have arrived, and closes all connections."""
        end = time.monotonic() + self._grace
        self._stopping.begin(self._has_more)
        await self._stop_listening()
        # Before this sleep ends, the loop reads all sockets once.
        await asyncio.sleep(LAST_READS)
        state = self.server_state
        while (state.connections or state.tasks) and time.monotonic() < end and not self.force_exit:
            self._close_silent()
            for connection in list(state.connections):
                if not connection.is_running:
                    connection.transport.close()
            # Tasks without a connection compute what nobody waits for.
            if time.monotonic() > end - LAST_REPLIES or not state.connections:
                self._stopping.run_out()
            await asyncio.sleep(0.05)
        for connection in list(state.connections):
            connection.transport.abort()
        await self.lifespan.shutdown()

    async def _stop_listening(self):
        """Stops listening. Connections that clients have opened already are accepted first."""
        # A copy of a socket goes on listening when asyncio closes the original.
        listeners = [listener.dup() for server in self.servers for listener in server.sockets]
        for server in self.servers:
            server.close()
        accepted = []
        for listener in listeners:
            with listener:
                accepted += _accept_all(listener)
        loop = asyncio.get_running_loop()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self):
        return Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def _has_more(self, client):
        """Returns whether a client has sent another request after the one that is running."""
        return any(c.client == client and c.has_more for c in self.server_state.connections)


def _accept_all(listener):
    listener.setblocking(False)
    accepted = []
    while True:
        try:
            accepted.append(listener.accept()[0])
        # No more connections are waiting, or no more can be opened.
        except OSError:
            return accepted


def _bytes_left(transport):
    """Returns how many bytes of replies the client's machine has not acknowledged."""
    descriptor = transport.get_extra_info("socket").fileno()
    if descriptor < 0:
        return 0
    (in_kernel,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    return transport.get_write_buffer_size() + in_kernel
