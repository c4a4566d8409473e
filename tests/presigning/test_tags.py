"""The tag in a signed query, by which the access log of the store names our request."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.signing.actions import DeleteObject, GetObject, ListObjects
from tests.support.authorizer import Harness, make_harness, urls_of
from tests.support.factories import (
    REQUESTER,
    TWO_BUCKETS,
    UPLOAD,
    make_bucket,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time, loop_clock


def ids_told(harness: Harness) -> set[str]:
    return {json.loads(line)["request_id"] for line in harness.audit_bytes}


def ids(url: str) -> list[str]:
    """What S3 would write into its access log."""
    return parse_qs(urlsplit(url).query).get("x-presign-id", [])


@pytest.mark.parametrize("action", [GetObject(), UPLOAD, DeleteObject(), ListObjects(prefix="a/b")])
@in_virtual_time
async def test_a_tagged_url_names_the_request_as_the_trail_does(action: Any) -> None:
    buckets = {"reports": make_bucket(tag_urls=True)}
    harness = make_harness(make_snapshot(make_grant(), buckets=buckets))
    signed = await harness.presign(make_request(action))
    assert ids(signed.url) == ["request-1"]
    assert ids_told(harness) == {"request-1"}
    assert signed.url.index("x-presign-id") < signed.url.index("X-Amz-Signature")


@in_virtual_time
async def test_the_tag_is_signed() -> None:
    urls = []
    for request_id in ("request-1", "request-2"):
        harness = make_harness(
            make_snapshot(make_grant(), buckets={"reports": make_bucket(tag_urls=True)})
        )
        assert loop_clock().boot() < 1
        asker = replace(REQUESTER, request_id=request_id)
        urls.append((await harness.presigner.presign(asker, make_request())).url)
    one, other = (parse_qs(urlsplit(url).query) for url in urls)
    assert one.pop("X-Amz-Signature") != other.pop("X-Amz-Signature")
    assert one.pop("x-presign-id") != other.pop("x-presign-id")
    assert one == other


@in_virtual_time
async def test_all_urls_of_a_batch_name_its_one_request() -> None:
    tagged = {name: replace(bucket, tag_urls=True) for name, bucket in TWO_BUCKETS.items()}
    harness = make_harness(make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=tagged))
    requests = [make_request(key=str(n), bucket=bucket) for n in range(5) for bucket in TWO_BUCKETS]
    answers = await harness.presign_batch(requests, replace(REQUESTER, request_id="r-2"))
    assert [ids(url) for url in urls_of(answers)] == [["r-2"]] * 10
    assert ids_told(harness) == {"r-2"}


@in_virtual_time
async def test_requests_of_one_second_do_not_share_a_tag() -> None:
    harness = make_harness(
        make_snapshot(make_grant(), buckets={"reports": make_bucket(tag_urls=True)})
    )
    await harness.presign(make_request())
    for number in range(100):
        asker = replace(REQUESTER, request_id=f"r-{number}")
        assert ids((await harness.presigner.presign(asker, make_request())).url) == [f"r-{number}"]


@in_virtual_time
async def test_a_bucket_that_is_not_to_be_tagged_is_not() -> None:
    buckets = {"reports": make_bucket(), "photos": make_bucket(tag_urls=True)}
    harness = make_harness(
        make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=buckets)
    )
    answers = await harness.presign_batch([make_request(), make_request(bucket="photos")])
    assert [ids(url) for url in urls_of(answers)] == [[], ["request-1"]]
