"""From the contract's requests to what the presigner is asked."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import MISSING

from service.api.bodies import validated
from service.api.schemas import ListUrlRequest, ObjectRequest, UploadFormRequest, or_none
from service.asks import Ask, Asks
from service.errors import PresignError
from service.lifetime import Lifetime
from service.off_loop import in_turns

Item = TypeVar("Item", bound=ObjectRequest)


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


async def batch_asks(
    items: Sequence[Any], model: type[Item], ask: Callable[[Item], Ask]
) -> list[Asks | PresignError]:
    """What each item asks, or what is wrong with it: one bad item does not spoil the others.

    Raises InvalidRequest for an item of another shape than `model`. Items next to each other that
    differ in their keys alone are read as one. Others get a turn in between.
    """
    asks: list[Asks | PresignError] = []
    position = 0
    async for first, keys in in_turns(_alike(items)):
        asks += _attempt(validated(model, first, "items", position), keys, ask)
        position += len(keys)
    return asks


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
    first: Item, keys: list[str], ask: Callable[[Item], Ask]
) -> Sequence[Asks | PresignError]:
    try:
        return [Asks(ask(first), keys)]
    except PresignError as error:
        return [error] * len(keys)
