"""`/v1/upload-forms`: a POST from a browser's form."""

from fastapi import APIRouter

from service.api.batches import lifetime
from service.api.rendering import render_form
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import (
    UploadFormRequest,
    or_none,
    pairs,
)
from service.errors import InvalidRequest
from service.presigning.requests import PostFormRequest
from service.signing.post_policy import PostObject

router = APIRouter(prefix="/v1/upload-forms", tags=["forms"], route_class=ApiRoute)


@router.post("")
async def create_upload_form(call: AuthenticatedRequest, body: UploadFormRequest) -> bytes:
    return render_form(await call.presigner.presign_form(call.requester, form_request(body)))


def form_request(body: UploadFormRequest) -> PostFormRequest:
    key, key_prefix = or_none(body.key), or_none(body.key_prefix)
    if (key is None) == (key_prefix is None):
        raise InvalidRequest("Give either key or key_prefix.", pointer="#/key")
    if key is not None and or_none(body.filename) is not None:
        raise InvalidRequest("filename is only allowed with key_prefix.", pointer="#/filename")
    form = PostObject(
        key="",
        max_content_length=body.max_content_length,
        min_content_length=or_none(body.min_content_length) or 0,
        content_type=_content_type(body),
        content_type_prefix=or_none(body.content_type_prefix),
        success_status=_success_status(body),
        metadata=pairs(body.metadata),
        tags=pairs(body.tags),
    )
    return PostFormRequest(
        bucket=body.bucket,
        form=form,
        lifetime=lifetime(body),
        key=key,
        key_prefix=key_prefix,
        filename=or_none(body.filename),
        overwrite=or_none(body.overwrite) or False,
    )


def _content_type(body: UploadFormRequest) -> str | None:
    content_type = or_none(body.content_type)
    if content_type is not None and or_none(body.content_type_prefix) is not None:
        detail = "Give content_type or content_type_prefix, not both."
        raise InvalidRequest(detail, pointer="#/content_type_prefix")
    return content_type


def _success_status(body: UploadFormRequest) -> int | None:
    """What the store takes: …/AmazonS3/latest/API/RESTObjectPOST.html."""
    status = or_none(body.success_status)
    if status not in {None, 200, 201, 204}:
        raise InvalidRequest("success_status must be 200, 201 or 204.", pointer="#/success_status")
    return status
