"""Signs for one set of credentials at one address, at the price of two hashes a URL.

Theory of operation: a canonical request is rendered with a mark in place of the object's path, by
the plain functions of `sigv4.py`, and cut at the mark. What is left is a `SigningContext`, good for
every key while the second and the lifetime are the same. A URL is then: encode the key, join, hash,
sign, join. A context depends on nothing but its arguments, so dropping one is always safe.

Two things are kept for the second: whole contexts, for actions that come again, and query strings,
for uploads, of which no two are alike but in what headers they have. A context is found by its
action's identity, since to hash an action costs more than to sign with it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeVar

from service.signing import sigv4
from service.signing.actions import Action, ListObjects, Query
from service.signing.multipart_actions import ListMultipartUploads, MultipartAction
from service.signing.sigv4 import Credentials, SigningState

K = TypeVar("K")
V = TypeVar("V")

SERVICE: Final = "s3"
MAX_EXPIRES_IN: Final = 604_800  # seven days: …/AmazonS3/latest/API/sigv4-query-string-auth.html

_MARK = "\0"  # no key, path or query holds it: see validation.py and percent-encoding
_PLAIN_KEY = re.compile(r"[A-Za-z0-9/._~-]*")
_OF_THE_BUCKET = (ListObjects, ListMultipartUploads)
_MAX_CONTEXTS = 64  # a second's shapes; beyond that the oldest goes
_MAX_CONTEXT_LENGTH = 4096  # longer ones hold a token and much metadata, and seldom come twice

Signable = Action | MultipartAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a bucket is: `path_prefix` starts with `/` and ends with one.

    `inner` is where the service itself reaches it, if that is elsewhere than for its users.
    """

    scheme: str
    host: str
    path_prefix: str
    region: str
    inner: "Address | None" = None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def bucket_path(self) -> str:
        """The bucket itself: `/bucket`, or `/` where it has a host of its own."""
        return self.path_prefix.rstrip("/") or "/"


@dataclass(slots=True, kw_only=True, eq=False)
class SigningContext:
    """All of a signed URL but the key. `headers` are what is signed beside the host.

    Nobody changes one. It is not frozen, for that would double what an upload's costs to make.
    """

    action: Signable  # kept, lest another object gets its identity
    headers: Mapping[str, str] = field(repr=False)
    state: SigningState = field(repr=False)  # after the head of what is to sign
    canonical_head: str
    canonical_tail: str = field(repr=False)  # this and the last hold the session's token
    url_head: str
    url_tail: str = field(repr=False)

    def url(self, key: str) -> str:
        """The URL of a key that was checked (`validation.py`); "" is the bucket."""
        path = encode_key(key)
        canonical = f"{self.canonical_head}{path}{self.canonical_tail}"
        signature = self.state.signature(sha256(canonical.encode()).hexdigest())
        return f"{self.url_head}{path}{self.url_tail}{signature}"


@dataclass(slots=True, eq=False)
class _Query:
    text: str = field(repr=False)  # with the session's token


