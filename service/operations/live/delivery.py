"""Looks at a distribution: signed URLs must get through to the bucket, unsigned ones must not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

from service.operations.live.results import Path, Result
from service.presigning.delivery import Delivery
from service.signing.actions import GetObject

SECONDS: Final = 60  # the life of the signed URL
_CALL_SECONDS: Final = 5.0
_MOST_BYTES: Final = 4096
_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_OF_S3: Final = "x-amz-request-id"  # CloudFront's own refusals do not have it


async def check_delivery(
    name: str,
    delivery: Delivery,
    key: str,
    *,
    client: httpx.AsyncClient,
    now: Callable[[], float],
) -> list[Result]:
    """Fetch `key`, which no object has, with a signature and without.

    `now` returns epoch seconds.
    """
    at: Path = ("buckets", name, "cloudfront")
    signed = delivery.context(GetObject(), int(now()) + SECONDS).url(key)
    try:
        without = await _fetch(client, signed.partition("?")[0])
        reply = await _fetch(client, signed)
    except httpx.HTTPError as error:
        text = f"it cannot be reached: {type(error).__name__}"
        return [Result("error", (*at, "url"), text)]
    return [_of_unsigned(at, without), _of_signed(at, reply)]


@dataclass(frozen=True, slots=True)
class _Reply:
    """`is_of_s3` tells whether the request got through to the bucket."""

    status: int
    is_of_s3: bool
    code: str


async def _fetch(client: httpx.AsyncClient, url: str) -> _Reply:
    async with client.stream("GET", url, timeout=_CALL_SECONDS) as response:
        body = b""
        async for some in response.aiter_raw():
            body += some
            if len(body) >= _MOST_BYTES:
                break
        found = _CODE.search(body)
        code = "" if found is None else f" {found[1].decode()}"
        return _Reply(response.status_code, _OF_S3 in response.headers, code)


def _of_unsigned(at: Path, reply: _Reply) -> Result:
    if reply.is_of_s3 or reply.status < httpx.codes.BAD_REQUEST:
        text = (
            "an unsigned URL gets through to the bucket, so everything is public; name the key "
            "group in the distribution's behaviour"
        )
        return Result("error", at, text)
    if reply.status != httpx.codes.FORBIDDEN:
        text = f"an unsigned URL is answered with {reply.status}{reply.code}, not with 403"
        return Result("warning", at, text)
    return Result("works", at, "an unsigned URL is refused")


def _of_signed(at: Path, reply: _Reply) -> Result:
    if reply.is_of_s3:
        return Result("works", at, "a signed URL gets through to the bucket")
    text = (
        f"a signed URL is answered with {reply.status}{reply.code}, and not by the bucket; compare "
        "the key and its id with the distribution's key group"
    )
    return Result("error", at, text)
