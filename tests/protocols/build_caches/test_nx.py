"""What Nx gets. It ends a build after any status but those that it knows."""

from typing import Final

import pytest

from service.api.discarding import MAX_DISCARDED_BYTES
from tests.api.test_gateway import limiter_of
from tests.multipart.fake_s3 import Fault, loses_request, refuses, xml
from tests.protocols.build_caches.harness import (
    BODY,
    NX,
    TRUSTED,
    TURBO,
    Harness,
    grant,
    refused,
    settings,
    signed,
    start,
)

ARTIFACT: Final = f"{TRUSTED}nx/abc"


async def test_a_hit_is_redirected(harness: Harness) -> None:
    harness.has(ARTIFACT)
    for method in ("GET", "HEAD"):
        answer = await harness.send(method, f"{NX}/abc")
        assert answer.status_code == 307
        assert signed(answer) == (ARTIFACT, "900", {"host"})


async def test_an_upload_signs_what_nx_sends(harness: Harness) -> None:
    answer = await harness.send("PUT", f"{NX}/abc", content=BODY)
    assert answer.status_code == 307
    assert signed(answer)[2] == {"content-length", "content-type", "host"}


async def test_a_chunked_upload_is_refused(harness: Harness) -> None:
    async def chunks() -> object:
        yield BODY

    answer = await harness.send("PUT", f"{NX}/abc", content=chunks())
    assert refused(answer) == (403, "length_required")


async def test_a_long_body_is_left_to_the_server(harness: Harness) -> None:
    body = b"x" * (MAX_DISCARDED_BYTES + 1)
    answer = await harness.send("PUT", f"{NX}/abc", content=body)
    assert answer.status_code == 307
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "grants",
    [(), (grant("elsewhere/"),), (grant(TRUSTED, "download"),), (grant(TRUSTED, "check"),)],
)
async def test_a_refusal_is_a_miss_or_403(grants: tuple[dict[str, object], ...]) -> None:
    async with start(settings(*(grants or (grant(""),)), rate_limit="1/hour")) as harness:
        for _ in range(2):  # the second one is over the rate
            assert (await harness.send("GET", f"{NX}/abc")).status_code == 404
            assert (await harness.send("PUT", f"{NX}/abc", content=BODY)).status_code == 403


async def test_over_the_rate_is_a_miss_whose_words_say_so() -> None:
    async with start(settings(rate_limit="2/hour")) as harness:
        harness.has(ARTIFACT)
        assert (await harness.send("GET", f"{NX}/abc")).status_code == 307
        assert refused(await harness.send("GET", f"{NX}/abc")) == (404, "rate_limited")
        answer = await harness.send("PUT", f"{NX}/new", content=BODY)
        assert refused(answer) == (403, "rate_limited")
        assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (loses_request, "storage_unavailable"),
        (refuses(403, "AccessDenied"), "storage_refused"),
        (refuses(400, "ExpiredToken"), "credentials_unavailable"),
        (lambda _: xml(status=307, location="https://elsewhere.example"), "storage_refused"),
    ],
    ids=["away", "refused", "expired", "redirected"],
)
async def test_a_store_in_trouble_fails_no_build(harness: Harness, fault: Fault, code: str) -> None:
    for method, status in (("GET", 404), ("PUT", 403)):
        harness.store.faults["head"] = [fault] * 3
        harness.store.faults["objects"] = [refuses(403, "AccessDenied")] * 3
        body = BODY if method == "PUT" else None
        answer = await harness.send(method, f"{NX}/abc", content=body)
        assert refused(answer) == (status, code)
        assert harness.line()["reason"] == code
        harness.store.faults.clear()


async def test_a_403_of_what_is_missing_is_a_miss(harness: Harness) -> None:
    """S3 says so to a role that may not list."""
    harness.store.faults["head"] = [lambda _: xml(status=403)]
    assert refused(await harness.send("GET", f"{NX}/abc")) == (404, "not_found")


async def test_no_session_fails_no_build() -> None:
    failure = RuntimeError("STS is away")
    async with start(failure=failure) as harness:
        assert refused(await harness.send("GET", f"{NX}/abc")) == (404, "credentials_unavailable")
        answer = await harness.send("PUT", f"{NX}/abc", content=BODY)
        assert refused(answer) == (403, "credentials_unavailable")


async def test_an_unknown_key_is_told_as_plain_text(harness: Harness) -> None:
    """Nx shows the text of a 401 of exactly this type, and ends the build."""
    for method in ("GET", "PUT"):
        answer = await harness.send(method, f"{NX}/abc", headers={"Authorization": "Bearer wrong"})
        assert refused(answer) == (401, "unauthenticated")
        assert answer.headers["content-type"] == "text/plain"
        assert "valid API key or token" in answer.text


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_other_methods_are_refused(harness: Harness, method: str) -> None:
    assert (await harness.send(method, f"{NX}/abc")).status_code in {403, 404}
    answer = await harness.client.request("DELETE", f"{NX}/abc")
    assert answer.status_code == 405


async def test_an_artifact_over_5_gib_is_refused(harness: Harness) -> None:
    headers = {"Content-Length": str(5 * 1024**3 + 1)}
    answer = await harness.send("PUT", f"{NX}/abc", headers=headers)
    assert refused(answer) == (403, "body_too_large")


async def test_a_full_service_fails_no_build(harness: Harness) -> None:
    harness.has(ARTIFACT)
    limiter_of(harness.client)._free = 0
    for method, status in (("GET", 404), ("HEAD", 404), ("PUT", 403)):
        answer = await harness.send(method, f"{NX}/abc")
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "1")
    assert refused(answer) == (403, "overloaded")
    answer = await harness.send("GET", f"{TURBO}/abc")
    assert refused(answer) == (503, "overloaded")
