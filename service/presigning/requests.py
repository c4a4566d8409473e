"""Who requests what, and the access that each request needs. Pure.

A `Requester`, a `PresignRequest`, its `AccessRequest` and its result are made for each URL. They
never change, but they are not frozen: that would make each cost as much as its signature.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Protocol, Self, TypeVar

from service.access.callers import Identity
from service.access.conditions import names_in_header
from service.access.decisions import allowed_content_type, max_page_size
from service.access.grants import AccessRequest, Grants, Operation
from service.presigning.answers import Members
from service.sessions.lifetime import Lifetime
from service.signing.actions import (
    MAX_UPLOAD_BYTES,
    Action,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.copy_object import CopyObject
from service.signing.post_policy import PostObject
from service.signing.redirected_put import RedirectedPut
from service.signing.validation import check_key, check_prefix

SignedAction = Action | CopyObject | RedirectedPut

_DEFAULT_MAX_KEYS: Final = 1000  # …/AmazonS3/latest/API/API_ListObjectsV2.html


@dataclass(slots=True)
class Requester:
    """The caller of one request, the request's id, and the client's address.

    `link_id` is that of the share link that the request uses, makes or ends. The caller is then the
    link's maker. `origin` is what its audit lines say besides: see `audit.origin_of`.
    """

    identity: Identity
    request_id: str
    client: str | None = None
    link_id: str | None = None
    origin: bytes = b""


@dataclass(slots=True, kw_only=True)
class PresignRequest:
    """A request to sign. For a list, `key` is the prefix.

    `operation` is what a grant must allow. A HEAD may be a `download`, too, by which one could read
    the object. `content_type_given` is False for an upload whose type is the default.
    """

    operation: Operation
    bucket: str
    key: str
    action: SignedAction
    lifetime: Lifetime
    content_type_given: bool = True

    def members(self) -> Members:
        if not isinstance(self.action, CopyObject):
            return ()
        source = self.action.source
        return (
            ("action", "CopyObject"),
            ("source_bucket", source.bucket),
            ("source_key", source.key),
        )

    def access_request(self) -> AccessRequest:
        match self.action:
            case PutObject() | RedirectedPut() as put:
                length = put.content_length
                names, pointer = _tag_names(put)
                return AccessRequest(
                    operation=Operation.UPLOAD,
                    bucket=self.bucket,
                    key=self.key,
                    content_length=MAX_UPLOAD_BYTES if length is None else length,
                    is_max_length=length is None,
                    content_type=put.content_type if self.content_type_given else None,
                    overwrite=put.overwrite or put.if_match is not None,
                    has_if_match=put.if_match is not None,
                    tag_names=names,
                    tags_pointer=pointer,
                )
            case CopyObject(overwrite=overwrite):  # its source: copies.py
                return AccessRequest(
                    operation=Operation.UPLOAD,
                    bucket=self.bucket,
                    key=self.key,
                    overwrite=overwrite,
                    is_copy=True,
                )
            case ListObjects(max_keys=max_keys):
                return AccessRequest(
                    operation=Operation.LIST,
                    bucket=self.bucket,
                    key=self.key,
                    is_prefix=True,
                    max_keys=_DEFAULT_MAX_KEYS if max_keys is None else max_keys,
                )
            case GetObject() | HeadObject() | DeleteObject() as action:
                return AccessRequest(
                    operation=self.operation,
                    bucket=self.bucket,
                    key=self.key,
                    version=action.version_id is not None,
                )

    def of_type(self, content_type: str) -> Self:
        assert isinstance(self.action, PutObject)  # any other has its type
        action = replace(self.action, content_type=content_type)
        return replace(self, action=action, content_type_given=True)


@dataclass(slots=True)
class PresignBatch:
    """Requests that differ in their keys only. `first` has the first of `keys`."""

    first: PresignRequest
    keys: list[str]


@dataclass(slots=True, kw_only=True)
class PostFormRequest:
    """A form for `key`, or for a new key under `key_prefix`. `form` has everything else."""

    operation: ClassVar = Operation.FORM

    bucket: str
    form: PostObject
    lifetime: Lifetime
    key: str | None = None
    key_prefix: str | None = None
    filename: str | None = None
    overwrite: bool = False

    def members(self) -> Members:
        return ()


@dataclass(slots=True, kw_only=True)
class StoreRequest:
    """A call that the service sends to the store, parts that it signs, or a client's own request
    whose headers it signs.

    `action` is the name of the S3 action, as in CloudTrail. With `create_only` no object is
    replaced.
    """

    action: str
    access_request: AccessRequest
    upload_id: str | None = None
    lifetime: Lifetime = field(default_factory=Lifetime)
    create_only: bool = False

    @property
    def operation(self) -> Operation:
        return self.access_request.operation

    @property
    def bucket(self) -> str:
        return self.access_request.bucket

    @property
    def key(self) -> str:
        return self.access_request.key

    def members(self) -> Members:
        return (("action", self.action), ("upload_id", self.upload_id))


@dataclass(frozen=True, slots=True)
class UnreadRequest:
    """A request that names no object, or was refused before it was read.

    `route` is the template of its path.
    """

    operation: ClassVar = None
    bucket: ClassVar = None
    lifetime: ClassVar = Lifetime()

    route: str

    def members(self) -> Members:
        return (("route", self.route),)


def _tag_names(put: PutObject | RedirectedPut) -> tuple[tuple[str, ...], str]:
    """Return the names of an upload's tags, and where they are."""
    if isinstance(put, PutObject):
        return tuple(name for name, _ in put.tags), "#/tags"
    if (tagging := dict(put.sent).get("x-amz-tagging")) is None:
        return (), "#/tags"
    return names_in_header(tagging), "#/headers/x-amz-tagging"


def signed_key(request: PresignRequest) -> str:
    """Check the key, and return it. A list has none to sign: its prefix is in the action."""
    if isinstance(request.action, ListObjects):
        check_prefix(request.key)
        return ""
    check_key(request.key)
    return request.key


def with_page_size(request: PresignRequest, grants: Grants) -> PresignRequest:
    """Give a list without a page size the largest page that one grant allows."""
    if not isinstance(request.action, ListObjects) or request.action.max_keys is not None:
        return request
    access_request = replace(request.access_request(), max_keys=None)
    keys = max_page_size(grants, access_request, _DEFAULT_MAX_KEYS)
    if keys in {0, _DEFAULT_MAX_KEYS}:  # nothing is granted, or the default of S3 is
        return request
    return replace(request, action=replace(request.action, max_keys=keys))


class TypedRequest(Protocol):
    """A request that may be an upload whose type is the default: then it can be `of_type`."""

    @property
    def content_type_given(self) -> bool: ...

    def access_request(self) -> AccessRequest: ...

    def of_type(self, content_type: str) -> Self: ...


R = TypeVar("R", bound=TypedRequest)


def with_content_type(request: R, grants: Grants) -> R:
    """Give an upload without a type the one that its key suggests, if a grant allows that."""
    if request.content_type_given:
        return request
    content_type = allowed_content_type(grants, request.access_request())
    return request if content_type is None else request.of_type(content_type)
