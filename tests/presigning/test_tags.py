"""The tag in a signed query, by which the access log of the store names our request."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from service.signing.actions import Action, DeleteObject, GetObject, ListObjects
from tests.support.authorizer import Harness, make_harness, urls_of
from tests.support.factories import (
    REQUESTER,
    UPLOAD,
    make_bucket,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time


def make_tagged_harness() -> Harness:
    """The URLs of `photos` have tags, those of `reports` do not."""
    buckets = {"reports": make_bucket(), "photos": make_bucket(tag_urls=True)}
    grants = make_grant(), make_grant(bucket="photos")
    return make_harness(make_snapshot(*grants, buckets=buckets))


def audited_ids(harness: Harness) -> set[str]:
    return {line["request_id"] for line in harness.audit_lines}


def ids(url: str) -> list[str]:
    """What S3 would write into its access log."""
    return parse_qs(urlsplit(url).query).get("x-presign-id", [])


@pytest.mark.parametrize("action", [GetObject(), UPLOAD, DeleteObject(), ListObjects(prefix="a/b")])
@in_virtual_time
async def test_a_tagged_url_names_the_request_as_the_trail_does(action: Action) -> None:
    harness = make_tagged_harness()
    signed = await harness.presign(make_request(action, bucket="photos"))
    assert ids(signed.url) == ["request-1"]
    assert audited_ids(harness) == {"request-1"}
    assert signed.url.index("x-presign-id") < signed.url.index("X-Amz-Signature")


@in_virtual_time
async def test_the_tag_is_signed() -> None:
    harness = make_tagged_harness()
    requesters = [replace(REQUESTER, request_id=name) for name in ("request-1", "request-2")]
    await harness.presign(make_request(bucket="photos"))  # fetches the session
    signed = [await harness.presign(make_request(bucket="photos"), each) for each in requesters]
    one, other = (parse_qs(urlsplit(each.url).query) for each in signed)
    assert one.pop("X-Amz-Signature") != other.pop("X-Amz-Signature")
    assert one.pop("x-presign-id") != other.pop("x-presign-id")
    assert one == other


@in_virtual_time
async def test_all_tagged_urls_of_a_batch_name_its_one_request() -> None:
    harness = make_tagged_harness()
    keys = [(bucket, str(n)) for n in range(5) for bucket in ("reports", "photos")]
    requests = [make_request(key=key, bucket=bucket) for bucket, key in keys]
    answers = await harness.presign_batch(requests, replace(REQUESTER, request_id="r-2"))
    assert [ids(url) for url in urls_of(answers)] == [[], ["r-2"]] * 5
    assert audited_ids(harness) == {"r-2"}


@in_virtual_time
async def test_requests_of_one_second_do_not_share_a_tag() -> None:
    harness = make_tagged_harness()
    await harness.presign(make_request(bucket="photos"))
    for number in range(100):
        requester = replace(REQUESTER, request_id=f"r-{number}")
        signed = await harness.presign(make_request(bucket="photos"), requester)
        assert ids(signed.url) == [f"r-{number}"]
