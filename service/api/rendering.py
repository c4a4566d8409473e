"""What the presigner answers, as the contract's JSON. Absent, never null."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from service.access.grants import Caller, Grant, Operation
from service.answers import (
    CheckedObject,
    CompletedUpload,
    CreatedUpload,
    PresignedForm,
    PresignedPart,
    PresignedParts,
    PresignedRequest,
    Term,
)
from service.api import problems
from service.errors import PresignError
from service.signing.forms import rfc3339
from service.signing.multipart import UploadedPart


def render_request(answer: PresignedRequest) -> bytes:
    return to_json(_request(answer))


def render_form(answer: PresignedForm) -> bytes:
    members: dict[str, Any] = {"url": answer.url, "key": answer.key, "fields": answer.fields}
    return to_json(members | _term(answer.term))


def render_batch(answers: Sequence[PresignedRequest | PresignError]) -> bytes:
    results = [_result(position, answer) for position, answer in enumerate(answers)]
    failed = sum(isinstance(answer, PresignError) for answer in answers)
    return to_json({"results": results, "failed": failed})


def render_created(upload: CreatedUpload) -> bytes:
    members: dict[str, Any] = {
        "upload_id": upload.upload_id,
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "parts": [_part(part) for part in upload.parts],
    }
    return to_json(members | (_term(upload.term) if upload.parts else {}))


def render_parts(signed: PresignedParts) -> bytes:
    return to_json({"parts": [_part(part) for part in signed.parts], **_term(signed.term)})


def render_uploaded_parts(parts: Sequence[UploadedPart]) -> bytes:
    return to_json({"parts": [_uploaded_part(part) for part in parts]})


def render_completed(completed: CompletedUpload) -> bytes:
    return to_json(_present(asdict(completed)))


def render_check(found: CheckedObject | None) -> bytes:
    if found is None:
        return to_json({"found": False, "mismatches": []})
    return to_json({"found": True, **_present(asdict(found))})


def render_caller(caller: Caller, grants: Sequence[Grant]) -> bytes:
    members = _present({"subject": caller.subject, "issuer": caller.issuer})
    return to_json(members | {"grants": [_grant(grant) for grant in grants]})


def _result(position: int, answer: PresignedRequest | PresignError) -> dict[str, Any]:
    if isinstance(answer, PresignError):
        return {"problem": problems.of_error(answer, within=f"#/items/{position}")}
    return {"request": _request(answer)}


def _request(answer: PresignedRequest) -> dict[str, Any]:
    members: dict[str, Any] = {
        "method": answer.method,
        "url": answer.url,
        "headers": answer.headers,
    }
    members |= _term(answer.term)
    if answer.content_length is not None:
        members["content_length"] = answer.content_length
    return members


def _part(part: PresignedPart) -> dict[str, Any]:
    return {
        "part_number": part.part_number,
        "content_length": part.content_length,
        "method": part.method,
        "url": part.url,
        "headers": part.headers,
    }


def _uploaded_part(part: UploadedPart) -> dict[str, Any]:
    members = {
        "part_number": part.part_number,
        "etag": part.etag,
        "content_length": part.content_length,
        "checksum": None if part.checksum is None else part.checksum.value,
    }
    return _present(members)


def _term(term: Term) -> dict[str, Any]:
    """Until when, and what made it shorter than was asked for."""
    members = {"expires_at": _timestamp(term.expires_at)}
    if term.limited_by is not None:
        members["limited_by"] = term.limited_by
    return members


def _grant(grant: Grant) -> dict[str, Any]:
    members = {
        "bucket": grant.bucket,
        "prefix": grant.prefix,
        "allow": [operation for operation in Operation if operation in grant.allow],
        "max_expires_in": grant.max_expires_in,
        "max_content_length": grant.max_content_length,
        "content_types": grant.content_types,
        "max_keys": grant.max_keys,
        "allow_overwrite": grant.allow_overwrite,
    }
    return _present(members)


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# The answers of one second mostly end in the same second.
_timestamp = lru_cache(maxsize=1024)(rfc3339)
