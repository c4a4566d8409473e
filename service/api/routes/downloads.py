"""`/v1/download-urls`: a GET of one object."""

from functools import lru_cache

from fastapi import APIRouter
from pydantic import MISSING

from service.access.content_types import runs_in_browser
from service.access.grants import Operation
from service.api.batches import lifetime, sign_batch
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas.objects import (
    DownloadUrlBatchRequest,
    DownloadUrlRequest,
    or_none,
)
from service.errors import UnsafeContentType
from service.presigning.requests import PresignRequest
from service.signing.actions import GetObject
from service.signing.content_disposition import Disposition, content_disposition

router = APIRouter(prefix="/v1/download-urls", tags=["downloads"], route_class=ApiRoute)


@router.post("")
async def create_download_url(call: AuthenticatedRequest, body: DownloadUrlRequest) -> bytes:
    return render_request(await call.presigner.presign(call.requester, download_request(body)))


@router.post("/batch")
async def create_download_url_batch(
    call: AuthenticatedRequest, body: DownloadUrlBatchRequest
) -> bytes:
    return await sign_batch(
        call, Operation.DOWNLOAD, body.items, DownloadUrlRequest, download_request
    )


def download_request(body: DownloadUrlRequest) -> PresignRequest:
    action = _action(
        body.version_id, body.content_type, body.disposition, body.filename, body.cache_control
    )
    asked = lifetime(body, body.stable_for)
    return PresignRequest(bucket=body.bucket, key=body.key, action=action, lifetime=asked)


@lru_cache(maxsize=256)  # a signer knows an action by its identity
def _action(
    version_id: str | MISSING,
    content_type: str | MISSING,
    disposition: Disposition | MISSING,
    filename: str | MISSING,
    cache_control: str | MISSING,
) -> GetObject:
    return GetObject(
        version_id=or_none(version_id),
        content_type=or_none(content_type),
        content_disposition=_disposition(
            or_none(content_type), or_none(disposition), or_none(filename)
        ),
        cache_control=or_none(cache_control),
    )


def _disposition(
    content_type: str | None, disposition: Disposition | None, filename: str | None
) -> str | None:
    """A type that a browser runs is never shown inline: its script would act as the store's host."""
    unsafe = content_type is not None and runs_in_browser(content_type)
    if unsafe and disposition == "inline":
        detail = "Browsers run this content type, so it cannot be shown inline."
        raise UnsafeContentType(detail, pointer="#/content_type")
    if disposition is None and filename is None and not unsafe:
        return None
    return content_disposition(disposition or "attachment", filename)
