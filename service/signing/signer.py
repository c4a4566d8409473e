"""Signs URLs with one set of credentials at one address.

Theory of operation: a canonical request is rendered without the object's path, from what the second
and the session's token have fixed already. The result is a `SigningContext`, which serves every key
while the second and the lifetime are the same. A URL is then: encode the key, join, hash, sign,
join. A context depends on its arguments only, so it is always safe to drop one.

Contexts of actions that are used again are cached for their second, by the action's identity: to
hash an action would cost more than to sign with it.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Final, NamedTuple, Protocol

from service.concurrency.bounded_dict import BoundedDict
from service.signing import sigv4
from service.signing.actions import Action, ListObjects, ListObjectVersions, PutObject, Query
from service.signing.copy_object import CopyObject
from service.signing.multipart_actions import MultipartAction
from service.signing.redirected_put import RedirectedPut
from service.signing.sigv4 import Credentials, SigningState
from service.signing.validation import PLAIN_KEY

SERVICE: Final = "s3"
MAX_EXPIRES_IN: Final = 604_800  # seven days: …/AmazonS3/latest/API/sigv4-query-string-auth.html

_OF_THE_BUCKET = (ListObjects, ListObjectVersions)
_USED_ONCE: Final = PutObject | CopyObject | MultipartAction  # no two are alike
_MAX_TEMPLATES = 64  # as of contexts
_MAX_CONTEXTS = 64  # in one second; beyond that the oldest is dropped
MAX_CACHED_LENGTH: Final = 4096  # longer ones have much metadata, and are seldom used twice

Signable = Action | CopyObject | ListObjectVersions | MultipartAction | RedirectedPut


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a bucket is: `path_prefix` starts and ends with `/`.

    `internal` is where the service itself reaches it, if that differs.
    """

    scheme: str
    host: str
    path_prefix: str
    region: str
    internal: "Address | None" = None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def bucket_path(self) -> str:
        """The path of the bucket itself: `/bucket`, or `/` if the bucket is in the host name."""
        return self.path_prefix.rstrip("/") or "/"

    @property
    def bucket_url(self) -> str:
        """Return the URL that a form is sent to."""
        return f"{self.origin}{self.bucket_path}"


class SignedCall(NamedTuple):
    """One call of S3 that is signed: by its name there, for `keys` or for all below a `prefix`."""

    action: str
    keys: tuple[str, ...] = ()
    prefix: str | None = None


