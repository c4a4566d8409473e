"""The HTTP between this machine and presign."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, ProxySchemeUnknown

from presign_client.errors import NOT_PRESIGN, UNREACHABLE, PresignError
from presign_client.pools import CANNOT_BE_REACHED, Pools, causes, is_unsent, reason_of

NO_SUCH_PROXY = "presign is reached by HTTP proxies alone. For another kind give `http`."


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class NoReplyError(Exception):
    """There is no whole answer. `is_unsent`: presign cannot have seen the request."""

    def __init__(self, reason: str, error: Exception, url: str, *, is_unsent: bool) -> None:
        super().__init__()
        text = f"presign {reason}."
        if reason == CANNOT_BE_REACHED:
            why = _system_reason(error)
            text = f"Cannot connect to {_origin_of(url)}{why}: is PRESIGN_URL right?"
        self.error = PresignError(UNREACHABLE, text)
        self.is_unsent = is_unsent


def not_presign(status: int, url: str, what: str) -> PresignError:
    """Return the error of an answer from somewhere else. `what` says how that shows."""
    text = (
        f"HTTP {status} from {_origin_of(url)}, {what}: a proxy or a login page is in between, "
        "or the URL of the service is wrong."
    )
    return PresignError(NOT_PRESIGN, text, status=status)


def _origin_of(url: str) -> str:
    """Return scheme and host, without a password."""
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}"


def _system_reason(error: Exception) -> str:
    """Return why the system could not connect, in brackets, or nothing."""
    for each in causes(error):
        match each:
            case socket.gaierror():
                return " (unknown host)"
            case OSError(errno=int(number)):
                return f" ({os.strerror(number).lower()})"
    return ""


class ServiceHttp:
    """Sends one request to presign at a time. Threads may share it."""

    def __init__(self) -> None:
        self._pools = Pools()

    def close(self) -> None:
        self._pools.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        seconds: float,
    ) -> Reply:
        """Return the answer to one attempt. `seconds` are for each next byte of it.

        Raises:
            NoReplyError: if there is none.

        """
        sent = {"accept": "*/*", "accept-encoding": "gzip, deflate", **headers}
        try:
            answer = self._pools.request(method, url, sent, content, seconds=seconds)
        except ProxySchemeUnknown:
            raise PresignError(UNREACHABLE, NO_SUCH_PROXY) from None
        except HTTPError as error:
            raise NoReplyError(reason_of(error), error, url, is_unsent=is_unsent(error)) from None
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, found, answer.data)
