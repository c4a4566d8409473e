"""What the presigner answers, as the contract's JSON. Absent, never null."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from service.api import problems
from service.errors import PresignError
from service.presigner import PresignedForm, PresignedRequest
from service.signing.forms import rfc3339


def render_request(answer: PresignedRequest) -> bytes:
    return to_json(_request(answer))


def render_form(answer: PresignedForm) -> bytes:
    members: dict[str, Any] = {"url": answer.url, "key": answer.key, "fields": answer.fields}
    return to_json(members | _term(answer))


def render_batch(answers: Sequence[PresignedRequest | PresignError]) -> bytes:
    results = [_result(position, answer) for position, answer in enumerate(answers)]
    failed = sum(isinstance(answer, PresignError) for answer in answers)
    return to_json({"results": results, "failed": failed})


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
    members |= _term(answer)
    if answer.content_length is not None:
        members["content_length"] = answer.content_length
    return members


def _term(answer: PresignedRequest | PresignedForm) -> dict[str, Any]:
    """Until when, and what made it shorter than was asked for."""
    members = {"expires_at": _timestamp(answer.expires_at)}
    if answer.limited_by is not None:
        members["limited_by"] = answer.limited_by
    return members


# The answers of one second mostly end in the same second.
_timestamp = lru_cache(maxsize=1024)(rfc3339)