class UrlContext(Protocol):
    """Everything in a signed URL but the key. `headers` are the signed ones, without the host."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def url(self, key: str) -> str:
        """Return the URL of a key that was checked (`validation.py`)."""

    def urls(self, paths: Iterable[str]) -> list[str]:
        """Return the URLs of encoded keys."""


@dataclass(slots=True, kw_only=True, eq=False)
class SigningContext:
    """Everything in a signed URL but the key. `headers` are the signed headers, without the host.

    It never changes, but it is not frozen: that would double the cost of making one for an upload.
    """

    action: Signable  # keeps its identity from being reused
    headers: Mapping[str, str] = field(repr=False)
    state: SigningState = field(repr=False)  # with the start of the string to sign
    canonical_head: str
    canonical_tail: str = field(repr=False)  # has the session token, like url_tail
    url_head: str
    url_tail: str = field(repr=False)

    def url(self, key: str) -> str:
        """The URL of a key that was checked (`validation.py`); "" is the bucket."""
        return self.urls([encode_key(key)])[0]

    def urls(self, paths: Iterable[str]) -> list[str]:
        """The URLs of encoded keys."""
        head, tail, sign = self.canonical_head, self.canonical_tail, self.state.signature
        begin, end = self.url_head, self.url_tail
        return [
            f"{begin}{path}{end}{sign(sha256(f'{head}{path}{tail}'.encode()).hexdigest())}"
            for path in paths
        ]


@dataclass(slots=True, eq=False)
class SigningSecond:
    """What all signatures of one second share. `templates` are those of `header_signatures.py`."""

    timestamp: str
    credential: str
    state: SigningState = field(repr=False)  # with the start of the string to sign
    templates: BoundedDict[Hashable, "HeaderTemplate"] = field(repr=False)


@dataclass(slots=True, eq=False)
class HeaderTemplate:
    """What the signatures of equal headers share: all but the method, the path and the query.

    `added` are the new headers without `Authorization`, whose value begins with
    `authorization_head`.
    """

    canonical_tail: str = field(repr=False)  # has the session token, as `added`
    authorization_head: str
    added: dict[str, str] = field(repr=False)


class RequestSigner(Protocol):
    """Signs a caller's requests at one address: with the keys of a session, or of each request.

    One that `is_slow` needs longer for a signature than all other steps take.
    """

    @property
    def is_slow(self) -> bool: ...

    @property
    def address(self) -> Address: ...

    def presign(
        self, action: Signable, key: str, *, now: int, expires_in: int, tag: str | None = None
    ) -> str:
        """As `Signer.presign`."""

    def context(
        self, action: Signable, *, now: int, expires_in: int, tag: str | None = None
    ) -> UrlContext:
        """As `Signer.context`."""

    def for_call(self, call: SignedCall, *, now: int, expires_in: int) -> "Signer":
        """Return what signs this call, by headers or as a form, for a signature of this time."""


class Signer:
    is_slow: ClassVar = False

    def __init__(self, credentials: Credentials, address: Address) -> None:
        self.credentials = credentials
        self.address = address
        token = credentials.session_token
        encoded = "" if token is None else sigv4.percent_encode(token)
        self._token = encoded and f"&X-Amz-Security-Token={encoded}"
        self._date = ""
        self._key = b""
        self._now = -1
        self._query_head = ""
        self._key_state = SigningState(self._key)
        self._second = SigningSecond("", "", self._key_state, BoundedDict(_MAX_TEMPLATES))
        self._contexts = BoundedDict[tuple[int, int, str | None], SigningContext](_MAX_CONTEXTS)

    def presign(
        self, action: Signable, key: str, *, now: int, expires_in: int, tag: str | None = None
    ) -> str:
        """Return the URL. `now` is the store's time in epoch seconds; `key` is checked
        (`validation.py`).

        `tag` goes into the query as `x-presign-id`: S3 ignores it, and writes it to its access log.
        """
        context = self.context(action, now=now, expires_in=expires_in, tag=tag)
        return context.url(key)

    def context(
        self, action: Signable, *, now: int, expires_in: int, tag: str | None = None
    ) -> SigningContext:
        """As `presign`, for any number of keys."""
        if now != self._now:
            self._start_second(now)
        at = (id(action), expires_in, tag)
        if (context := self._contexts.get(at)) is None:
            context = self._render(action, expires_in, tag)
            is_used_once = isinstance(action, _USED_ONCE)
            if not is_used_once and len(context.canonical_tail) <= MAX_CACHED_LENGTH:
                self._contexts[at] = context
        return context

    def for_call(self, call: SignedCall, *, now: int, expires_in: int) -> "Signer":  # noqa: ARG002
        """As RequestSigner: these keys sign all calls."""
        return self

    def second(self, now: int) -> SigningSecond:
        """`now` is the store's time in epoch seconds."""
        if now != self._now:
            self._start_second(now)
        return self._second

    def state(self, date: str) -> SigningState:
        """The signing key of `date` (YYYYMMDD), derived once a day."""
        if date != self._date:
            secret = self.credentials.secret_access_key
            self._key = sigv4.signing_key(secret, date, self.address.region, SERVICE)
            self._key_state = SigningState(self._key)
            self._date = date
        return self._key_state

    def scope(self, date: str) -> str:
        return sigv4.credential_scope(date, self.address.region, SERVICE)

    def _start_second(self, now: int) -> None:
        timestamp = sigv4.amz_date(now)
        scope = self.scope(timestamp[:8])
        credential = f"{self.credentials.access_key_id}/{scope}"
        self._query_head = (
            f"X-Amz-Algorithm={sigv4.ALGORITHM}&X-Amz-Credential={sigv4.percent_encode(credential)}"
            f"&X-Amz-Date={timestamp}&X-Amz-Expires="
        )
        self.state(timestamp[:8])
        state = SigningState(self._key, sigv4.string_to_sign_head(timestamp, scope))
        self._second = SigningSecond(timestamp, credential, state, BoundedDict(_MAX_TEMPLATES))
        self._now = now
        self._contexts.clear()

    def _render(self, action: Signable, expires_in: int, tag: str | None) -> SigningContext:
        of_the_bucket = isinstance(action, _OF_THE_BUCKET)
        prefix = self.address.bucket_path if of_the_bucket else self.address.path_prefix
        headers = action.headers()
        signed = {"host": self.address.host, **headers}
        names = sigv4.signed_headers(signed)
        query = self._query(names, action.query(), expires_in, tag)
        canonical_headers = sigv4.canonical_headers(signed)
        return SigningContext(
            action=action,
            headers=headers,
            state=self._second.state,
            canonical_head=f"{action.METHOD}\n{prefix}",
            canonical_tail=f"\n{query}\n{canonical_headers}\n{names}\n{sigv4.UNSIGNED_PAYLOAD}",
            url_head=f"{self.address.origin}{prefix}",
            url_tail=f"?{query}&X-Amz-Signature=",
        )

    def _query(self, names: str, parameters: Query, expires_in: int, tag: str | None) -> str:
        """The canonical query.

        S3's own parameters begin in lower case, so they sort after SigV4's.
        """
        signed = names.replace(";", "%3B")  # names hold nothing else to encode: see actions.py
        query = f"{self._query_head}{expires_in}{self._token}&X-Amz-SignedHeaders={signed}"
        if tag is not None:
            parameters = (*parameters, ("x-presign-id", tag))
        return f"{query}&{sigv4.canonical_query(parameters)}" if parameters else query


def encode_key(key: str) -> str:
    """Encode a key as a path, once: everything but the unreserved characters and `/`."""
    if PLAIN_KEY.fullmatch(key) is not None:
        return key
    return sigv4.percent_encode(key, safe="/")
