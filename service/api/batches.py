"""From the contract's requests to what the presigner is asked."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import MISSING

from service.access.grants import Operation
from service.api.body import validated
from service.api.rendering import render_batch
from service.api.route import AuthenticatedRequest
from service.api.schemas.objects import (
    ListUrlRequest,
    ObjectRequest,
    UploadFormRequest,
    or_none,
)
from service.concurrency.event_loop import in_slices
from service.errors import PresignError
from service.presigning.audit import RefusedBatch
from service.presigning.requests import PresignBatch, PresignRequest
from service.sessions.lifetime import Lifetime

Item = TypeVar("Item", bound=ObjectRequest)

_NAMED: Final = 10  # keys of a refused batch that the trail has
_LONGEST_NAME: Final = 63  # characters of a bucket's


def lifetime(
    body: ObjectRequest | ListUrlRequest | UploadFormRequest, stable_for: int | MISSING = MISSING
) -> Lifetime:
    return _lifetime(body.expires_in, body.min_expires_in, stable_for)


@lru_cache(maxsize=256)
def _lifetime(
    expires_in: int | MISSING, min_expires_in: int | MISSING, stable_for: int | MISSING
) -> Lifetime:
    return Lifetime(
        expires_in=or_none(expires_in),
        min_expires_in=or_none(min_expires_in),
        stable_for=or_none(stable_for),
    )


async def sign_batch(
    call: AuthenticatedRequest,
    operation: Operation,
    items: Sequence[Any],
    model: type[Item],
    request: Callable[[Item], PresignRequest],
) -> bytes:
    """The answer to a batch. The caller's rate is asked before the items are looked at."""
    await call.presigner.count_batch(call.requester, len(items), lambda: _refused(operation, items))
    requests = await batch_requests(items, model, request)
    answers = await call.presigner.presign_batch(call.requester, requests, call.turn.aside)
    return await render_batch(answers)


def _refused(operation: Operation, items: Sequence[Any]) -> RefusedBatch:
    """For the trail. The items are JSON of any shape."""
    buckets = [item.get("bucket") if isinstance(item, dict) else None for item in items]
    first = buckets[0]
    same = isinstance(first, str) and buckets.count(first) == len(items)
    bucket = first[:_LONGEST_NAME] if isinstance(first, str) and same else None
    keys = [key for item in items[:_NAMED] if isinstance(key := _key_of(item), str)]
    return RefusedBatch(operation, bucket, keys, len(items))


def _key_of(item: Any) -> Any:
    return item.get("key") if isinstance(item, dict) else None


async def batch_requests(
    items: Sequence[Any], model: type[Item], request: Callable[[Item], PresignRequest]
) -> list[PresignBatch | PresignError]:
    """What each item asks, or what is wrong with it: one bad item does not spoil the others.

    Raises InvalidRequest for an item of another shape than `model`. Items next to each other that
    differ in their keys alone are read as one. Others get a turn in between.
    """
    requests: list[PresignBatch | PresignError] = []
    position = 0
    async for first, keys in in_slices(_alike(items)):
        requests += _attempt(validated(model, first, "items", position), keys, request)
        position += len(keys)
    return requests


def _alike(items: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """The first of items that differ in their keys alone, and those keys. An item without is alone.

    The members' names and types are compared too, in order, since True == 1 in Python. Nested values
    need no such check: once the first item validates they are strings.
    """
    rest, shape, keys = None, list[str | type](), list[Any]()
    for item in items:
        key = item.pop("key", MISSING) if isinstance(item, dict) else MISSING
        if type(key) is str and item == rest and [*item, *map(type, item.values())] == shape:
            keys.append(key)
            continue
        if keys:
            yield _whole(rest, keys[0]), keys
        rest, keys = item, [key]
        shape = [*item, *map(type, item.values())] if isinstance(item, dict) else []
    yield _whole(rest, keys[0]), keys


def _whole(rest: Any, key: Any) -> Any:
    return rest if key is MISSING else {**rest, "key": key}


def _attempt(
    first: Item, keys: list[str], request: Callable[[Item], PresignRequest]
) -> Sequence[PresignBatch | PresignError]:
    try:
        return [PresignBatch(request(first), keys)]
    except PresignError as error:
        return [error] * len(keys)
