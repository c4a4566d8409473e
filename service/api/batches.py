"""Turns the items of a batch into requests, and signs them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from pydantic import MISSING

from service.access.grants import Operation
from service.api.body import validated
from service.api.rendering import render_batch
from service.api.route import AuthenticatedRequest
from service.api.schemas import MAX_BUCKET, KeysBatchRequest, ObjectRequest, or_none
from service.concurrency.event_loop import in_slices
from service.errors import InvalidRequest, PresignError
from service.presigning.audit import RefusedBatch
from service.presigning.requests import PresignBatch, PresignRequest

Item = TypeVar("Item", bound=ObjectRequest)

_AUDITED_KEYS: Final = 10  # of a refused batch
_RUN_WEIGHT: Final = 3  # to validate a run costs as much as to sign this many keys


async def sign_batch(
    call: AuthenticatedRequest,
    operation: Operation,
    body: KeysBatchRequest,
    model: type[Item],
    to_request: Callable[[Item], PresignRequest],
) -> bytes:
    """Return the response to a batch of `items` or `keys`. Raises what `sign_items` raises."""
    items, keys = or_none(body.items), or_none(body.keys)
    if bool(items) is bool(keys):
        raise InvalidRequest("Give either items or keys.", pointer="#/keys")
    if keys:
        return await _sign_keys(call, operation, body, model, to_request)
    assert items is not None
    if others := sorted(body.model_fields_set - {"items", "keys"}):
        detail = "With items, give this field in each item."
        raise InvalidRequest(detail, pointers={f"#/{name}": detail for name in others})
    return await sign_items(call, operation, items, model, to_request)


async def sign_items(
    call: AuthenticatedRequest,
    operation: Operation,
    items: Sequence[Any],
    model: type[Item],
    to_request: Callable[[Item], PresignRequest],
) -> bytes:
    """Return the response to a batch. Counts `items` against the rate before it validates them.

    One bad item does not spoil the others, but an item that does not match `model` does: then
    ItemValidationError is raised. Other requests run in between.
    """
    await call.presigner.count_batch(call.requester, len(items), lambda: _refused(operation, items))
    requests: list[PresignBatch | PresignError] = []
    keys: list[str] = []
    async for first, run in in_slices(_runs(items), weight=lambda _: _RUN_WEIGHT):
        body = validated(model, first, "items", len(keys))
        try:
            requests.append(PresignBatch(to_request(body), run))
        except PresignError as error:
            requests += [error] * len(run)
        keys += run
    answers = await call.presigner.presign_batch(call.requester, requests, call.slot.released)
    return await render_batch(call.parts.problems, keys, answers, _in_item)


async def _sign_keys(
    call: AuthenticatedRequest,
    operation: Operation,
    body: KeysBatchRequest,
    model: type[Item],
    to_request: Callable[[Item], PresignRequest],
) -> bytes:
    """As `sign_items`. An error in the fields that all keys share refuses the whole batch."""
    bucket, keys = or_none(body.bucket), body.keys
    assert keys is not MISSING
    refused = RefusedBatch(operation, bucket, keys[:_AUDITED_KEYS], len(keys))
    await call.presigner.count_batch(call.requester, len(keys), lambda: refused)
    shared = {name: getattr(body, name) for name in body.model_fields_set - {"items", "keys"}}
    first = to_request(validated(model, {**shared, "key": keys[0]}))
    batch = [PresignBatch(first, keys)]
    answers = await call.presigner.presign_batch(call.requester, batch, call.slot.released)
    return await render_batch(call.parts.problems, keys, answers, _at_key)


def _in_item(position: int, at: str) -> str:
    """Turn a pointer into an item, such as `#/key`, into one into the body: `#/items/3/key`."""
    return f"#/items/{position}{at.removeprefix('#')}"


def _at_key(position: int, at: str) -> str:
    """Turn `#/key` into `#/keys/3`. All other fields are those of the body itself."""
    return f"#/keys/{position}" if at == "#/key" else at


def _refused(operation: Operation, items: Sequence[Any]) -> RefusedBatch:
    """Return what the audit line of a refused batch says. Its items are not validated yet."""
    objects = [item if isinstance(item, dict) else {} for item in items]
    bucket: Any = objects[0].get("bucket")
    is_common = isinstance(bucket, str) and all(each.get("bucket") == bucket for each in objects)
    keys = [key for each in objects[:_AUDITED_KEYS] if isinstance(key := each.get("key"), str)]
    return RefusedBatch(operation, bucket[:MAX_BUCKET] if is_common else None, keys, len(items))


def _runs(items: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the first of adjacent items that differ only in their key, and the keys of all of them.

    Unless all fields are text, their names and types are compared too, in order, since True == 1 in
    Python. Nested values need no such check: once the first item validates they are strings.
    """
    rest, shape, keys = None, list[str | type](), list[Any]()
    for item in items:
        key = item.pop("key", MISSING) if isinstance(item, dict) else MISSING
        if type(key) is str and item == rest and (not shape or _shape(item) == shape):
            keys.append(key)
            continue
        if keys:
            yield _with_key(rest, keys[0]), keys
        rest, keys = item, [key]
        is_text = isinstance(item, dict) and {*map(type, item.values())} == {str}
        shape = [] if is_text or not isinstance(item, dict) else _shape(item)
    yield _with_key(rest, keys[0]), keys


def _shape(item: dict[str, Any]) -> list[str | type]:
    return [*item, *map(type, item.values())]


def _with_key(rest: Any, key: Any) -> Any:
    return rest if key is MISSING else {**rest, "key": key}
