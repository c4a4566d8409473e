"""Problems in the form that Uppy can show to its user.

v5 shows the `message` of a 4xx. v6 with `companionEndpoint` shows only the reason in the status
line. Programs find `code` where every problem has it.
"""

import re
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.api.problems import Problems
from service.errors import PresignError

_MAX_REASON_LENGTH: Final = 300  # proxies accept heads of a few kilobytes
_NOT_IN_REASON = re.compile(r"[^\x20-\x7e]+")  # RFC 9112, 4


class Refusal(Response):
    """A problem whose detail is also the reason in the status line, if the server supports it."""

    def __init__(self, problems: Problems, error: PresignError, request_id: str) -> None:
        problem = problems.refusal(error, request_id, message=error.detail)
        super().__init__(problem.body, problem.status_code)
        self.raw_headers = problem.raw_headers
        reason = _NOT_IN_REASON.sub(" ", error.detail)
        self.reason = reason[:_MAX_REASON_LENGTH].encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_reason(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["reason"] = self.reason  # only our own server uses it
            await send(message)

        await super().__call__(scope, receive, send_with_reason)
