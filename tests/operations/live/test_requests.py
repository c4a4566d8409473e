"""The signed request that must work, and the one that must not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import httpx
import pytest

from service.access.grants import Operation
from service.operations.live.requests import check_public_address, check_requests
from service.operations.live.results import Result
from tests.s3.fake_store import (
    Harness,
    Respond,
    error,
    fails,
    make_store_access,
    query_of,
    responds,
    with_harness,
)
from tests.support.factories import ADDRESS, make_grant

KEY: Final = "é/presign-check-1"
MISSING: Final = error(404, "NoSuchKey")
REFUSED: Final = error(403, "SignatureDoesNotMatch")


async def check(
    harness: Harness, *responses: Respond, allow: Sequence[Operation] = (Operation.DOWNLOAD,)
) -> list[Result]:
    harness.store.script(*responses)
    grants = [make_grant(allow=frozenset(allow))]
    results = await check_requests(
        harness.client, harness.store_access, grants, name="reports", key=KEY
    )
    assert "X-Amz" not in repr(results)
    assert {each.path for each in results} == {("buckets", "reports")}
    return results


@with_harness
async def test_a_missing_key_works_and_a_changed_one_is_refused(harness: Harness) -> None:
    results = await check(harness, MISSING, REFUSED)

    assert [each.kind for each in results] == ["works", "works"]
    good, changed = harness.store.requests
    assert (good.method, good.url.path) == ("GET", f"/{KEY}")
    assert changed.url.path == f"/{KEY}-changed"
    assert query_of(good)["X-Amz-Signature"] == query_of(changed)["X-Amz-Signature"]


@with_harness
async def test_a_store_that_verifies_nothing_is_an_error(harness: Harness) -> None:
    _, changed = await check(harness, MISSING, MISSING)

    assert changed.kind == "error"
    assert changed.message.startswith("the store does not verify signatures")


@pytest.mark.parametrize("changed", [responds(), MISSING, responds(404)])
@with_harness
async def test_a_store_that_looks_for_changed_keys_is_an_error(
    harness: Harness, changed: Respond
) -> None:
    [_, result] = await check(harness, responds(404), changed)
    assert result.message.startswith("the store does not verify signatures")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (error(404, "NoSuchBucket"), "with NoSuchBucket, not with 403, so it is unknown"),
        (responds(404), "with 404, not with 403, so it is unknown"),
        (error(301, "PermanentRedirect"), "with PermanentRedirect, not with 403"),
        (responds(302), "with 302, not with 403"),
        (error(501, "NotImplemented"), "with NotImplemented, not with 403"),
        (responds(503), "a request whose key was changed failed: The store cannot be reached"),
    ],
)
@with_harness
async def test_another_answer_to_a_changed_key_is_named(
    harness: Harness, changed: Respond, message: str
) -> None:
    [_, result] = await check(harness, MISSING, *[changed] * 3)
    assert result.kind == "error"
    assert message in result.message
    assert "does not verify" not in result.message


@with_harness
async def test_a_wrong_signature_may_have_another_status(harness: Harness) -> None:
    [_, changed] = await check(harness, MISSING, error(400, "SignatureDoesNotMatch"))
    assert changed.kind == "works"


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (error(404, "NoSuchBucket"), "(NoSuchBucket): there is no such bucket; correct `bucket`"),
        (error(301, "PermanentRedirect"), "(PermanentRedirect): the bucket is in another region"),
        (error(400, "AuthorizationHeaderMalformed"), "the bucket is in another region"),
        (error(403, "SignatureDoesNotMatch"), "a proxy in front of it may change the host"),
        (error(403, "InvalidAccessKeyId"), "the store does not know the access key"),
        (error(403, "RequestTimeTooSkewed"), "the clocks differ"),
        (error(409, "SomethingElse"), "a signed request was refused (SomethingElse)"),
        (fails(httpx.ConnectError), "a signed request failed: The store cannot be reached"),
    ],
)
@with_harness
async def test_a_refused_request_says_what_to_correct(
    harness: Harness, respond: Respond, message: str
) -> None:
    [result] = await check(harness, respond)

    assert result.kind == "error"
    assert message in result.message
    assert "canary" not in result.message


@with_harness
async def test_a_forbidden_read_is_an_error_if_the_role_may_list(harness: Harness) -> None:
    denied = error(403, "AccessDenied")
    [listing] = await check(harness, denied, allow=[Operation.DOWNLOAD, Operation.LIST])
    assert listing.kind == "error"
    assert "give the role the permissions that `presign iam` prints" in listing.message


@with_harness
async def test_a_forbidden_read_is_a_warning_if_the_key_may_be_missing(harness: Harness) -> None:
    """S3 answers 403 for a missing key to those who may not list."""
    [result] = await check(harness, error(403, "AccessDenied"))
    assert result.kind == "warning"
    assert "the key is missing and the role may not list" in result.message


@with_harness
async def test_a_grant_that_only_lists_is_checked_by_a_listing(harness: Harness) -> None:
    results = await check(harness, responds(), allow=[Operation.LIST])
    assert [each.kind for each in results] == ["works"]
    assert query_of(harness.store.requests[0])["list-type"] == "2"


@pytest.mark.parametrize(
    ("respond", "kind", "message"),
    [
        (responds(), "works", "versions can be listed"),
        (
            error(403, "AccessDenied"),
            "warning",
            "versions cannot be listed (AccessDenied): give the role `s3:ListBucketVersions`",
        ),
        (error(501, "NotImplemented"), "warning", "versions cannot be listed (NotImplemented)"),
    ],
)
@with_harness
async def test_a_role_that_lists_no_versions_is_a_warning(
    harness: Harness, respond: Respond, kind: str, message: str
) -> None:
    allow = [Operation.LIST, Operation.VERSIONS]
    *_, result = await check(harness, responds(), respond, allow=allow)
    assert (result.kind, result.message) == (kind, message)
    assert "versions" in query_of(harness.store.requests[1])


@with_harness
async def test_grants_for_uploads_only_send_nothing(harness: Harness) -> None:
    [result] = await check(harness, responds(), allow=[Operation.UPLOAD])
    assert result.kind == "warning"
    assert harness.store.requests == []


@pytest.mark.parametrize(
    ("respond", "kind"),
    [
        (MISSING, "works"),
        (REFUSED, "error"),
        (fails(httpx.ConnectError), "warning"),
    ],
)
@with_harness
async def test_the_public_address_is_asked_as_callers_do(
    harness: Harness, respond: Respond, kind: str
) -> None:
    harness.store.script(respond)
    inner = replace(ADDRESS, host="minio.internal:9000")

    result = await check_public_address(
        harness.client, make_store_access(inner=inner), name="reports", key=KEY
    )

    assert result.kind == kind
    assert result.path == ("buckets", "reports", "public_endpoint_url")
    assert harness.store.requests[0].url.host == ADDRESS.host
