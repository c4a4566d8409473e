"""Answers and URLs of one request, as tests of `stable_for` need them."""

from typing import Any

from service.presigning.results import PresignedRequest
from tests.support.authorizer import Harness
from tests.support.factories import make_request

WEEK = 604_800
DAY = 86_400


async def signed(harness: Harness, *, key: str = "a/b", **lifetime: Any) -> PresignedRequest:
    return await harness.presign(make_request(key=key, **lifetime))


async def url(harness: Harness, *, key: str = "a/b", **lifetime: int) -> str:
    return (await signed(harness, key=key, **lifetime)).url
