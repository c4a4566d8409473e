"""Authenticates a request by `Authorization: Bearer <API key or JWT>`."""

from collections.abc import Iterable

from service.access.callers import Identity
from service.auth.token_verifier import TokenVerifier
from service.errors import Unauthenticated
from service.presigning.snapshot import Snapshot


async def authenticate(
    headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, tokens: TokenVerifier
) -> Identity:
    """Return the caller's identity. Raises Unauthenticated, which never says what failed."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent and snapshot.unsafe_anonymous_caller is not None:
        return snapshot.unsafe_anonymous_caller
    if len(sent) == 1:
        scheme, _, token = sent[0].partition(b" ")
        if scheme.lower() == b"bearer":  # case-insensitive: RFC 9110, 11.1
            text = token.strip(b" ").decode("latin-1")
            identity = (
                snapshot.api_keys.identify(text)
                or tokens.known(text)
                or await tokens.identify(text)
            )
            if identity is not None:
                return identity
    raise Unauthenticated("Send `Authorization: Bearer` with a valid API key or token.")
