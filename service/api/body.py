"""A request's body or query: read within a limit, and refused in words that repeat nothing of it."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request

from service.errors import BodyTooLarge, InvalidJson, InvalidRequest

# A full key, 2 KB of metadata and ten tags make about 8 KB, and escapes may make each several times longer.
MAX_BODY_BYTES: Final = 64 * 1024
MAX_BATCH_BYTES: Final = 4 * 1024**2
# Each member or element but the first follows a comma. A model takes a kilobyte to say of one that it
# should not be there, so a body of nothing but commas would take a hundred times its own size.
_MAX_COMMAS: Final = 50_000
_MAX_FAULTS: Final = 20  # told at once

# A name goes into a pointer only if it looks like a field's: the caller chose it.
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Of what was read already, pydantic speaks of dictionaries, and names the class that it should be.
_NO_OBJECT: Final = frozenset({"dict_type", "model_type"})

Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """A request's body. Longer ones than `max_body_bytes` are refused unread. A batch waits for its turn."""

    max_body_bytes: ClassVar[int] = MAX_BODY_BYTES
    is_batch: ClassVar[bool] = False


class ItemValidationError(Exception):
    """Something at `location` in a body that was read already is not as it must be."""

    def __init__(self, error: ValidationError, location: tuple[int | str, ...]) -> None:
        super().__init__()
        self.error = error
        self.location = location


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes. One that says it is longer is not taken in at all."""
    if declared_length(request.scope["headers"]) > limit:
        raise _too_large(limit)
    chunks, size, more = [], 0, True
    while more:  # as Request.stream has it, which is a generator and costs three times as much
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """What `Content-Length` says, or 0."""
    for name, value in headers:
        if name == b"content-length":
            # Python reads no number of over 4,300 digits, and zeros may stand before one.
            digits = value.lstrip(b"0")[:20] if value.isdigit() else b""
            return int(digits or b"0")
    return 0


def parse(model: type[Model], body: bytes) -> Model:
    if body.count(b",") > _MAX_COMMAS:
        raise BodyTooLarge(f"The body has more than {_MAX_COMMAS} fields. Send fewer items.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        refuse(error, body)


def validated(model: type[Model], value: object, *location: int | str) -> Model:
    """What stands at `location` in a body, as a `model`. Raises OtherShape."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ItemValidationError(error, location) from None


def parse_query(model: type[Model], query: bytes) -> Model:
    """The parameters of a query, each of which may stand there once."""
    try:
        parameters = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:  # else another key than was meant would be named
        raise InvalidRequest("The query is not percent-encoded UTF-8.") from None
    values = dict(parameters)
    if len(values) < len(parameters):
        raise InvalidRequest("A query parameter is given more than once.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        detail = "The query does not match the schema."
        raise InvalidRequest(detail, pointers=_pointers(_faults(error))) from None


def refuse(error: ValidationError, body: bytes, location: tuple[int | str, ...] = ()) -> NoReturn:
    """Tell what is not JSON at all from what is JSON of another shape, at `location` and below."""
    if error.error_count() > _MAX_COMMAS // 50:
        raise InvalidRequest(
            "The body does not match the schema; it has too many errors to list."
        ) from None
    faults = _faults(error)
    if faults[0]["type"] == "json_invalid" or not _is_strict_json(body):
        raise InvalidJson("The body is not JSON in UTF-8.") from None
    detail = "The body does not match the schema."
    raise InvalidRequest(detail, pointers=_pointers(faults, location))


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False, include_context=False)


def _pointers(
    faults: Sequence[ErrorDetails], location: tuple[int | str, ...] = ()
) -> dict[str, str]:
    return {pointer(location + fault["loc"]): _detail(fault) for fault in faults[:_MAX_FAULTS]}


def pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer as a fragment (RFC 6901, 6), cut where a name is none of ours."""
    parts = []
    for part in location:
        if isinstance(part, str) and _FIELD_NAME.fullmatch(part) is None:
            break
        parts.append(f"/{part}")
    return "#" + "".join(parts)


def _detail(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return "Unknown field."
    if fault["type"] in _NO_OBJECT:
        return "Input should be an object."
    return f"{fault['msg']}."


def _is_strict_json(body: bytes) -> bool:
    """By RFC 8259, which has no NaN and no number beyond a double; the fast parser lets them by."""
    try:
        json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    if (number := float(text)) in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {limit} bytes.")
