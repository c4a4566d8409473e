"""`/uppy`: what @uppy/aws-s3 requests from a Companion, or in `signRequest`. Off unless configured.

The service is not a Companion: it gives pages no credentials (`/s3/sts`), and never sends `i-am`,
which would redirect Uppy's later requests.

github.com/transloadit/uppy: packages/@uppy/companion/src/server/controllers/s3.ts
"""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from service.api.problems import Problems
from service.api.request_state import RequestState
from service.api.route import ApiRoute, AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest, PresignError
from service.multipart.completion import MANY_PARTS
from service.protocols.served import Served
from service.protocols.uppy.schemas import (
    CompleteRequest,
    KeyQuery,
    NewUploadRequest,
    ParamsQuery,
    UppySignRequest,
)
from service.protocols.uppy.uploads import CallerUploads, UppyUploads
from service.signing.multipart_actions import AbortMultipartUpload, ListParts

PATH: Final = "/uppy/"
_MAX_REASON_LENGTH: Final = 300  # proxies accept heads of a few kilobytes
_NOT_IN_REASON = re.compile(r"[^\x20-\x7e]+")  # RFC 9112, 4


class UppyRoute(ApiRoute):
    """Answers errors in the form that Uppy can show."""

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        return refusal(call.parts.problems, error, call.context)


router = APIRouter(prefix="/uppy", route_class=UppyRoute, include_in_schema=False)


@router.get("/s3/params")
async def upload_parameters(
    call: AuthenticatedRequest, query: Annotated[ParamsQuery, Query()]
) -> bytes:
    uploads, file = _uploads(call), query.file()
    if query.can_put and (found := await uploads.put(file)) is not None:
        key, put = found
        headers, expires = put.headers, put.validity.expires_in
        answer = {"method": "PUT", "url": put.url, "headers": headers, "expires": expires}
        return to_json({**answer, "fields": {"key": key}})  # where Uppy looks for the key
    form = await uploads.form(file)
    expires = form.validity.expires_in
    return to_json({"method": "POST", "url": form.url, "fields": form.fields, "expires": expires})


@router.post("/s3/multipart")
async def create_upload(call: AuthenticatedRequest, body: NewUploadRequest) -> bytes:
    uploads = _uploads(call)
    key, upload_id = await uploads.create(body.file())
    return to_json({"key": key, "uploadId": upload_id, "bucket": uploads.bucket})


@router.get("/s3/multipart/{upload_id}")
async def uploaded_parts(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[KeyQuery, Query()]
) -> bytes:
    parts = await _uploads(call).parts(query.key, upload_id)
    return to_json(
        [
            {"PartNumber": part.part_number, "ETag": part.etag, "Size": part.content_length}
            for part in parts
        ]
    )


@router.get("/s3/multipart/{upload_id}/{part_number}")
async def sign_part(
    call: AuthenticatedRequest,
    upload_id: str,
    part_number: str,
    query: Annotated[KeyQuery, Query()],
) -> bytes:
    if not (part_number.isascii() and part_number.isdigit() and len(part_number) <= 5):
        raise InvalidRequest("part_number must be an integer.", pointer="#/part_number")
    part = await _uploads(call).sign_part(query.key, upload_id, int(part_number))
    return to_json({"url": part.url, "expires": part.validity.expires_in})


@router.post("/s3/multipart/{upload_id}/complete")
async def complete_upload(
    call: AuthenticatedRequest,
    upload_id: str,
    query: Annotated[KeyQuery, Query()],
    body: CompleteRequest,
) -> bytes:
    uploads = _uploads(call)
    location = uploads.location(query.key)  # a reload may remove the bucket during completion
    parts = await run_in_thread_if(len(body.parts) > MANY_PARTS, body.to_parts)
    completed = await uploads.complete(query.key, upload_id, parts)
    return to_json({"location": location, "key": completed.key, "bucket": completed.bucket})


@router.delete("/s3/multipart/{upload_id}")
async def abort_upload(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[KeyQuery, Query()]
) -> bytes:
    await _uploads(call).abort(query.key, upload_id)
    return b"{}"


@router.post("/sign")
async def sign_request(call: AuthenticatedRequest, body: UppySignRequest) -> bytes:
    """Sign a request that v6 sends to S3 itself. Method and fields tell which one it is."""
    uploads, key, seconds = _uploads(call), body.key, body.expires_in
    new_key: dict[str, str] = {}
    match body.method, body.upload_id, body.part_number:
        case "PUT", None, None:
            if (put := await uploads.put(body.file(), seconds)) is None:
                form = await uploads.form(body.file(), seconds)
                return to_json({"url": form.url, "key": form.key, "fields": form.fields})
            new_key["key"], request = put
        case "POST", None, None:
            new_key["key"], request = await uploads.sign_create(body.file(), seconds)
        case "PUT", str(upload_id), int(number):
            request = await uploads.sign_part(key, upload_id, number, seconds)
        case "GET", str(upload_id), None:
            request = await uploads.sign(key, ListParts(upload_id=upload_id), seconds)
        case "POST", str(upload_id), None:
            request = await uploads.sign_complete(key, upload_id, seconds)
        case "DELETE", str(upload_id), None:
            request = await uploads.sign(key, AbortMultipartUpload(upload_id=upload_id), seconds)
        case "DELETE", None, None:
            request = await uploads.sign_delete(key, seconds)
        case _:
            raise InvalidRequest("Uppy sends no such request.", pointer="#/method")
    return to_json({"url": request.url, "headers": request.headers, **new_key})


def _uploads(call: AuthenticatedRequest) -> CallerUploads:
    uploads = call.parts.use_case(UppyUploads)
    return CallerUploads(call.requester, uploads.configured, uploads.core)


def refusal(problems: Problems, error: PresignError, context: RequestState) -> Response:
    """Return a problem whose detail is also the reason phrase, if the server supports that.

    v5 shows the `message` of a 4xx to its user. v6 with `companionEndpoint` shows only the reason
    in the status line. Programs find `code` where every problem has it.
    """
    reason = _NOT_IN_REASON.sub(" ", error.detail)
    context.reason = reason[:_MAX_REASON_LENGTH].encode("ascii")
    return problems.refusal(error, context.request_id, message=error.detail)


SERVED: Final = Served(
    use_case=lambda core, values: UppyUploads(values, core),
    routers=(router,),
    feature="uploads for Uppy",
)
