"""`/uppy`: what @uppy/aws-s3 asks of its Companion, and of a `signRequest` of one's own. Off unless configured.

The service is no Companion: it hands out no credentials (`/s3/sts`), and sends no `i-am`, which
would lead Uppy's later calls elsewhere.

github.com/transloadit/uppy: packages/@uppy/companion/src/server/controllers/s3.ts
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.api.route import ApiRoute, AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest, NotFound, PresignError
from service.multipart.completion import MANY_PARTS
from service.protocols.uppy.errors import Refusal
from service.protocols.uppy.schemas import (
    BatchQuery,
    CompleteRequest,
    KeyQuery,
    NewUploadRequest,
    ParamsQuery,
    SignRequest,
    render_batch,
    render_completed,
    render_created,
    render_form,
    render_part,
    render_parts,
    render_signed,
    render_signed_form,
)
from service.protocols.uppy.uploads import CallerUploads, UppyUploads

PATH = "/uppy/"


class UppyRoute(ApiRoute):
    """Whose refusals Uppy can show."""

    async def respond(self, call: AuthenticatedRequest) -> Response:
        try:
            return await super().respond(call)
        except PresignError as error:
            return Refusal(error, call.scope["state"]["request_id"])


router = APIRouter(prefix="/uppy", route_class=UppyRoute, include_in_schema=False)


@router.get("/s3/params")
async def upload_parameters(
    call: AuthenticatedRequest, query: Annotated[ParamsQuery, Query()]
) -> bytes:
    return render_form(await _own(call).form(query.file()))


@router.post("/s3/multipart")
async def create_upload(call: AuthenticatedRequest, body: NewUploadRequest) -> bytes:
    own = _own(call)
    key, upload_id = await own.create(body.file())
    return render_created(key, upload_id, own.bucket)


@router.get("/s3/multipart/{upload_id}")
async def uploaded_parts(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[KeyQuery, Query()]
) -> bytes:
    return render_parts(await _own(call).parts(query.key, upload_id))


@router.get("/s3/multipart/{upload_id}/batch")
async def sign_parts(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[BatchQuery, Query()]
) -> bytes:
    """As Uppy 2 asked."""
    numbers = query.numbers()
    return render_batch(numbers, await _own(call).sign_parts(query.key, upload_id, numbers))


@router.get("/s3/multipart/{upload_id}/{part_number}")
async def sign_part(
    call: AuthenticatedRequest,
    upload_id: str,
    part_number: str,
    query: Annotated[KeyQuery, Query()],
) -> bytes:
    (part,) = await _own(call).sign_parts(query.key, upload_id, [_number(part_number)])
    return render_part(part)


@router.post("/s3/multipart/{upload_id}/complete")
async def complete_upload(
    call: AuthenticatedRequest,
    upload_id: str,
    query: Annotated[KeyQuery, Query()],
    body: CompleteRequest,
) -> bytes:
    own = _own(call)
    location = own.location(query.key)  # the bucket may be configured no more by the end
    parts = await run_in_thread_if(len(body.parts) > MANY_PARTS, body.uploaded)
    completed = await own.complete(query.key, upload_id, parts)
    return render_completed(completed, location)


@router.delete("/s3/multipart/{upload_id}")
async def abort_upload(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[KeyQuery, Query()]
) -> bytes:
    await _own(call).abort(query.key, upload_id)
    return b"{}"


@router.post("/sign")
async def sign_request(call: AuthenticatedRequest, body: SignRequest) -> bytes:
    """Each of S3's requests that v6 sends for itself, by what tells them apart."""
    own, key, seconds = _own(call), body.key, body.expires_in
    match body.method, body.upload_id, body.part_number:
        case "PUT", None, None:
            return render_signed_form(await own.form(body.file(), seconds))
        case "POST", None, None:
            new_key, request = await own.sign_create(body.file(), seconds)
            return render_signed(request, key=new_key)
        case "PUT", str(upload_id), int(number):
            (request,) = await own.sign_parts(key, upload_id, [number], seconds)
        case "GET", str(upload_id), None:
            request = await own.sign_list(key, upload_id, seconds)
        case "POST", str(upload_id), None:
            request = await own.sign_complete(key, upload_id, seconds)
        case "DELETE", str(upload_id), None:
            request = await own.sign_abort(key, upload_id, seconds)
        case "DELETE", None, None:
            request = await own.sign_delete(key, seconds)
        case _:
            raise InvalidRequest("Uppy has no request of this shape.", pointer="#/method")
    return render_signed(request)


def _own(call: AuthenticatedRequest) -> CallerUploads:
    uploads: UppyUploads = call.app.state.uppy
    if (place := uploads.place) is None:  # since the configuration was read again
        raise NotFound("No such resource.")
    return uploads.of(call.requester, place)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise InvalidRequest("part_number must be an integer.", pointer="#/part_number")
    return int(text)