class Signer:
    """Keeps the day's signing key and the second's contexts."""

    def __init__(self, credentials: Credentials, address: Address) -> None:
        self.credentials = credentials
        self.address = address
        self._date = ""
        self._key = b""
        self._state: SigningState | None = None
        self._second = -1
        self._timestamp = ""
        self._state_begun: SigningState | None = None
        self._contexts: dict[tuple[int, int, str | None], SigningContext] = {}
        self._queries: dict[tuple[object, ...], _Query] = {}

    def presign(
        self, action: Signable, key: str, *, now: int, expires_in: int, tag: str | None = None
    ) -> str:
        """The URL. `now` is the store's time in epoch seconds; `key` is checked (`validation.py`).

        `tag` goes into the query as `x-presign-id`: S3 ignores it, and writes it into its access log.
        """
        context = self.context(action, now=now, expires_in=expires_in, tag=tag)
        return context.url(key)

    def context(
        self, action: Signable, *, now: int, expires_in: int, tag: str | None = None
    ) -> SigningContext:
        """As `presign`, for any number of keys."""
        if now != self._second:
            self._turn(now)
        context = self._contexts.get((id(action), expires_in, tag))
        return context or self._render(action, expires_in, tag)

    def _turn(self, now: int) -> None:
        self._second = now
        self._timestamp = sigv4.amz_date(now)
        self._state_begun = None
        self._contexts.clear()
        self._queries.clear()

    def state(self, date: str) -> SigningState:
        """The signing key of `date` (YYYYMMDD), derived once a day."""
        if self._state is None or date != self._date:
            secret = self.credentials.secret_access_key
            self._key = sigv4.signing_key(secret, date, self.address.region, SERVICE)
            self._date, self._state = date, SigningState(self._key)
        return self._state

    def _begun(self) -> SigningState:
        """After the head of what is to sign, which all of a second have in common."""
        if self._state_begun is None:
            date = self._timestamp[:8]
            self.state(date)
            head = sigv4.string_to_sign_head(self._timestamp, self.scope(date))
            self._state_begun = SigningState(self._key, head)
        return self._state_begun

    def scope(self, date: str) -> str:
        return sigv4.credential_scope(date, self.address.region, SERVICE)

    def _render(self, action: Signable, expires_in: int, tag: str | None) -> SigningContext:
        headers = action.headers()
        query = self._query(action, expires_in, headers, tag)
        context = self._cut(action, query, headers)
        repeats = not isinstance(action, MultipartAction)  # no part of an upload is like another
        if repeats and len(context.canonical_tail) <= _MAX_CONTEXT_LENGTH:
            _keep(self._contexts, (id(action), expires_in, tag), context)
        return context

    def _query(
        self,
        action: Signable,
        expires_in: int,
        headers: Mapping[str, str],
        tag: str | None,
    ) -> str:
        asked = action.query()
        at = (asked, expires_in, tag, *headers)
        if (known := self._queries.get(at)) is not None:
            return known.text
        query = self._render_query(asked, expires_in, ["host", *headers], tag)
        repeats = not isinstance(action, MultipartAction)
        if repeats and len(query) <= _MAX_CONTEXT_LENGTH:
            _keep(self._queries, at, _Query(query))
        return query

    def _render_query(
        self,
        asked: Query,
        expires_in: int,
        headers: Iterable[str],
        tag: str | None,
    ) -> str:
        credential = f"{self.credentials.access_key_id}/{self.scope(self._timestamp[:8])}"
        parameters = [
            *asked,
            ("X-Amz-Algorithm", sigv4.ALGORITHM),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", self._timestamp),
            ("X-Amz-Expires", str(expires_in)),
            ("X-Amz-SignedHeaders", sigv4.signed_headers(headers)),
        ]
        if self.credentials.session_token is not None:
            parameters.append(("X-Amz-Security-Token", self.credentials.session_token))
        if tag is not None:
            parameters.append(("x-presign-id", tag))
        return sigv4.canonical_query(parameters)

    def _cut(self, action: Signable, query: str, headers: Mapping[str, str]) -> SigningContext:
        of_the_bucket = isinstance(action, _OF_THE_BUCKET)
        prefix = self.address.bucket_path if of_the_bucket else self.address.path_prefix
        path = prefix + _MARK
        canonical = sigv4.canonical_request(
            action.METHOD,
            path,
            query,
            {"host": self.address.host, **headers},
            sigv4.UNSIGNED_PAYLOAD,
        )
        canonical_head, _, canonical_tail = canonical.partition(_MARK)
        return SigningContext(
            action=action,
            headers=headers,
            state=self._begun(),
            canonical_head=canonical_head,
            canonical_tail=canonical_tail,
            url_head=f"{self.address.origin}{prefix}",
            url_tail=f"?{query}&X-Amz-Signature=",
        )


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    if len(kept) >= _MAX_CONTEXTS:
        del kept[next(iter(kept))]
    kept[key] = value


def encode_key(key: str) -> str:
    """A key as a path: everything but the unreserved characters and `/` is encoded, once."""
    if _PLAIN_KEY.fullmatch(key) is not None:
        return key
    return sigv4.percent_encode(key, safe="/")
