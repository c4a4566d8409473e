"""Uppy's uploads: each is a new object below the caller's own prefix.

Rules of this file:
- The service chooses each key. A key in a later request, alone or with an upload's id, is checked
  first: outside of the caller's own prefix it is refused, whatever the grants say.
- Every request, even one with a refused key, passes the authorizer: it is counted, decided and
  written to the audit trail there.
- A file in one piece is sent by a PUT of its exact length where client, grants and store can do
  that, else as a form, which can have a range of lengths.
- Uppy announces neither an upload's length nor its part sizes, so a part's URL does not limit its
  length. Before completion the sizes at the store are summed and checked against the grant. If the
  sum is larger than granted, the upload is aborted.
- A signed completion is limited to that sum by a signed header, `x-amz-mp-object-size`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from service.access.decisions import max_upload_size
from service.access.grants import Grants, Operation
from service.access.key_prefixes import caller_prefix, new_object_key
from service.api.parts import Core, UseCase
from service.errors import (
    Forbidden,
    LengthMismatch,
    LimitExceeded,
    PresignError,
)
from service.multipart.requests import (
    Completion,
    UnknownLengthParts,
    Upload,
    UploadCreation,
)
from service.presigning.answers import ObjectRequest
from service.presigning.requests import PresignRequest, Requester, StoreRequest
from service.presigning.results import (
    CompletedUpload,
    PresignedForm,
    PresignedRequest,
    headers_to_send,
)
from service.protocols.uppy.files import (
    File,
    can_put,
    form_request,
    put_request,
    with_longest,
)
from service.protocols.uppy.settings import UppySettings
from service.s3.access import StoreAccess
from service.sessions.lifetime import Lifetime
from service.signing.actions import DEFAULT_CONTENT_TYPE, DeleteObject
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    AbortMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    MultipartAction,
    UploadedPart,
)
from service.signing.signer import encode_key


@dataclass
class UppyUploads(UseCase[UppySettings]):
    core: Core


class CallerUploads:
    """The uploads of one caller, for one request. `expires_in` is always in seconds.

    Methods raise what `Authorizer.sign_and_audit` raises, and Forbidden if the key is not the
    caller's own. Those that call the store also raise its errors.
    """

    def __init__(self, requester: Requester, uppy: UppySettings, core: Core) -> None:
        self.bucket = uppy.bucket
        self._requester = requester
        self._prefix = caller_prefix(uppy.prefix, requester.identity)
        self._expires_in = uppy.expires_in
        self._core = core

    async def form(self, file: File, expires_in: int | None = None) -> PresignedForm:
        """Return a form for the file. Without a known length, it allows as much as the grants."""
        request = form_request(self.bucket, self._prefix or "", file, self._lifetime(expires_in))
        await self._check_key(request, self._prefix or "")
        if file.content_length is None:
            request = with_longest(request, self._grants, self._new_key(file))
        return await self._core.presigner.presign_form(self._requester, request)

    async def put(
        self, file: File, expires_in: int | None = None
    ) -> tuple[str, PresignedRequest] | None:
        """Return the key, and the PUT of the file. None if it has to be a form: `can_put`."""
        if file.content_length is None:
            return None
        lifetime = self._lifetime(expires_in)
        request = put_request(self.bucket, self._new_key(file), file, file.content_length, lifetime)
        bucket = self._core.authorizer.snapshot.buckets[self.bucket]
        if not can_put(request, self._grants, bucket):
            return None
        await self._check_key(request, request.key)
        return request.key, await self._core.presigner.presign(self._requester, request)

    async def create(self, file: File) -> tuple[str, str]:
        """Create a multipart upload. Return its key and id."""
        request = await self._new_upload(file, None)
        _, upload_id = await self._core.multipart.begin(self._requester, request)
        return request.key, upload_id

    async def sign_create(
        self, file: File, expires_in: int | None = None
    ) -> tuple[str, PresignedRequest]:
        """Return the key, and the request that creates the upload."""
        request = await self._new_upload(file, expires_in)
        access = await self._authorize(request.store_request())
        action = replace(request.action, encryption=access.encryption)
        return request.key, _presigned(access, action, request.key)

    async def sign_part(
        self, key: str, upload_id: str, part_number: int, expires_in: int | None = None
    ) -> PresignedRequest:
        request = UnknownLengthParts(
            upload=await self._upload(key, upload_id, "UploadPart"),
            part_numbers=[part_number],
            lifetime=self._lifetime(expires_in),
        )
        access = await self._authorize(request.store_request())
        (action,) = request.actions()
        return _presigned(access, action, key)

    async def sign(
        self, key: str, action: ListParts | AbortMultipartUpload, expires_in: int | None = None
    ) -> PresignedRequest:
        name = type(action).__name__
        upload = await self._upload(key, action.upload_id, name)
        request = replace(upload.store_request(name), lifetime=self._lifetime(expires_in))
        return _presigned(await self._authorize(request), action, key)

    async def parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        upload = await self._upload(key, upload_id, "ListParts")
        return await self._core.multipart.parts(self._requester, upload)

    async def complete(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        """Make the object of these parts. Raises LimitExceeded if it would be too large."""
        upload = await self._upload(key, upload_id, "CompleteMultipartUpload")
        wanted = upload.store_request("CompleteMultipartUpload").access_request
        maximum = max_upload_size(self._grants, wanted, MAX_OBJECT_BYTES)
        request = Completion(upload=upload, content_length=maximum, is_max_length=True, parts=parts)
        try:
            return await self._core.multipart.complete(self._requester, request)
        except LengthMismatch:  # with a maximum only if there is more, and then it is aborted
            detail = f"Your grant allows at most {maximum} bytes."
            raise LimitExceeded(detail, pointer="#/content_length") from None

    async def sign_complete(
        self, key: str, upload_id: str, expires_in: int | None = None
    ) -> PresignedRequest:
        """Sign a completion of all stored parts. Raises LimitExceeded if they are too large."""
        upload = await self._upload(key, upload_id, "CompleteMultipartUpload")
        parts = await self._core.multipart.parts(self._requester, upload)
        length = sum(part.content_length for part in parts)
        completion = Completion(upload=upload, content_length=length, parts=parts)
        request = replace(completion.store_request(), lifetime=self._lifetime(expires_in))
        try:
            access = await self._authorize(request)
        except LimitExceeded:  # the parts can never become an object
            with suppress(PresignError):
                await self._core.multipart.abort(self._requester, upload)
            raise
        return _presigned(access, completion.action(), key)

    async def abort(self, key: str, upload_id: str) -> None:
        upload = await self._upload(key, upload_id, "AbortMultipartUpload")
        await self._core.multipart.abort(self._requester, upload)

    async def sign_delete(self, key: str, expires_in: int | None = None) -> PresignedRequest:
        lifetime = self._lifetime(expires_in)
        request = PresignRequest(
            operation=Operation.DELETE,
            bucket=self.bucket,
            key=key,
            action=DeleteObject(),
            lifetime=lifetime,
        )
        await self._check_key(request, key)
        return await self._core.presigner.presign(self._requester, request)

    def location(self, key: str) -> str:
        """Return the object's URL, unsigned."""
        address = self._core.authorizer.snapshot.buckets[self.bucket].address
        return f"{address.origin}{address.path_prefix}{encode_key(key)}"

    async def _new_upload(self, file: File, expires_in: int | None) -> UploadCreation:
        file.check_length(MAX_OBJECT_BYTES)
        request = UploadCreation(
            bucket=self.bucket,
            key=self._new_key(file),
            action=CreateMultipartUpload(content_type=file.content_type or DEFAULT_CONTENT_TYPE),
            lifetime=self._lifetime(expires_in),
            content_length=file.content_length,
            content_type_given=file.content_type is not None,
        )
        await self._check_key(request.store_request(), request.key)
        return request

    def _new_key(self, file: File) -> str:
        return new_object_key(self._prefix or "", file.name, self._core.unique_id)

    @property
    def _grants(self) -> Grants:
        return self._core.authorizer.access(self._requester).grants

    async def _authorize(self, request: StoreRequest) -> StoreAccess:
        return await self._core.authorizer.authorize_store_call(self._requester, request, urls=1)

    async def _upload(self, key: str, upload_id: str, action: str) -> Upload:
        upload = Upload(bucket=self.bucket, key=key, upload_id=upload_id)
        await self._check_key(upload.store_request(action), key)
        return upload

    async def _check_key(self, request: ObjectRequest, key: str) -> None:
        """Raises Forbidden, once it is in the audit trail, unless the key is the caller's own."""
        if self._prefix is None or not key.startswith(self._prefix):
            await self._core.authorizer.sign_and_audit(self._requester, request, key, _refuse)

    def _lifetime(self, expires_in: int | None) -> Lifetime:
        return Lifetime(expires_in=self._expires_in if expires_in is None else expires_in)


def _refuse() -> NoReturn:
    raise Forbidden


def _presigned(access: StoreAccess, action: MultipartAction, key: str) -> PresignedRequest:
    return PresignedRequest(
        method=action.METHOD,
        url=access.presign(action, key),
        headers=headers_to_send(action.headers()),
        validity=access.validity,
        signed_by=access.session,
    )
