"""Sessions of Cloudflare R2: the parent's secret signs a token here, without a call.

developers.cloudflare.com/r2/api/s3/temporary-credentials says what a token is, and
…/r2/examples/authenticate-r2-temp-credentials how its credentials follow from it.

Rules of this file:
- The secret that signs a URL is a hash of the token in the URL. So each request has a token of its
  own, which allows that one call and ends with the URL.
- Only a program that gets its credentials has a token of all its paths.
- The parent's keys leave this file in no value and no text.
"""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import ClassVar, Final
from urllib.parse import unquote

import jwt

from service.access.r2_rights import NOTHING, Rights, call_rights, rights_in
from service.clock import Clock
from service.sessions.refresh_policy import MIN_VENDED_SECONDS
from service.sessions.session import Session
from service.sessions.source import Owner, SessionRefused, session_name
from service.signing.actions import ListObjects
from service.signing.copy_object import CopyObject
from service.signing.multipart_actions import UploadPartOfUnknownLength
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import Address, Signable, SignedCall, Signer
from service.signing.sigv4 import Credentials

_SHORTEST_SECRET: Final = 32  # bytes, for HS256: RFC 7518, section 3.2. R2's have 64
_ALGORITHM: Final = "HS256"
_LONGEST: Final = 604_800  # seconds that a token may last: …/r2/api/s3/temporary-credentials
_CLOCK_DIFFERENCE: Final = 60  # seconds by which R2's clock may be behind ours
_PREFIX: Final = "jwt/"
# The actions whose classes have other names than at S3.
_NAMES: Final[Mapping[type, str]] = {
    RedirectedPut: "PutObject",
    UploadPartOfUnknownLength: "UploadPart",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class R2Address:
    """A bucket by its name at R2, and where it is.

    `host` is the address's, with its port.
    """

    bucket: str
    account_id: str
    host: str


@dataclass(frozen=True, slots=True)
class ParentKey:
    """The key of an R2 API token, which signs tokens for one bucket."""

    credentials: Credentials = field(repr=False)
    address: R2Address

    def signed(self, rights: Rights, *, begins_at: int, ends_at: int) -> Credentials:
        """Return the credentials of a new token. The times are epoch seconds."""
        claims = {
            "bucket": self.address.bucket,
            **rights.claims(),
            "sub": self.address.account_id,
            "iss": self.credentials.access_key_id,
            "aud": self.address.host,
            "iat": begins_at,
            "exp": ends_at,
        }
        token = jwt.encode(claims, self.credentials.secret_access_key, _ALGORITHM)
        return self._derived(token)

    def that_signed(self, session_token: str) -> Credentials | None:
        """Return the credentials of a token, or None unless this key has signed it."""
        try:
            token = b64decode(session_token, validate=True).decode().removeprefix(_PREFIX)
            jwt.decode(
                token,
                self.credentials.secret_access_key,
                [_ALGORITHM],
                audience=self.address.host,
                options={"verify_exp": False, "verify_iat": False},
            )
        except (ValueError, jwt.PyJWTError):
            return None
        return self._derived(token)

    def _derived(self, token: str) -> Credentials:
        return Credentials(
            access_key_id=self.credentials.access_key_id,
            secret_access_key=sha256(token.encode()).hexdigest(),
            session_token=b64encode(f"{_PREFIX}{token}".encode()).decode(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class R2Session(Session):
    """What a caller's tokens may do until its end. Its own token is for a program, or for nothing.

    All sessions of a bucket have one key id.
    """

    parent: ParentKey
    rights: tuple[Rights, ...] = ()

    def signer(self, address: Address) -> "R2Signer":
        return R2Signer(self, address)

    def that_signed(self, token: str | None) -> "R2Session | None":
        found = None if token is None else self.parent.that_signed(token)
        return None if found is None else replace(self, credentials=found)


class R2Signer:
    """Signs each call with a token of its own. It is a `RequestSigner`.

    A URL takes 50 µs of CPU. Another signer has its key for a day, and takes 3 µs.
    """

    is_slow: ClassVar = True

    def __init__(self, session: R2Session, address: Address) -> None:
        self.address = address
        self._session = session

    def for_call(self, call: SignedCall, *, now: int, expires_in: int) -> Signer:
        rights, ends_at = call_rights(self._session.rights, call), now + expires_in
        begins_at = max(now - _CLOCK_DIFFERENCE, ends_at - _LONGEST)
        credentials = self._session.parent.signed(rights, begins_at=begins_at, ends_at=ends_at)
        return Signer(credentials, self.address)

    def presign(
        self, action: Signable, key: str, *, now: int, expires_in: int, tag: str | None = None
    ) -> str:
        signer = self.for_call(_call(action, key), now=now, expires_in=expires_in)
        return signer.presign(action, key, now=now, expires_in=expires_in, tag=tag)

    def context(
        self, action: Signable, *, now: int, expires_in: int, tag: str | None = None
    ) -> "R2Context":
        return R2Context(self, action, action.headers(), now, expires_in, tag)


@dataclass(slots=True, eq=False)
class R2Context:
    """All that signs URLs but the key, which is in the token too. It is a `UrlContext`."""

    signer: R2Signer
    action: Signable
    headers: Mapping[str, str] = field(repr=False)
    now: int
    expires_in: int
    tag: str | None

    def url(self, key: str) -> str:
        now, expires_in = self.now, self.expires_in
        return self.signer.presign(self.action, key, now=now, expires_in=expires_in, tag=self.tag)

    def urls(self, paths: Iterable[str]) -> list[str]:
        return [self.url(unquote(path)) for path in paths]


class R2Tokens:
    """Begins a session for each owner and its rights, as `access/r2_rights.py` writes them."""

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

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> R2Session:
        """As SessionSource. `policy` are the rights: none may do everything."""
        if policy is None:
            raise SessionRefused("A token of R2 needs rights.", permanent=True)
        credentials = await self._read()
        if len(credentials.secret_access_key) < _SHORTEST_SECRET:
            raise SessionRefused("The secret access key is too short to be R2's.")
        parent, rights = ParentKey(credentials, self._address), rights_in(policy)
        seconds = max(int(self.length), MIN_VENDED_SECONDS) if vended else int(self.length)
        begins_at = int(self._clock.wall())
        ends_at = begins_at + seconds
        own = rights[0] if vended else NOTHING
        return R2Session(
            credentials=parent.signed(own, begins_at=begins_at, ends_at=ends_at),
            name=session_name(owner, vended=vended),
            starts_at=begins_at,
            expires_at=ends_at,
            parent=parent,
            rights=() if vended else rights,
        )


def _call(action: Signable, key: str) -> SignedCall:
    if isinstance(action, ListObjects):
        return SignedCall("ListObjectsV2", prefix=action.prefix)
    keys = (key, action.source.key) if isinstance(action, CopyObject) else (key,)
    return SignedCall(_NAMES.get(type(action), type(action).__name__), keys)
