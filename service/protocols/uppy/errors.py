"""Problems in the form that Uppy can show to its user.

v5 shows the `message` of a 4xx. v6 with `companionEndpoint` shows only the reason in the status
line. Programs find `code` where every problem has it.
"""

import re
from typing import Final

from starlette.responses import Response

from service.api.problems import Problems
from service.api.request_state import RequestState
from service.errors import PresignError

_MAX_REASON_LENGTH: Final = 300  # proxies accept heads of a few kilobytes
_NOT_IN_REASON = re.compile(r"[^\x20-\x7e]+")  # RFC 9112, 4


def refusal(problems: Problems, error: PresignError, context: RequestState) -> Response:
    """Return a problem whose detail is also the reason phrase, if the server supports that."""
    reason = _NOT_IN_REASON.sub(" ", error.detail)
    context.reason = reason[:_MAX_REASON_LENGTH].encode("ascii")
    return problems.refusal(error, context.request_id, message=error.detail)
