"""From the contract's requests to what the presigner is asked."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from service.api.schemas import ListUrlRequest, ObjectRequest, UploadFormRequest, or_none
from service.asks import Ask
from service.errors import PresignError
from service.lifetime import Lifetime

Item = TypeVar("Item", bound=ObjectRequest)


def lifetime(body: ObjectRequest | ListUrlRequest | UploadFormRequest) -> Lifetime:
    return Lifetime(
        expires_in=or_none(body.expires_in), min_expires_in=or_none(body.min_expires_in)
    )


def batch_asks(items: Sequence[Item], ask: Callable[[Item], Ask]) -> list[Ask | PresignError]:
    """Each item's ask, or what is wrong with it: one bad item does not spoil the others."""
    return [_attempt(item, ask) for item in items]


def _attempt(item: Item, ask: Callable[[Item], Ask]) -> Ask | PresignError:
    try:
        return ask(item)
    except PresignError as error:
        return error
