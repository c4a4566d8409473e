"""Pre-signed URLs and forms for one object or a batch of them, and lists of objects."""

from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import MISSING

from service.access.grants import Operation
from service.api.batches import sign_batch, sign_items
from service.api.rendering import (
    render_check,
    render_form,
    render_listing,
    render_request,
    render_versions,
)
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import Checksum as SentChecksum
from service.api.schemas import (
    DeleteUrlBatchRequest,
    DeleteUrlRequest,
    DownloadUrlBatchRequest,
    DownloadUrlRequest,
    HeadUrlBatchRequest,
    HeadUrlRequest,
    ListUrlRequest,
    NewObjectRequest,
    ObjectCheckRequest,
    ObjectsQuery,
    UploadFormRequest,
    UploadUrlBatchRequest,
    UploadUrlRequest,
    lifetime,
    or_none,
    pairs,
)
from service.errors import InvalidRequest
from service.multipart.object_checks import ExpectedChecksum, ObjectExpectation
from service.presigning.downloads import get_object
from service.presigning.listings import ListingRequest
from service.presigning.requests import PostFormRequest, PresignRequest
from service.sessions.lifetime import Lifetime
from service.signing.actions import (
    DEFAULT_CONTENT_TYPE,
    Checksum,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.content_disposition import content_disposition
from service.signing.post_policy import PostObject

router = APIRouter(prefix="/v1", route_class=ApiRoute)


@router.post("/download-urls", tags=["downloads"])
async def create_download_url(call: AuthenticatedRequest, body: DownloadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, download_request(body)))


@router.post("/download-urls/batch", tags=["downloads"])
async def create_download_url_batch(
    call: AuthenticatedRequest, body: DownloadUrlBatchRequest
) -> bytes:
    return await sign_batch(call, Operation.DOWNLOAD, body, DownloadUrlRequest, download_request)


@router.post("/upload-urls", tags=["uploads"])
async def create_upload_url(call: AuthenticatedRequest, body: UploadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, upload_request(body)))


@router.post("/upload-urls/batch", tags=["uploads"])
async def create_upload_url_batch(call: AuthenticatedRequest, body: UploadUrlBatchRequest) -> bytes:
    return await sign_items(call, Operation.UPLOAD, body.items, UploadUrlRequest, upload_request)


@router.post("/upload-forms", tags=["forms"])
async def create_upload_form(call: AuthenticatedRequest, body: UploadFormRequest) -> bytes:
    return render_form(await call.presigner.presign_form(call.requester, form_request(body)))


@router.post("/head-urls", tags=["heads"])
async def create_head_url(call: AuthenticatedRequest, body: HeadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, head_request(body)))


@router.post("/head-urls/batch", tags=["heads"])
async def create_head_url_batch(call: AuthenticatedRequest, body: HeadUrlBatchRequest) -> bytes:
    return await sign_batch(call, Operation.HEAD, body, HeadUrlRequest, head_request)


@router.post("/delete-urls", tags=["deletes"])
async def create_delete_url(call: AuthenticatedRequest, body: DeleteUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, delete_request(body)))


@router.post("/delete-urls/batch", tags=["deletes"])
async def create_delete_url_batch(call: AuthenticatedRequest, body: DeleteUrlBatchRequest) -> bytes:
    return await sign_batch(call, Operation.DELETE, body, DeleteUrlRequest, delete_request)


@router.post("/list-urls", tags=["lists"])
async def create_list_url(call: AuthenticatedRequest, body: ListUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, list_request(body)))


@router.get("/objects", tags=["objects"])
async def list_objects(
    call: AuthenticatedRequest, query: Annotated[ObjectsQuery, Query()]
) -> bytes:
    request, listings = listing_request(query), call.parts.core.listings
    return render_listing(request.prefix, await listings.page(call.requester, request))


@router.get("/object-versions", tags=["object-versions"])
async def list_object_versions(
    call: AuthenticatedRequest, query: Annotated[ObjectsQuery, Query()]
) -> bytes:
    request, listings = listing_request(query), call.parts.core.listings
    return render_versions(request.prefix, await listings.versions(call.requester, request))


@router.post("/object-checks", tags=["object-checks"])
async def check_object(call: AuthenticatedRequest, body: ObjectCheckRequest) -> bytes:
    checks = call.parts.core.object_checks
    return render_check(await checks.check(call.requester, object_check(body)))


def listing_request(query: ObjectsQuery) -> ListingRequest:
    return ListingRequest(
        bucket=query.bucket,
        prefix=or_none(query.prefix) or "",
        delimiter=or_none(query.delimiter),
        after=or_none(query.after),
    )


