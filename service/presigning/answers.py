"""What requests and answers say of themselves in the audit trail and the metrics. Pure.

Each kind of them is described in its own module: the audit trail knows none.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from service.access.grants import Operation
from service.clock import rfc3339
from service.errors import PresignError
from service.sessions.lifetime import Lifetime, Validity

# Of an audit line, in its order. A member whose value is None is absent.
Members = tuple[tuple[str, str | int | None], ...]


class SigningObserver(Protocol):
    def signed(self, operation: str, bucket: str, limited_by: str | None, count: int) -> None:
        """`count` URLs or forms were signed.

        `limited_by` is what shortened their lifetime, if anything.
        """

    def refused(self, code: str, count: int) -> None:
        """`count` URLs or forms were refused."""

    def audit_failed(self) -> None:
        """An audit line could not be written, so the request is not answered."""


class Request(Protocol):
    """A request that is audited. `operation` and `bucket` are None if it names no object."""

    @property
    def operation(self) -> str | None: ...

    @property
    def bucket(self) -> str | None: ...

    @property
    def lifetime(self) -> Lifetime: ...

    def members(self) -> Members:
        """Return what the line of a refusal says besides."""


class ObjectRequest(Request, Protocol):
    """A request for what a session may sign, of one bucket."""

    @property
    def operation(self) -> Operation: ...

    @property
    def bucket(self) -> str: ...


class Answer(Protocol):
    """What a caller gets. `request` is of the kind that it answers."""

    def members(self, request: Any, /) -> Members:
        """Return what the line says after the operation, the bucket and the requested lifetime."""

    def count(self, observer: SigningObserver, request: Any, keys: int, /) -> None:
        """Count what `keys` keys got, once the line is written."""


class SignedBy(Protocol):
    def members(self) -> Members:
        """Return what the line says of who signed."""


class _Signed(Protocol):
    @property
    def validity(self) -> Validity: ...

    @property
    def signed_by(self) -> SignedBy: ...


class Signed:
    """An answer with a `validity`, and the session or key that it is `signed_by`."""

    __slots__ = ()

    def members(self: _Signed, request: ObjectRequest) -> Members:
        lifetime = lifetime_members(self.validity, request)
        return lifetime + self.signed_by.members() + request.members()

    def count(self: _Signed, observer: SigningObserver, request: ObjectRequest, keys: int) -> None:
        observer.signed(request.operation, request.bucket, self.validity.limited_by, keys)


class Unsigned:
    """An answer in which nothing is signed, and which is not counted."""

    __slots__ = ()

    def members(self, request: Request) -> Members:
        return request.members()

    def count(self, observer: SigningObserver, request: Request, keys: int, /) -> None: ...


def lifetime_members(validity: Validity, request: Request) -> Members:
    expires_in = ("expires_in", validity.lifetime.expires_in)
    if request.lifetime.stable_for is None:
        return (expires_in,)
    return (expires_in, ("signed_at", rfc3339(validity.now)), ("url_id", validity.url_id))


def decision_members(
    request: Request, answer: Answer | PresignError, s3_buckets: Mapping[str, str]
) -> Members:
    """Return all that a line says but its time, its ids and its keys.

    `s3_buckets` are the buckets' names at the store.
    """
    bucket = request.bucket
    what = (
        ("operation", request.operation),
        ("bucket", bucket),
        ("s3_bucket", None if bucket is None else s3_buckets.get(bucket)),
        ("expires_in_asked", request.lifetime.expires_in),
    )
    if isinstance(answer, PresignError):
        return (("decision", "denied"), ("reason", answer.code), *what, *request.members())
    return (("decision", "allowed"), *what, *answer.members(request))
