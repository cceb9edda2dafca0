"""How requests end when the server stops: with their answer, or with status 503 if no time is left for it."""

import anyio
from starlette.responses import JSONResponse

_CLOSE = (b"connection", b"close")


class Stopping:
    """An ASGI application around another one.

    Attributes:
        has_begun: bool, whether the server is stopping. Replies then say that their connection ends.
        has_no_time: bool, whether all requests that are not answered yet get status 503.
    """

    def __init__(self, app):
        self.has_begun = self.has_no_time = False
        self._app, self._running, self._has_more = app, set(), None

    async def __call__(self, scope, receive, send):
        """Runs the application for one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        has_started = False

        async def send_marked(message):
            nonlocal has_started
            has_started = True
            await send(self._marked(message, scope["client"]))

        with anyio.CancelScope() as running:
            self._running.add(running)
            try:
                if self.has_no_time:
                    running.cancel()
                await self._app(scope, receive, send_marked)
            finally:
                self._running.discard(running)
        if running.cancelled_caught and not has_started:
            error = {"error": "The server is stopping, and has no time left for this request."}
            await JSONResponse(error, 503)(scope, receive, send_marked)

    def _marked(self, message, client):
        """Returns a message. If it is the head of a connection's last reply, it says so."""
        ends = self.has_begun and message["type"] == "http.response.start" and not self._has_more(client)
        return {**message, "headers": [*message["headers"], _CLOSE]} if ends else message

    def begin(self, has_more):
        """Lets connections end with their last reply.

        Args:
            has_more: function of a client's address. Returns True if it has already sent more.
        """
        self.has_begun, self._has_more = True, has_more

    def run_out(self):
        """Gives all requests that are not answered yet status 503."""
        self.has_no_time = True
        for running in list(self._running):
            running.cancel()
