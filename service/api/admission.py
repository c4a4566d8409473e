"""How many requests may be under way. Those beyond are told at once to come back.

Health and metrics are never refused: a full service must not be restarted for being full.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import of_error, response
from service.errors import Overloaded

_RETRY_AFTER: Final = 1  # seconds
_CONTRACT: Final = "/v1/"


class InFlightLimit:
    """Pure ASGI. Counts a request until its answer is sent."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self._limit = limit
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_CONTRACT):
            await self.app(scope, receive, send)
            return
        if self._in_flight >= self._limit:
            await _refuse(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._in_flight -= 1


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Overloaded("Too many requests are under way.", retry_after=_RETRY_AFTER)
    members = of_error(error, request_id=scope["state"]["request_id"])
    await response(members, {"Retry-After": str(error.retry_after)})(scope, receive, send)
