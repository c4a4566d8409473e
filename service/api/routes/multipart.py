"""`/v1/multipart-uploads`: create, continue, complete or abort a multipart upload."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import MISSING

from service.api.multipart_schemas import (
    CompleteUploadRequest,
    LengthFields,
    MultipartUploadRequest,
    PartUrlsRequest,
    UploadQuery,
)
from service.api.rendering import (
    render_completed,
    render_created,
    render_parts,
    render_uploaded_parts,
)
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.routes.objects import checksum_of, object_metadata
from service.api.schemas import StringMap, lifetime, or_none, quoted_etag
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest
from service.multipart.completion import MANY_PARTS
from service.multipart.part_plan import PartPlan
from service.multipart.requests import (
    Completion,
    NewUpload,
    PartChecksums,
    PartSelection,
    Upload,
)
from service.signing.actions import Checksum, ChecksumAlgorithm, check_digest
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart

_PART_NUMBER = re.compile("[1-9][0-9]{0,4}")

router = APIRouter(prefix="/v1/multipart-uploads", tags=["multipart-uploads"], route_class=ApiRoute)


@router.post("", status_code=201)
async def create_multipart_upload(
    call: AuthenticatedRequest, body: MultipartUploadRequest
) -> bytes:
    return render_created(await call.parts.core.multipart.create(call.requester, new_upload(body)))


@router.post("/{upload_id}/part-urls")
async def create_part_urls(
    call: AuthenticatedRequest, upload_id: str, body: PartUrlsRequest
) -> bytes:
    selection = part_selection(upload_id, body)
    return render_parts(await call.parts.core.multipart.sign_parts(call.requester, selection))


@router.get("/{upload_id}/parts")
async def list_parts(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[UploadQuery, Query()]
) -> bytes:
    upload = Upload(bucket=query.bucket, key=query.key, upload_id=upload_id)
    return render_uploaded_parts(await call.parts.core.multipart.parts(call.requester, upload))


@router.post("/{upload_id}/complete")
async def complete_multipart_upload(
    call: AuthenticatedRequest, upload_id: str, body: CompleteUploadRequest
) -> bytes:
    # 10,000 parts take 30 ms.
    request = await run_in_thread_if(
        len(body.parts) > MANY_PARTS, completion_request, upload_id, body
    )
    return render_completed(await call.parts.core.multipart.complete(call.requester, request))


@router.delete("/{upload_id}", response_model=None, status_code=204)
async def abort_multipart_upload(
    call: AuthenticatedRequest, upload_id: str, query: Annotated[UploadQuery, Query()]
) -> bytes:
    upload = Upload(bucket=query.bucket, key=query.key, upload_id=upload_id)
    await call.parts.core.multipart.abort(call.requester, upload)
    return b""


def new_upload(body: MultipartUploadRequest) -> NewUpload:
    length, is_max_length = _length(body)
    algorithm: ChecksumAlgorithm | None = or_none(body.checksum_algorithm)
    action = CreateMultipartUpload(checksum_algorithm=algorithm, **object_metadata(body))
    return NewUpload(
        bucket=body.bucket,
        key=body.key,
        plan=PartPlan.for_length(length, or_none(body.part_size), is_max_length=is_max_length),
        action=action,
        checksums=_checksums(algorithm, or_none(body.checksums)),
        lifetime=lifetime(body),
        content_type_given=body.content_type is not MISSING,
        overwrite=body.overwrite is True,
    )


def part_selection(upload_id: str, body: PartUrlsRequest) -> PartSelection:
    length, is_max_length = _length(body)
    plan = PartPlan(length, body.part_size, is_max_length)
    return PartSelection(
        upload=Upload(bucket=body.bucket, key=body.key, upload_id=upload_id),
        plan=plan,
        part_numbers=_part_numbers(body, plan),
        checksums=_checksums(or_none(body.checksum_algorithm), or_none(body.checksums)),
        lifetime=lifetime(body),
    )


def completion_request(upload_id: str, body: CompleteUploadRequest) -> Completion:
    length, is_max_length = _length(body)
    algorithm: ChecksumAlgorithm | None = or_none(body.checksum_algorithm)
    return Completion(
        upload=Upload(bucket=body.bucket, key=body.key, upload_id=upload_id),
        content_length=length,
        is_max_length=is_max_length,
        parts=[
            UploadedPart(
                part_number=part.part_number,
                etag=quoted_etag(part.etag),
                checksum=_part_checksum(algorithm, or_none(part.checksum), i),
            )
            for i, part in enumerate(body.parts)
        ],
        checksum=checksum_of(body.checksum),
        overwrite=body.overwrite is True,
    )


def _length(body: LengthFields) -> tuple[int, bool]:
    """Return the length, and whether it is the most bytes that there may be."""
    exact, most = or_none(body.content_length), or_none(body.max_content_length)
    if exact is not None and most is None:
        return exact, False
    if exact is None and most is not None:
        return most, True
    detail = "Give either content_length or max_content_length."
    raise InvalidRequest(detail, pointer="#/content_length")


def _part_numbers(body: PartUrlsRequest, plan: PartPlan) -> list[int]:
    numbers, first, count = body.part_numbers, body.first_part, body.part_count
    if numbers is not MISSING and first is MISSING and count is MISSING:
        return numbers
    if numbers is MISSING and first is not MISSING and count is not MISSING:
        numbers = list(range(first, first + count))
        plan.check_numbers(numbers, pointer="#/first_part")
        return numbers
    detail = "Give either part_numbers, or first_part with part_count."
    raise InvalidRequest(detail, pointer="#/part_numbers")


def _checksums(algorithm: ChecksumAlgorithm | None, values: StringMap | None) -> PartChecksums:
    by_number = {} if values is None else values.root
    if not all(_PART_NUMBER.fullmatch(number) for number in by_number):
        raise InvalidRequest("The names must be part numbers.", pointer="#/checksums")
    return PartChecksums(algorithm, {int(number): value for number, value in by_number.items()})


def _part_checksum(
    algorithm: ChecksumAlgorithm | None, value: str | None, position: int
) -> Checksum | None:
    if value is None:
        return None
    if algorithm is None:
        raise InvalidRequest("Set checksum_algorithm.", pointer="#/checksum_algorithm")
    check_digest(algorithm, value, pointer=f"#/parts/{position}/checksum")
    return Checksum(algorithm=algorithm, value=value)
