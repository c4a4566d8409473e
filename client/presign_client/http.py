"""The HTTP client for calls of presign, which logs no signed URL. `store_http` is for the store."""

import logging
import ssl

import httpx

from presign_client import __version__
from presign_client.errors import UNREACHABLE, PresignError

CONNECT_SECONDS = 10
# The service may list parts for 60 s, and complete for 300.
SERVICE_TIMEOUT = httpx.Timeout(400, connect=CONNECT_SECONDS)
# The service waits 5 s for STS at most.
SIGNING_TIMEOUT = httpx.Timeout(10)
CONNECTIONS = 128
USER_AGENT = f"presign-client/{__version__}"


def new_client() -> httpx.Client:
    return httpx.Client(
        headers={"user-agent": USER_AGENT},
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
    )


def unreachable(error: httpx.HTTPError) -> PresignError:
    """Return the error for the user. httpx's own message may have the URL in it."""
    if isinstance(error, httpx.ConnectError):
        why = "cannot be reached"
        if "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error.__cause__, ssl.SSLError):
            why = "has a TLS certificate that is not trusted here; SSL_CERT_FILE names others"
    elif isinstance(error, httpx.TimeoutException):
        why = "did not answer in time"
    else:
        why = f"ended the connection ({type(error).__name__})"
    return PresignError(UNREACHABLE, f"presign {why}.")


class _WithoutQuery(logging.Filter):
    """httpx logs each URL at INFO. What signs a URL is in its query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.copy_with(query=None) if isinstance(argument, httpx.URL) else argument
                for argument in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutQuery())
