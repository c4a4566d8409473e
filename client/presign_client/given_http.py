"""The HTTP between this machine and presign, by an `httpx.Client` of the program.

httpx is the program's own: nothing else of the client needs it.
"""

from collections.abc import Mapping

import httpx

from presign_client.pools import CONNECT_SECONDS
from presign_client.proxies import refusal
from presign_client.reasons import CANNOT_BE_REACHED, certificate_reason, system_reason, tls_reason
from presign_client.service_http import ACCEPTED, CHUNK, NoReplyError, Reply, whole


class GivenHttp:
    """As `ServiceHttp`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def close(self) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        seconds: float,
    ) -> Reply:
        try:
            with self._client.stream(
                method,
                url,
                headers={**ACCEPTED, **headers},
                content=content,
                timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
                follow_redirects=False,  # the token is for this server only
            ) as answer:
                return whole(answer.status_code, answer.headers, url, answer.iter_bytes(CHUNK))
        except (httpx.TransportError, httpx.DecodingError) as error:
            is_unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise NoReplyError(_reason_of(error), url, is_unsent=is_unsent) from None


def _reason_of(error: httpx.RequestError) -> str:
    """Return what to say of an error. httpx's own message may have the URL in it."""
    if isinstance(error, httpx.ConnectError):
        return certificate_reason(error) or CANNOT_BE_REACHED + system_reason(error)
    if isinstance(error, httpx.ProxyError) and (said := refusal(error)):
        return said
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    return f"ended the connection ({tls_reason(error) or type(error).__name__})"
