"""What a refusal says, so that Uppy shows it to whoever uploads: the problem, in the words that Uppy looks for.

v5 shows the `message` of a 4xx; v6 with `companionEndpoint` shows the status line's reason and nothing
else. A program finds `code` where every problem has it.
"""

import re
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.api import problems
from service.errors import PresignError

_LONGEST_REASON: Final = 300  # proxies take a head of a few kilobytes
_NO_REASON = re.compile(r"[^\x20-\x7e]+")  # RFC 9112, 4


class Refusal(Response):
    """A problem whose detail stands in the status line too, where the server knows how."""

    def __init__(self, error: PresignError, request_id: str) -> None:
        told = problems.refusal(error, request_id, message=error.detail)
        super().__init__(told.body, told.status_code)
        self.raw_headers = told.raw_headers
        self.reason = _NO_REASON.sub(" ", error.detail)[:_LONGEST_REASON].encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_reason(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["reason"] = self.reason  # other servers than ours leave it aside
            await send(message)

        await super().__call__(scope, receive, send_with_reason)
