"""The form that `presign check --live` sends, and what it finds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from service.access.grants import Operation
from service.operations.live.buckets import check_forms
from service.operations.live.results import Result
from service.operations.setup.signing import SignedBucket
from service.sessions.source import SessionRefused
from tests.operations.live.test_bucket_settings import BUCKET
from tests.s3.fake_store import Harness, Respond, error, fails, query_of, responds, with_harness
from tests.support.factories import ADDRESS, ENCRYPTION, make_credentials, make_grant
from tests.support.pool import FakeSource

NAME: Final = "presign-check-1"
KEY: Final = f"a/{NAME}"
OURS: Final = make_credentials("AKIAOURS")
FORM: Final = make_grant(prefix="a/", allow=frozenset({Operation.FORM}))
ELSEWHERE: Final = replace(BUCKET, is_at_aws=False, grants=(FORM,))
ACCEPTED: Final = responds(204)
DENIED: Final = error(403, "AccessDenied")


async def check(
    harness: Harness,
    *responses: Respond,
    bucket: SignedBucket = ELSEWHERE,
    source: FakeSource | None = None,
) -> list[Result]:
    harness.store.script(*responses)
    source = source or FakeSource(harness.clock)
    session = await source.fetch(None, None)
    results = await check_forms(
        bucket,
        ADDRESS,
        session,
        source,
        store=harness.client,
        own=[OURS],
        name=NAME,
        clock=harness.clock,
    )
    assert "X-Amz" not in repr(results)
    assert {each.path for each in results} <= {("buckets", "reports")}
    return results


def methods(harness: Harness) -> list[str]:
    return [each.method for each in harness.store.requests]


def key_ids(harness: Harness) -> list[str]:
    """Return whose key signed each request but the form."""
    queries = [query_of(each) for each in harness.store.requests[1:]]
    return [each["X-Amz-Credential"].partition("/")[0] for each in queries]


@with_harness
async def test_a_form_whose_file_is_stored_works_and_is_removed(harness: Harness) -> None:
    [result] = await check(
        harness, ACCEPTED, responds(headers={"x-amz-version-id": "v1"}), ACCEPTED
    )

    assert (result.kind, result.message) == ("works", "what a form uploads is stored")
    assert methods(harness) == ["POST", "HEAD", "DELETE"]
    form, head, delete = harness.store.requests
    assert str(form.url) == f"https://{ADDRESS.host}/"
    assert (head.url.path, delete.url.path) == (f"/{KEY}", f"/{KEY}")
    assert query_of(delete)["versionId"] == "v1"


@with_harness
async def test_a_store_that_loses_a_form_is_an_error(harness: Harness) -> None:
    """Ceph RGW 18 does: see docs/stores.md."""
    [result] = await check(harness, ACCEPTED, responds(404))

    assert result.kind == "error"
    assert result.message == (
        "the store accepts a caller's form and stores nothing; grant `upload` instead of `form`: "
        "see docs/stores.md"
    )
    assert methods(harness) == ["POST", "HEAD"]


@with_harness
async def test_a_store_that_refuses_a_form_is_an_error(harness: Harness) -> None:
    """SeaweedFS does, if the form has a session's token."""
    [result] = await check(harness, DENIED)

    assert result.kind == "error"
    assert result.message.startswith("the store refused a form that a caller may send (AccessDen")
    assert methods(harness) == ["POST"]


@with_harness
async def test_the_form_is_sent_in_a_session_of_a_caller(harness: Harness) -> None:
    source = FakeSource(harness.clock)
    await check(harness, ACCEPTED, source=source)

    _, policy = source.policies
    assert policy is not None
    assert f"acme-reports/{KEY}" in policy
    assert source.sessions[1].credentials.access_key_id.encode() in harness.store.bodies[0]
    assert key_ids(harness) == [source.sessions[0].credentials.access_key_id] * 2


@with_harness
async def test_an_unscoped_bucket_sends_it_in_the_shared_session(harness: Harness) -> None:
    source = FakeSource(harness.clock)
    await check(harness, ACCEPTED, source=source, bucket=replace(ELSEWHERE, is_scoped=False))
    assert source.policies == [None]


@with_harness
async def test_the_form_has_the_encryption_of_uploads(harness: Harness) -> None:
    await check(harness, ACCEPTED, bucket=replace(ELSEWHERE, encryption=ENCRYPTION))
    assert b"x-amz-server-side-encryption" in harness.store.bodies[0]


@with_harness
async def test_placeholders_of_a_prefix_are_filled(harness: Harness) -> None:
    grant = make_grant(prefix="users/{claim:/sub}/", allow=frozenset({Operation.FORM}))
    await check(harness, ACCEPTED, bucket=replace(ELSEWHERE, grants=(grant,)))
    assert harness.store.requests[1].url.path == f"/users/presign-check/{NAME}"


@pytest.mark.parametrize(
    "changes",
    [
        {"is_at_aws": True},
        {"grants": (make_grant(allow=frozenset({Operation.UPLOAD})),)},
    ],
)
@with_harness
async def test_no_form_is_sent_to_aws_or_without_a_grant(
    harness: Harness, changes: dict[str, Any]
) -> None:
    assert await check(harness, bucket=replace(ELSEWHERE, **changes)) == []
    assert harness.store.requests == []


@with_harness
async def test_our_own_credentials_read_and_delete_if_the_role_may_not(harness: Harness) -> None:
    [result] = await check(harness, ACCEPTED, DENIED, responds(), DENIED, ACCEPTED)

    assert result.kind == "works"
    assert methods(harness) == ["POST", "HEAD", "HEAD", "DELETE", "DELETE"]
    role, ours = key_ids(harness)[:2]
    assert (role != ours, ours) == (True, OURS.access_key_id)


@pytest.mark.parametrize(
    ("responses", "kinds", "message"),
    [
        ([ACCEPTED, DENIED], ["warning", "warning"], "it is unknown whether its file was stored"),
        ([ACCEPTED, responds(), DENIED], ["works", "warning"], "what a form uploads is stored"),
        ([fails(httpx.ConnectError)], ["warning"], "no form could be tried: The store cannot be"),
    ],
)
@with_harness
async def test_what_could_not_be_looked_at_is_a_warning(
    harness: Harness, responses: Sequence[Respond], kinds: list[str], message: str
) -> None:
    results = await check(harness, *responses)
    assert [each.kind for each in results] == kinds
    assert message in results[0].message
    if len(results) == 2:
        assert results[1].message == f'"{KEY}" could not be deleted: delete it'


@with_harness
async def test_a_refused_session_for_a_form_is_an_error(harness: Harness) -> None:
    source = FakeSource(harness.clock)
    session = await source.fetch(None, None)
    source.error = SessionRefused("ClientError: PackedPolicyTooLarge")
    results = await check_forms(
        ELSEWHERE,
        ADDRESS,
        session,
        source,
        store=harness.client,
        own=[],
        name=NAME,
        clock=harness.clock,
    )
    assert [each.kind for each in results] == ["error"]
    assert "PackedPolicyTooLarge" in results[0].message