def download_request(body: DownloadUrlRequest) -> PresignRequest:
    action = get_object(
        version_id=or_none(body.version_id),
        content_type=or_none(body.content_type),
        disposition=or_none(body.disposition),
        filename=or_none(body.filename),
        cache_control=or_none(body.cache_control),
    )
    times = lifetime(body, body.stable_for)
    return _request(Operation.DOWNLOAD, body, action, times)


def head_request(body: HeadUrlRequest) -> PresignRequest:
    action = _head_object(version_id=or_none(body.version_id))
    return _request(Operation.HEAD, body, action, lifetime(body))


def delete_request(body: DeleteUrlRequest) -> PresignRequest:
    action = _delete_object(version_id=or_none(body.version_id))
    return _request(Operation.DELETE, body, action, lifetime(body))


def _request(
    operation: Operation,
    body: DownloadUrlRequest | HeadUrlRequest | DeleteUrlRequest,
    action: GetObject | HeadObject | DeleteObject,
    times: Lifetime,
) -> PresignRequest:
    return PresignRequest(
        operation=operation, bucket=body.bucket, key=body.key, action=action, lifetime=times
    )


_head_object = lru_cache(maxsize=256)(HeadObject)
_delete_object = lru_cache(maxsize=256)(DeleteObject)


def upload_request(body: UploadUrlRequest) -> PresignRequest:
    action = PutObject(
        content_length=body.content_length,
        overwrite=body.overwrite is True,
        if_match=or_none(body.if_match),
        checksum=checksum_of(body.checksum),
        **object_metadata(body),
    )
    return PresignRequest(
        operation=Operation.UPLOAD,
        bucket=body.bucket,
        key=body.key,
        action=action,
        lifetime=lifetime(body),
        content_type_given=body.content_type is not MISSING,
    )


def checksum_of(sent: SentChecksum | MISSING) -> Checksum | None:
    return None if sent is MISSING else Checksum(algorithm=sent.algorithm, value=sent.value)


def object_metadata(body: NewObjectRequest) -> dict[str, Any]:
    """Return the arguments of a `NewObject`."""
    filename = or_none(body.filename)
    return {
        "content_type": or_none(body.content_type) or DEFAULT_CONTENT_TYPE,
        "metadata": pairs(body.metadata),
        "tags": pairs(body.tags),
        "content_disposition": None
        if filename is None
        else content_disposition("attachment", filename),
        "cache_control": or_none(body.cache_control),
        "content_encoding": or_none(body.content_encoding),
        "storage_class": or_none(body.storage_class),
    }


def form_request(body: UploadFormRequest) -> PostFormRequest:
    _check_form(body)
    form = PostObject(
        max_content_length=body.max_content_length,
        min_content_length=or_none(body.min_content_length) or 0,
        content_type=or_none(body.content_type),
        content_type_prefix=or_none(body.content_type_prefix),
        success_status=or_none(body.success_status),
        metadata=pairs(body.metadata),
        tags=pairs(body.tags),
    )
    return PostFormRequest(
        bucket=body.bucket,
        form=form,
        lifetime=lifetime(body),
        key=or_none(body.key),
        key_prefix=or_none(body.key_prefix),
        filename=or_none(body.filename),
        overwrite=body.overwrite is True,
    )


def _check_form(body: UploadFormRequest) -> None:
    if (body.key is MISSING) == (body.key_prefix is MISSING):
        raise InvalidRequest("Give either key or key_prefix.", pointer="#/key")
    if body.key is not MISSING and body.filename is not MISSING:
        raise InvalidRequest("filename is only allowed with key_prefix.", pointer="#/filename")
    if body.content_type is not MISSING and body.content_type_prefix is not MISSING:
        detail = "Give content_type or content_type_prefix, not both."
        raise InvalidRequest(detail, pointer="#/content_type_prefix")
    # …/AmazonS3/latest/API/RESTObjectPOST.html
    if body.success_status is not MISSING and body.success_status not in {200, 201, 204}:
        raise InvalidRequest("success_status must be 200, 201 or 204.", pointer="#/success_status")


def list_request(body: ListUrlRequest) -> PresignRequest:
    action = ListObjects(
        prefix=body.prefix,
        delimiter=or_none(body.delimiter),
        max_keys=or_none(body.max_keys),
        continuation_token=or_none(body.continuation_token),
    )
    return PresignRequest(
        operation=Operation.LIST,
        bucket=body.bucket,
        key=body.prefix,
        action=action,
        lifetime=lifetime(body),
    )


def object_check(body: ObjectCheckRequest) -> ObjectExpectation:
    checksum = or_none(body.checksum)
    return ObjectExpectation(
        bucket=body.bucket,
        key=body.key,
        content_length=or_none(body.content_length),
        content_type=or_none(body.content_type),
        checksum=None if checksum is None else ExpectedChecksum(checksum.algorithm, checksum.value),
    )
