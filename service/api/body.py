"""Reads and parses a request's body or query. Errors never repeat what the caller sent."""

import json
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, ClassVar, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from service.api.messages import at_location, details, pointers
from service.api.value_checks import ValueChecks
from service.errors import BodyTooLarge, InvalidJson, InvalidRequest, UnsupportedMediaType

# A full key, 2 KB of metadata and ten tags are about 8 KB; escapes make them several times longer.
MAX_BODY_BYTES: Final = 64 * 1024
MAX_BATCH_BYTES: Final = 4 * 1024**2
# Commas count the fields. pydantic takes a kilobyte for each unknown one, so a body of nothing but
# commas would take a hundred times its own size.
_MAX_COMMAS: Final = 50_000
_MAX_ERRORS: Final = 1000  # to look at
_NOT_JSON: Final = "The body is not JSON in UTF-8."

# Content codings that a refusal names: iana.org/assignments/http-parameters
_CODINGS: Final = frozenset({b"br", b"compress", b"deflate", b"gzip", b"x-gzip", b"zstd"})

Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """A request's body. One over `max_body_bytes` is refused unread. A batch waits for a slot.

    `value_checks` are those of the class's own fields. They run only if a request is refused, so
    that it is refused for all its mistakes: what is signed is checked where it is signed.
    """

    max_body_bytes: ClassVar[int] = MAX_BODY_BYTES
    is_batch: ClassVar[bool] = False
    value_checks: ClassVar[ValueChecks] = ()


class OpenBody(Body):
    """A body of clients that may send more than is known here: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ItemValidationError(Exception):
    """The value at `location` does not match `model`."""

    def __init__(
        self, model: type[BaseModel], error: ValidationError, location: tuple[int | str, ...]
    ) -> None:
        super().__init__()
        self.model = model
        self.error = error
        self.location = location


async def read_rest(receive: Receive, message: Message, limit: int) -> bytes:
    """Return the whole body, of which `message` is the first.

    Raises BodyTooLarge if it is over `limit` bytes, and ClientDisconnect.
    """
    chunks, size = [], 0
    while True:  # Request.stream does the same, but a generator costs three times as much
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the value of `Content-Length`, or 0."""
    for name, value in headers:
        if name == b"content-length":
            # Leading zeros are allowed, and int() refuses more than 4,300 digits. The parser leaves
            # spaces at the end, which are no part of the value (RFC 9110, 5.5).
            length = value.rstrip(b" \t")
            digits = length.lstrip(b"0")[:20] if length.isdigit() else b""
            return int(digits or b"0")
    return 0


def awaits_continue(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether the client waits until it is asked for the body (RFC 9110, 10.1.1)."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


def refuse_encoded(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises UnsupportedMediaType for a `Content-Encoding`. Nothing here decompresses a body."""
    for name, value in headers:
        if name == b"content-encoding" and (coding := value.strip().lower()) != b"identity":
            known = f" {coding.decode()}" if coding in _CODINGS else ""
            detail = f"Content-Encoding{known} is not supported. Send the body uncompressed."
            raise UnsupportedMediaType(detail)


def parse(model: type[Model], body: bytes) -> Model:
    """Raises InvalidJson, InvalidRequest or BodyTooLarge."""
    if body.count(b",") > _MAX_COMMAS:
        raise BodyTooLarge(f"The body has more than {_MAX_COMMAS} fields. Send fewer items.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        refuse(model, error, body)


def validated(model: type[Model], value: object, *location: int | str) -> Model:
    """Return what is at `location` in a body as a `model`. Raises ItemValidationError."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ItemValidationError(model, error, location) from None


def parse_query(model: type[Model], query: bytes) -> Model:
    """Return the query's parameters as a `model`. Raises InvalidRequest, also for duplicates."""
    try:
        parameters = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:  # a lenient decoder would name a different key
        raise InvalidRequest("The query is not percent-encoded UTF-8.") from None
    values = dict(parameters)
    if len(values) < len(parameters):
        raise InvalidRequest("A query parameter is given more than once.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        detail = "The query does not match the schema."
        raise InvalidRequest(detail, pointers=pointers(model, details(error))) from None


def refuse(
    model: type[BaseModel],
    error: ValidationError,
    body: bytes,
    location: tuple[int | str, ...] = (),
) -> NoReturn:
    """Raises InvalidJson if `body` is not JSON at all, else InvalidRequest.

    `error` is about what is at `location` in the body, and should be a `model`.
    """
    if error.error_count() > _MAX_ERRORS:
        detail = "The body does not match the schema; it has too many errors to list."
        raise InvalidRequest(detail) from None
    errors = details(error)
    if errors[0]["type"] == "json_invalid":
        raise InvalidJson(_NOT_JSON) from None
    value = _strict_json(body)
    for part in location:
        value = value[part]
    refused = {str(each["loc"][0]) for each in errors if each["loc"]}
    found = pointers(model, errors, location)
    for at, text in _wrong_values(model, value, refused):
        found.setdefault(at_location(location, at), text)
    raise InvalidRequest("The body does not match the schema.", pointers=found) from None


def add_wrong_values(refusal: InvalidRequest, body: Body) -> None:
    """Add what else is wrong with the values of a body that matches its schema."""
    names = {name for each in _checks_of(type(body)) for name in each.fields}
    for at, text in _wrong_values(type(body), body.model_dump(include=names), set()):
        refusal.pointers.setdefault(at, text)


def _wrong_values(
    model: type[BaseModel], values: Any, refused: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield pointers and details. `refused` are fields whose values the schema does not allow."""
    if not isinstance(values, dict):
        return
    for fields, check in _checks_of(model):
        if refused.isdisjoint(fields) and values.keys() >= {*fields}:
            try:
                check(*(values[name] for name in fields))
            except InvalidRequest as found:
                yield from found.pointers.items()


@lru_cache(maxsize=128)
def _checks_of(model: type[BaseModel]) -> ValueChecks:
    return tuple(each for base in model.__mro__ for each in vars(base).get("value_checks", ()))


def _strict_json(body: bytes) -> Any:
    """RFC 8259 has no NaN, and doubles end at 1.8e308. pydantic accepts both."""
    try:
        return json.loads(body, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidJson(_NOT_JSON) from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {limit} bytes.")
