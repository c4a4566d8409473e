"""Sessions of Cloudflare R2: tokens that the parent's secret signs here, without a call.

developers.cloudflare.com/r2/api/s3/temporary-credentials says what a token is, and
…/r2/examples/authenticate-r2-temp-credentials how its credentials follow from it.
"""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import jwt

from service.clock import Clock
from service.sessions.refresh_policy import MIN_VENDED_SECONDS
from service.sessions.session import Session
from service.sessions.source import Owner, SessionRefused, session_name
from service.signing.sigv4 import Credentials

_SHORTEST_SECRET: Final = 32  # bytes, for HS256: RFC 7518, section 3.2. R2's have 64


@dataclass(frozen=True, slots=True, kw_only=True)
class R2Address:
    """A bucket by its name at R2, and where it is.

    `host` is the address's, with its port.
    """

    bucket: str
    account_id: str
    host: str


class R2Tokens:
    """Signs a token for each owner and each of its rights, as `access/r2_rights.py` writes them."""

    def __init__(
        self,
        read: Callable[[], Awaitable[Credentials]],
        address: R2Address,
        session_seconds: int,
        clock: Clock,
    ) -> None:
        """`read` returns the parent's keys, or raises SessionRefused."""
        self.length = float(session_seconds)
        self._read = read
        self._address = address
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        """As SessionSource. `policy` is what the token may do: none may do everything."""
        if policy is None:
            raise SessionRefused("A token of R2 needs rights.", permanent=True)
        parent = await self._read()
        if len(parent.secret_access_key) < _SHORTEST_SECRET:
            raise SessionRefused("The secret access key is too short to be R2's.")
        begins_at = int(self._clock.wall())
        seconds = max(int(self.length), MIN_VENDED_SECONDS) if vended else int(self.length)
        claims = {
            "bucket": self._address.bucket,
            **json.loads(policy),
            "sub": self._address.account_id,
            "iss": parent.access_key_id,
            "aud": self._address.host,
            "iat": begins_at,
            "exp": begins_at + seconds,
        }
        return Session(
            credentials=temporary_credentials(
                parent.access_key_id, jwt.encode(claims, parent.secret_access_key, "HS256")
            ),
            name=session_name(owner, vended=vended),
            starts_at=begins_at,
            expires_at=begins_at + seconds,
            shares_key_id=True,
        )


def temporary_credentials(access_key_id: str, token: str) -> Credentials:
    """Return the credentials that R2 derives from a token."""
    return Credentials(
        access_key_id=access_key_id,
        secret_access_key=sha256(token.encode()).hexdigest(),
        session_token=b64encode(f"jwt/{token}".encode()).decode(),
    )
