"""Authenticates a request by its `Authorization`: an API key or a JWT."""

import base64
import binascii
from collections.abc import Awaitable, Container, Iterable
from typing import Final

from starlette.types import Scope

from service.access.callers import Identity
from service.auth.token_verifier import TokenVerifier
from service.errors import ForeignOrigin, TokenExpired, Unauthenticated, UnsupportedMediaType
from service.presigning.snapshot import Snapshot

_BEARER: Final = "Send `Authorization: Bearer` with a valid API key or token."
_EITHER: Final = "Send an API key or token: as a Basic password with any user name, or as Bearer."
_FORM: Final = "Send a `Content-Type` that an HTML form cannot send, such as `application/json`."
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# html.spec.whatwg.org: "form submission", enctype. A page can also send a body without any type.
_OF_FORMS: Final = frozenset(
    {b"", b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain"}
)


def authenticate(
    headers: Iterable[tuple[bytes, bytes]],
    snapshot: Snapshot,
    tokens: TokenVerifier,
    *,
    basic: bool = False,
    says_expired: bool = False,
) -> Identity | Awaitable[Identity]:
    """Return the caller's identity, or what to await for it if a token has to be verified.

    Both raise Unauthenticated, which never says what failed. `basic` accepts the key or token as a
    password, with any user name (RFC 7617). With `says_expired`, a token that was valid once is
    TokenExpired.
    """
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent and snapshot.unsafe_anonymous_caller is not None:
        return snapshot.unsafe_anonymous_caller
    if len(sent) != 1 or (text := _credential(sent[0], basic=basic)) is None:
        raise Unauthenticated(_EITHER if basic else _BEARER)
    return (
        snapshot.api_keys.identify(text)
        or tokens.known(text)
        or _verify(text, tokens, basic=basic, says_expired=says_expired)
    )


async def _verify(
    token: str, tokens: TokenVerifier, *, basic: bool, says_expired: bool
) -> Identity:
    if (identity := await tokens.identify(token)) is not None:
        return identity
    if says_expired and await tokens.has_expired(token):
        raise TokenExpired
    raise Unauthenticated(_EITHER if basic else _BEARER)


def refuse_foreign_page(scope: Scope, origins: Container[str]) -> None:
    """Refuse a change by a page of another origin, with the password that its browser has saved.

    The browser adds a password to what any page sends, and asks nobody before a POST that a form
    could send. `origins` are those whose pages may call the service. Requests with one of
    SAFE_METHODS change nothing: do not call it for them. Raises ForeignOrigin or
    UnsupportedMediaType.
    """
    headers = dict(scope["headers"])
    if headers.get(b"authorization", b"")[:6].lower() != b"basic ":
        return
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    own = (f"{scope['scheme']}://{host}", f"https://{host}")  # a proxy may have decrypted it
    if origin and origin not in own and origin not in origins:
        raise ForeignOrigin
    content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if scope["method"] == "POST" and content_type in _OF_FORMS:
        raise UnsupportedMediaType(_FORM)


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return what the one `Authorization` has as Bearer, or None."""
    sent = [value for name, value in headers if name == b"authorization"]
    return _credential(sent[0], basic=False) if len(sent) == 1 else None


def _credential(authorization: bytes, *, basic: bool) -> str | None:
    scheme, _, sent = authorization.partition(b" ")
    match scheme.lower():  # case-insensitive: RFC 9110, 11.1
        case b"bearer":
            return sent.strip(b" ").decode("latin-1")
        case b"basic" if basic:
            return _password(sent.strip(b" "))
    return None


def _password(sent: bytes) -> str | None:
    try:
        _, colon, password = base64.b64decode(sent, validate=True).partition(b":")
    except binascii.Error:
        return None
    return password.decode("latin-1") if colon else None
