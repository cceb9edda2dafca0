"""Connections of the HTTP server: requests that are not HTTP, and clients that have sent their last one."""

import json
import sys
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """A connection that loses no request, and no reply.

    Uvicorn's own connection closes as soon as the client says that it sends no more, even if the client waits
    for replies. After a request that is not HTTP it closes while more arrives, and then the client may get no
    reply.
    """

    # Whether the client has said that it sends no more.
    _has_ended = False
    # Whether everything that arrives is dropped.
    _drops = False

    @property
    def is_running(self):
        """Whether a request has arrived, at least its head, and its reply is not complete."""
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.disconnected)

    @property
    def has_more(self):
        """Whether the client has already sent something after the request that is running."""
        return bool(self.conn.trailing_data[0])

    def data_received(self, data):
        """Takes what has arrived."""
        if not self._drops:
            super().data_received(data)

    def eof_received(self):
        """Returns whether the connection stays open although the client sends no more."""
        self._has_ended = True
        return not self._drops and self.is_running and not self.cycle.more_body

    def on_response_complete(self):
        """Goes on with the next request, if there is one."""
        super().on_response_complete()
        if self._has_ended and not self.is_running:
            self.transport.close()

    def send_400_response(self, msg):
        """Answers what is not HTTP, then drops what else arrives until the client closes the connection."""
        error = sys.exc_info()[1]
        self._drops = True
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status = getattr(error, "error_status_hint", 400)
            self._write(status, f"The request is not HTTP as it should be: {error}.")
        if self.is_running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            self.transport.write_eof()
        except OSError:
            # The client has dropped the connection already.
            self.transport.abort()

    def close_without_request(self):
        """Closes the connection of a client that has sent no request, or half of its head."""
        if not self._drops:
            self._write(408, "No complete request has arrived.")
        self.transport.close()

    def _write(self, status, error):
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
