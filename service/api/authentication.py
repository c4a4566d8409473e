"""Who calls: `Authorization: Bearer <API key or JWT>`, and nothing else."""

from collections.abc import Iterable
from typing import Final

from service.access.api_keys import ApiKeys
from service.access.callers import Identity
from service.errors import Unauthenticated
from service.issuers.verifier import TokenVerifier
from service.snapshot import Snapshot

_SCHEME: Final = b"bearer"  # compared without case: RFC 9110, 11.1


async def authenticate(
    headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, tokens: TokenVerifier
) -> Identity:
    """Who the caller is. A refusal never says which part failed."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent and snapshot.unsafe_anonymous_caller is not None:
        return snapshot.unsafe_anonymous_caller
    if len(sent) == 1:
        scheme, _, token = sent[0].partition(b" ")
        if scheme.lower() == _SCHEME:
            text = token.strip(b" ").decode("latin-1")
            identity = await _identify(text, snapshot.api_keys, tokens)
            if identity is not None:
                return identity
    raise Unauthenticated("Send `Authorization: Bearer` with an API key or a token that is known.")


async def _identify(text: str, api_keys: ApiKeys, tokens: TokenVerifier) -> Identity | None:
    if (identity := api_keys.identify(text)) is not None:
        return identity
    if (identity := tokens.known(text)) is not None:
        return identity
    return await tokens.identify(text)
