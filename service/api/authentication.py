"""Who calls: `Authorization: Bearer <API key>`, and nothing else."""

from collections.abc import Iterable
from typing import Final

from service.access.grants import Caller
from service.errors import Unauthenticated
from service.snapshot import Snapshot

_SCHEME: Final = b"bearer"  # compared without case: RFC 9110, 11.1


def authenticate(headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot) -> Caller:
    """The caller. A refusal never says which part failed."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent and snapshot.unsafe_anonymous_caller is not None:
        return snapshot.unsafe_anonymous_caller
    if len(sent) == 1:
        scheme, _, token = sent[0].partition(b" ")
        caller = snapshot.api_keys.caller(token.lstrip(b" ").decode("latin-1"))
        if scheme.lower() == _SCHEME and caller is not None:
            return caller
    raise Unauthenticated("Send `Authorization: Bearer <API key>` with a key that is known.")
