"""What Uppy asks for, asked of the use cases: each upload is a new object in a part of the bucket that is the caller's.

Rules of this file:
- The service chooses each key. One that comes back, with an upload's id or alone, is looked at before
  anything else: outside of the caller's own part it is refused, whatever the grants say.
- All that is asked, a refused key too, passes the authority: there it is counted, decided, written down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from service.access.grants import max_upload_size
from service.access.key_prefixes import caller_prefix, new_object_key, safe_name
from service.errors import Forbidden, InvalidRequest
from service.multipart.requests import UnknownLengthParts, UnknownLengthUpload, Upload
from service.multipart.unknown_length import UnknownLengthUploads
from service.multipart.uploads import MultipartUploads
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.requests import (
    AnyRequest,
    PostFormRequest,
    PresignRequest,
    access_for_form,
)
from service.presigning.results import CompletedUpload, PresignedForm, PresignedRequest
from service.sessions.lifetime import Lifetime
from service.signing.actions import DEFAULT_CONTENT_TYPE, MAX_UPLOAD_BYTES, DeleteObject
from service.signing.multipart_actions import MAX_OBJECT_BYTES, CreateMultipartUpload, UploadedPart
from service.signing.post_policy import PostObject
from service.signing.signer import encode_key

# With it the store tells the object's Location and ETag: …/AmazonS3/latest/API/RESTObjectPOST.html
_CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """`bucket` is its name in the configuration, `template` that of the callers' own parts of it."""

    bucket: str
    template: str
    expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What Uppy says of a file; its length, too, if the page has it do so."""

    name: str
    content_type: str | None = None
    content_length: int | None = None

    def refuse_over(self, most: int) -> None:
        if self.content_length is not None and self.content_length > most:
            detail = f"Such an upload has at most {most} bytes."
            raise InvalidRequest(detail, pointer="#/contentLength")


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    authorizer: Authorizer
    presigner: Presigner
    multipart: MultipartUploads
    unsized: UnknownLengthUploads


class UppyUploads:
    """`place` is replaced with the configuration; None is no place, and no upload."""

    def __init__(
        self, place: UploadTarget | None, use_cases: UseCases, *, unique_id: Callable[[], str]
    ) -> None:
        """`unique_id` makes the part of a key that no other key has."""
        self.place = place
        self._use_cases = use_cases
        self._unique_id = unique_id

    def of(self, requester: Requester, place: UploadTarget) -> "CallerUploads":
        return CallerUploads(requester, place, self._use_cases, self._unique_id)


class CallerUploads:
    """One caller's, for one request."""

    def __init__(
        self,
        requester: Requester,
        place: UploadTarget,
        use_cases: UseCases,
        unique_id: Callable[[], str],
    ) -> None:
        self._requester = requester
        self.bucket = place.bucket
        self._prefix = caller_prefix(place.template, requester.identity)
        self._expires_in = place.expires_in
        self._authorizer = use_cases.authorizer
        self._presigner = use_cases.presigner
        self._multipart = use_cases.multipart
        self._unsized = use_cases.unsized
        self._unique_id = unique_id

    async def form(self, file: File, expires_in: int | None = None) -> PresignedForm:
        """For the file in one piece; where no length is told, for as much as the grant allows."""
        file.refuse_over(MAX_UPLOAD_BYTES)
        least = self._form_ask(file, expires_in, 0)
        await self._check(least, least.key_prefix or "")
        most = self._most(least) if file.content_length is None else file.content_length
        request = self._form_ask(file, expires_in, most)
        return await self._presigner.presign_form(self._requester, request)

    async def create(self, file: File) -> tuple[str, str]:
        """The upload's key and id."""
        request = await self._new_upload(file, None)
        return request.key, await self._unsized.create(self._requester, request)

    async def sign_create(
        self, file: File, expires_in: int | None = None
    ) -> tuple[str, PresignedRequest]:
        """The key, and the request that begins the upload."""
        request = await self._new_upload(file, expires_in)
        return request.key, await self._unsized.sign_create(self._requester, request)

    async def sign_parts(
        self, key: str, upload_id: str, part_numbers: Sequence[int], expires_in: int | None = None
    ) -> list[PresignedRequest]:
        upload = await self._own(key, upload_id, "UploadPart")
        request = UnknownLengthParts(
            upload=upload, part_numbers=part_numbers, lifetime=self._lifetime(expires_in)
        )
        return await self._unsized.sign_parts(self._requester, request)

    async def parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        upload = await self._own(key, upload_id, "ListParts")
        return await self._multipart.parts(self._requester, upload)

    async def sign_list(
        self, key: str, upload_id: str, expires_in: int | None = None
    ) -> PresignedRequest:
        upload = await self._own(key, upload_id, "ListParts")
        return await self._unsized.sign_list(self._requester, upload, self._lifetime(expires_in))

    async def complete(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart]
    ) -> CompletedUpload:
        upload = await self._own(key, upload_id, "CompleteMultipartUpload")
        return await self._unsized.complete(self._requester, upload, parts)

    async def sign_complete(
        self, key: str, upload_id: str, expires_in: int | None = None
    ) -> PresignedRequest:
        upload = await self._own(key, upload_id, "CompleteMultipartUpload")
        lifetime = self._lifetime(expires_in)
        return await self._unsized.sign_complete(self._requester, upload, lifetime)

    async def abort(self, key: str, upload_id: str) -> None:
        upload = await self._own(key, upload_id, "AbortMultipartUpload")
        await self._multipart.abort(self._requester, upload)

    async def sign_abort(
        self, key: str, upload_id: str, expires_in: int | None = None
    ) -> PresignedRequest:
        upload = await self._own(key, upload_id, "AbortMultipartUpload")
        return await self._unsized.sign_abort(self._requester, upload, self._lifetime(expires_in))

    async def sign_delete(self, key: str, expires_in: int | None = None) -> PresignedRequest:
        request = PresignRequest(
            bucket=self.bucket,
            key=key,
            action=DeleteObject(),
            lifetime=self._lifetime(expires_in),
        )
        await self._check(request, key)
        return await self._presigner.presign(self._requester, request)

    def location(self, key: str) -> str:
        """The object's URL, unsigned."""
        address = self._authorizer.snapshot.buckets[self.bucket].address
        return f"{address.origin}{address.path_prefix}{encode_key(key)}"

    async def _new_upload(self, file: File, expires_in: int | None) -> UnknownLengthUpload:
        file.refuse_over(MAX_OBJECT_BYTES)
        request = UnknownLengthUpload(
            bucket=self.bucket,
            key=new_object_key(self._prefix or "", file.name, self._unique_id),
            action=CreateMultipartUpload(content_type=file.content_type or DEFAULT_CONTENT_TYPE),
            lifetime=self._lifetime(expires_in),
            content_length=file.content_length,
            content_type_given=file.content_type is not None,
        )
        await self._check(request.store_request(), request.key)
        return request

    def _form_ask(self, file: File, expires_in: int | None, length: int) -> PostFormRequest:
        form = PostObject(
            key="",
            max_content_length=length,
            min_content_length=0 if file.content_length is None else length,
            content_type=file.content_type,
            success_status=_CREATED,
        )
        return PostFormRequest(
            bucket=self.bucket,
            form=form,
            lifetime=self._lifetime(expires_in),
            key_prefix=self._prefix or "",
            filename=safe_name(file.name),
        )

    def _most(self, request: PostFormRequest) -> int:
        key = new_object_key(request.key_prefix or "", request.filename or "", self._unique_id)
        grants = self._authorizer.access(self._requester).grants
        return max_upload_size(grants, access_for_form(request, key), MAX_UPLOAD_BYTES)

    async def _own(self, key: str, upload_id: str, action: str) -> Upload:
        upload = Upload(bucket=self.bucket, key=key, upload_id=upload_id)
        await self._check(upload.store_request(action), key)
        return upload

    async def _check(self, request: AnyRequest, key: str) -> None:
        """Nobody's key but the caller's own goes on from here."""
        if self._prefix is None or not key.startswith(self._prefix):
            await self._authorizer.sign_and_audit(self._requester, request, key, _refuse)

    def _lifetime(self, expires_in: int | None) -> Lifetime:
        return Lifetime(expires_in=self._expires_in if expires_in is None else expires_in)


def _refuse() -> NoReturn:
    raise Forbidden
