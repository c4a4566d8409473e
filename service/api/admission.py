"""How many requests may be under way. Those beyond are told at once to come back.

Health and metrics are never refused: a full service must not be restarted for being full.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import refusal
from service.errors import Overloaded

_RETRY_AFTER: Final = 1  # seconds
_COUNTED: Final = ("/v1/", "/uppy/")


class Places:
    """One for each request under way, until its answer is sent, whichever way it came in."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    def take(self) -> None:
        if self._free <= 0:
            raise Overloaded("Too many requests are under way.", retry_after=_RETRY_AFTER)
        self._free -= 1

    def leave(self) -> None:
        self._free += 1


class InFlightLimit:
    """Pure ASGI."""

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self.app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_COUNTED):
            await self.app(scope, receive, send)
            return
        try:
            self._places.take()
        except Overloaded as error:
            await refusal(error, scope["state"]["request_id"])(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self._places.leave()
