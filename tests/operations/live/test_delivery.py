"""`presign check --live` on a distribution: what it sends, and what it says of the answers."""

from collections.abc import Callable

import httpx
import pytest

from service.operations.live.delivery import SECONDS, check_delivery
from tests.support.app import make_store_response
from tests.support.cloudfront import ORIGIN, make_delivery, query_of

NOW = 1_800_000_000.0
Reply = tuple[int, str, bool]  # its status, code, and whether it comes from the bucket

MISSING_KEY: Reply = (403, "MissingKey", False)
UNKNOWN_KEY: Reply = (403, "InvalidKey", False)
FROM_BUCKET: Reply = (403, "AccessDenied", True)


def response(reply: Reply) -> httpx.Response:
    status, code, is_of_s3 = reply
    text = f"<Error><Code>{code}</Code></Error>"
    headers = {"x-amz-request-id": "1"} if is_of_s3 else {"location": "https://other.example"}
    return make_store_response(status, text, headers)


async def looked(answer: Callable[[httpx.Request], httpx.Response]) -> list[tuple[str, str]]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        results = await check_delivery(
            "media", make_delivery(), "a-key", client=client, now=lambda: NOW
        )
    assert "Signature" not in repr(results)
    assert {each.path[:3] for each in results} == {("buckets", "media", "cloudfront")}
    return [(each.kind, each.message) for each in results]


def answers(signed: Reply, unsigned: Reply) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: response(signed if request.url.query else unsigned)


async def test_a_signed_and_an_unsigned_url_are_fetched() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return response(FROM_BUCKET if request.url.query else MISSING_KEY)

    assert await looked(answer) == [
        ("works", "an unsigned URL is refused"),
        ("works", "a signed URL gets through to the bucket"),
    ]
    unsigned, signed = seen
    assert unsigned == f"{ORIGIN}/a-key"
    assert int(query_of(signed)["Expires"]) == NOW + SECONDS


@pytest.mark.parametrize(
    ("unsigned", "kind", "says"),
    [
        (FROM_BUCKET, "error", "everything is public"),
        ((200, "", False), "error", "everything is public"),
        ((502, "NoSuchDistribution", False), "warning", "502 NoSuchDistribution"),
    ],
)
async def test_an_unsigned_url_that_is_not_refused_is_reported(
    unsigned: Reply, kind: str, says: str
) -> None:
    first, _ = await looked(answers(FROM_BUCKET, unsigned))
    assert first[0] == kind
    assert says in first[1]


@pytest.mark.parametrize(
    ("signed", "says"),
    [
        (UNKNOWN_KEY, "403 InvalidKey, and not by the bucket"),
        ((403, "a&quot;b", False), "403, and not by the bucket"),
        ((301, "", False), "301, and not"),
    ],
)
async def test_a_refused_signature_is_an_error(signed: Reply, says: str) -> None:
    _, second = await looked(answers(signed, MISSING_KEY))
    assert second[0] == "error"
    assert says in second[1]


async def test_a_distribution_that_does_not_answer_is_an_error() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(str(request.url))

    assert await looked(fail) == [("error", "it cannot be reached: ConnectError")]
