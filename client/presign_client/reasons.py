"""Why there is no answer, as it may be shown: urllib3's own messages may have the URL in them."""

import os
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    TimeoutError,  # noqa: A004 - urllib3's
)

from presign_client.proxies import refusal

CANNOT_BE_REACHED = "cannot be reached"
UNTRUSTED = "has a TLS certificate that is not trusted here"
# X509_V_ERR_… of OpenSSL's x509_vfy.h: not yet valid, expired, for another host or IP address
_NOT_OF_TRUST = frozenset({9, 10, 62, 64})


class NoProxyError(ProxyError):
    """The proxy that a variable names cannot be reached."""


def reason_of(error: Exception) -> str:
    """Return what to say of an error of `request`. urllib3's own message may have the URL in it."""
    cause = cause_of(error)
    if said := certificate_reason(error):
        return f"{said}; SSL_CERT_FILE names others" if said == UNTRUSTED else said
    if isinstance(error, ProxyError) and (said := _reason_of_proxy(error)):
        return said
    if isinstance(cause, NewConnectionError | LocationParseError):  # or no name of a host
        return CANNOT_BE_REACHED + system_reason(error)
    if isinstance(cause, TimeoutError | socket.timeout):
        return "did not answer in time"
    if isinstance(cause, HTTPException) and "header" in str(cause):  # beyond http.client's limits
        return "sent too many headers"
    return f"ended the connection ({tls_reason(error) or type(error).__name__})"


def certificate_reason(error: Exception) -> str | None:
    """Return what to say of the certificate that an error is about."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            if getattr(each, "verify_code", None) not in _NOT_OF_TRUST:  # OpenSSL's alone have one
                return UNTRUSTED
            return f"has a wrong TLS certificate: {each.verify_message.rstrip('.')}"
    return None


def tls_reason(error: Exception) -> str | None:
    """Return why TLS failed, in OpenSSL's words, such as `wrong version number`."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLError):
            why = getattr(each, "reason", None) or type(each).__name__
            return f"TLS failed: {why.replace('_', ' ').lower()}"
    return None


def system_reason(error: Exception) -> str:
    """Return why the system could not connect, in brackets, or nothing."""
    if said := tls_reason(error):  # its number is OpenSSL's
        return f" ({said})"
    for each in _causes(error):
        match each:
            case socket.gaierror():
                return " (unknown host)"
            case OSError(errno=int(number)):
                return f" ({os.strerror(number).lower()})"
    return ""


def _reason_of_proxy(error: ProxyError) -> str | None:
    if isinstance(error, NoProxyError):
        return f"is behind a proxy that cannot be reached, which {error.args[0]} names"
    return refusal(cause_of(error))


def is_unsent(error: Exception) -> bool:
    """Whether the server cannot have seen the request."""
    # A NewConnectionError is one of these, too.
    return isinstance(cause_of(error), ConnectTimeoutError) or bool(certificate_reason(error))


def cause_of(error: Exception) -> Any:
    """Return what an error of a proxy, or of a connection, is only around."""
    is_around = isinstance(error, ProxyError | ProtocolError) and error.args
    return error.args[-1] if is_around else error


def _causes(error: Any) -> Iterator[BaseException]:
    """Yield an error, and what it is around.

    Never its `__context__`: a program may call while it handles an error of another server, and
    that is the context then.
    """
    while isinstance(error, BaseException):
        yield error
        error = error.__cause__ or (error.args[-1] if error.args else None)
