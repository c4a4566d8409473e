"""One bucket: its requests, its settings, and how wrong the clock is."""

from dataclasses import replace
from typing import Final

import pytest

from service.operations.live.bucket_settings import SettingsReader
from service.operations.live.buckets import BucketResults, check_bucket, check_session
from service.operations.setup.signing import SignedBucket
from service.signing.signer import Address
from tests.operations.live.test_bucket_settings import BUCKET, FakeClient
from tests.s3.fake_store import Harness, error, with_harness
from tests.support.factories import ADDRESS
from tests.support.pool import FakeSource

MISSING: Final = error(404, "NoSuchKey")
REFUSED: Final = error(403, "SignatureDoesNotMatch")


async def check(
    harness: Harness, bucket: SignedBucket = BUCKET, address: Address = ADDRESS
) -> BucketResults:
    session, _ = await check_session(bucket, FakeSource(harness.clock))
    assert session is not None
    return await check_bucket(
        bucket,
        address,
        session,
        store=harness.client,
        reader=SettingsReader([FakeClient()], "acme-reports"),
        key="a/presign-check-1",
        clock=harness.clock,
    )


@pytest.mark.parametrize("wrong_by", [600.0, -600.0])
@with_harness
async def test_a_wrong_clock_is_measured_against_sts(harness: Harness, wrong_by: float) -> None:
    harness.clock.skew = wrong_by
    harness.store.script(MISSING, REFUSED)

    found = await check(harness)

    assert found.clock_ahead == pytest.approx(wrong_by, abs=1)
    assert [each.kind for each in found.results][:2] == ["works", "works"]


@with_harness
async def test_the_public_address_is_asked_too(harness: Harness) -> None:
    harness.store.script(MISSING, REFUSED, MISSING)
    inner = replace(ADDRESS, host="minio.internal:9000")

    found = await check(harness, address=replace(ADDRESS, internal=inner))

    hosts = [request.url.host for request in harness.store.requests]
    assert hosts == ["minio.internal", "minio.internal", ADDRESS.host]
    assert ("buckets", "reports", "public_endpoint_url") in {each.path for each in found.results}


@with_harness
async def test_the_bucket_behind_an_access_point_is_not_read(harness: Harness) -> None:
    harness.store.script(MISSING, REFUSED)
    point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/reports"

    found = await check(harness, replace(BUCKET, s3_bucket=point))

    assert "behind the access point" in found.results[-1].message


@with_harness
async def test_only_scoped_buckets_need_session_policies(harness: Harness) -> None:
    source = FakeSource(harness.clock)
    await check_session(replace(BUCKET, is_scoped=False), source)
    assert source.policies == [None]
    await check_session(BUCKET, source)
    assert source.policies[1] is not None
    assert '"Deny"' in source.policies[1]
