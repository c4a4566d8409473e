"""Which session signs under the conditions of a grant, and which tags nobody may upload with."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.callers import Identity
from service.access.grants import AccessRequest, Conditions, Grant, Operation
from service.errors import Forbidden, LimitExceeded, PresignError
from service.multipart.part_plan import PartPlan
from service.multipart.requests import NewUpload, PartChecksums
from service.presigning.bucket import Bucket
from service.presigning.caller_access import Copying
from service.presigning.requests import PresignBatch, PresignRequest, StoreRequest
from service.presigning.results import PresignedRequests
from service.sessions.lifetime import Lifetime
from service.signing.actions import DeleteObject, GetObject, HeadObject, ListObjects, PutObject
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import CreateMultipartUpload
from service.signing.post_policy import PostObject
from service.signing.redirected_put import RedirectedPut
from tests.access.policy_evaluator import allows
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import (
    REQUESTER,
    make_bucket,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import in_virtual_time

OFFICE: Final = Conditions(networks=("203.0.113.0/24",))
VPC: Final = Conditions(vpc_endpoints=("vpce-0123456789abcdef0",))
CLEAN: Final = Conditions(only_if_tagged=(("Scan", "ok"),))
KEY: Final = "arn:aws:s3:::acme-reports/a/b"
PASSED: Final = {"s3:ExistingObjectTag/Scan": "ok"}
AWS: Final = make_bucket(arns=bucket_arns("acme-reports", partition="aws", enforces_limits=True))
STORES: Final = {"AWS": AWS, "another store": make_bucket()}


def grant(*operations: Operation, **more: Any) -> Grant:
    return make_grant(allow=frozenset(operations), **more)


SCANNED: Final = grant(Operation.DOWNLOAD, Operation.HEAD, conditions=CLEAN)
CHECKED: Final = grant(Operation.UPLOAD, Operation.CHECK)


def harness(*grants: Grant, bucket: Bucket = AWS) -> Harness:
    return make_harness(make_snapshot(*grants, buckets={"reports": bucket}))


def policy_of(tested: Harness, url: str) -> str:
    ids = [each.credentials.access_key_id for each in tested.source.sessions]
    return dict(zip(ids, tested.source.policies, strict=True))[access_key_id_of(url)] or ""


@pytest.mark.parametrize("store", STORES)
@in_virtual_time
async def test_a_check_opens_nothing_that_was_not_scanned(store: str) -> None:
    """IAM knows no check: with one session, the URL of the other grant would read it."""
    tested = harness(SCANNED, CHECKED, bucket=STORES[store])
    await tested.authorizer.authorize_store_call(REQUESTER, store_call(Operation.CHECK))
    for action in (GetObject(), HeadObject()):
        policy = policy_of(tested, (await tested.presign(make_request(action))).url)
        assert not allows(policy, "s3:GetObject", KEY)
        assert allows(policy, "s3:GetObject", KEY, PASSED)
        assert not allows(policy, "s3:PutObject", KEY, PASSED)


def store_call(operation: Operation) -> StoreRequest:
    access_request = AccessRequest(operation=operation, bucket="reports", key="a/b")
    return StoreRequest(action="AnyAction", access_request=access_request)


@in_virtual_time
async def test_a_grant_without_a_condition_is_enough() -> None:
    placed = grant(Operation.DOWNLOAD, conditions=OFFICE, max_expires_in=3000)
    free = grant(Operation.DOWNLOAD, prefix="a/", max_expires_in=60)
    tested = harness(placed, free)
    for key, seconds, has_place in (("a/b", 60, False), ("b", 3000, True)):
        signed = await tested.presign(make_request(key=key, expires_in=3000))
        assert validity_of(signed.url)[1] == seconds
        assert ("aws:SourceIp" in policy_of(tested, signed.url)) is has_place


def new_upload(action: CreateMultipartUpload) -> NewUpload:
    return NewUpload(
        bucket="reports",
        key="a/b",
        action=action,
        lifetime=Lifetime(),
        plan=PartPlan.for_length(6 * 2**20),
        checksums=PartChecksums(),
    )


@in_virtual_time
async def test_parts_are_not_sent_from_elsewhere_than_the_grant_of_their_type() -> None:
    pictures = grant(Operation.MULTIPART, content_types=("image/png",))
    anything = grant(Operation.MULTIPART, conditions=OFFICE)
    tested = harness(anything, pictures)
    authorize = tested.authorizer.authorize_store_call
    with pytest.raises(LimitExceeded) as refused:
        await authorize(
            REQUESTER, new_upload(CreateMultipartUpload(content_type="text/html")).store_request()
        )
    assert [*refused.value.pointers] == ["#/content_type"]
    assert tested.fetches == 0
    started = new_upload(CreateMultipartUpload(content_type="image/png"))
    parts = started.selection("id", [1])
    calls = [parts.upload.store_request(each) for each in ("ListParts", "AbortMultipartUpload")]
    for request in (started.store_request(), parts.store_request(), *calls):
        await authorize(REQUESTER, request)
    assert ["aws:SourceIp" in (each or "") for each in tested.source.policies] == [False]


@in_virtual_time
async def test_each_set_of_conditions_begins_one_session() -> None:
    tested = harness(
        grant(Operation.DOWNLOAD, prefix="a/", conditions=OFFICE),
        grant(Operation.HEAD, prefix="b/", conditions=Conditions(networks=OFFICE.networks)),
        grant(Operation.DOWNLOAD, prefix="c/", conditions=VPC),
        grant(Operation.DOWNLOAD, prefix="d/"),
    )
    for _ in range(2):
        for each in ("a/x", "a/y", "c/x", "d/x"):
            await tested.presign(make_request(key=each))
        await tested.presign(make_request(HeadObject(), key="b/x"))
    assert tested.fetches == 3
    policies = [each or "" for each in tested.source.policies]
    assert [("SourceIp" in each, "SourceVpce" in each) for each in policies] == [
        (True, False),
        (False, True),
        (False, False),
    ]


@in_virtual_time
async def test_a_batch_waits_for_the_session_of_each_key() -> None:
    tested = harness(
        grant(Operation.DOWNLOAD, prefix="a/", conditions=OFFICE),
        grant(Operation.DOWNLOAD, prefix="b/"),
    )
    first = make_request(key="a/1")
    answers = await tested.presign_batch([PresignBatch(first, ["a/1", "a/2", "b/1", "b/2"])])
    assert all(isinstance(each, PresignedRequests) for each in answers)
    urls = [url for each in answers if isinstance(each, PresignedRequests) for url in each.urls]
    assert ["SourceIp" in policy_of(tested, url) for url in urls] == [True, True, False, False]
    assert tested.fetches == 2


@in_virtual_time
async def test_other_conditions_need_other_sessions_at_once() -> None:
    """The pool has live sessions of the old ones, and no request of the new is signed by them."""
    tested = harness(grant(Operation.DOWNLOAD, conditions=OFFICE))
    before = await tested.presign(make_request())
    for changed in (None, VPC, CLEAN):
        snapshot = make_snapshot(
            grant(Operation.DOWNLOAD, conditions=changed), buckets={"reports": AWS}
        )
        tested.authorizer.snapshot = snapshot
        after = await tested.presign(make_request())
        assert access_key_id_of(after.url) != access_key_id_of(before.url)
        assert "SourceIp" not in policy_of(tested, after.url)


FREE: Final = (
    make_grant(prefix="a/", max_expires_in=60),
    grant(Operation.DOWNLOAD, Operation.LIST, Operation.VERSIONS, prefix="b/"),
)


@pytest.mark.parametrize("store", STORES)
def test_a_caller_without_conditions_has_the_policies_of_before(store: str) -> None:
    """Whatever other grants it has elsewhere, and others have here."""
    buckets = {"reports": STORES[store], "photos": STORES[store]}
    alone = make_snapshot(*FREE, buckets=buckets)
    placed = grant(Operation.DOWNLOAD, bucket="photos", conditions=OFFICE)
    here = grant(Operation.DOWNLOAD, prefix="c/", conditions=VPC)
    expected = alone.access(REQUESTER.identity)
    for others in ([placed], [here], [placed, here]):
        found = make_snapshot(*others, *FREE, buckets=buckets).access(REQUESTER.identity)
        assert found.sessions[None] == expected.sessions[None]
        at = Copying("reports")
        assert found.copying[at] == expected.copying[at]


def test_policies_without_conditions_are_those_of_the_last_release() -> None:
    """Byte for byte: a policy is part of the session's key."""
    own = make_snapshot(*FREE, buckets={"reports": AWS}).access(REQUESTER.identity)
    assert json.loads(own.sessions[None].session_keys["reports"].policy or "") == BEFORE
    assert (own.sessions[None].session_keys["reports"].policy or "") == json.dumps(
        BEFORE, separators=(",", ":")
    )


A: Final = "arn:aws:s3:::acme-reports/a/*"
BOTH: Final = [A, "arn:aws:s3:::acme-reports/b/*"]
BEFORE: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": BOTH},
        {
            "Effect": "Allow",
            "Action": [
                "s3:PutObject",
                "s3:PutObjectTagging",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
            ],
            "Resource": A,
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
            "Resource": "arn:aws:s3:::acme-reports",
            "Condition": {"StringLike": {"s3:prefix": ["a/*", "b/*"]}},
        },
        {
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": "*",
            "Condition": {"Null": {"s3:x-amz-copy-source": "false"}},
        },
    ],
}


@in_virtual_time
async def test_a_link_is_used_under_the_makers_conditions() -> None:
    tested = harness(grant(Operation.DOWNLOAD, Operation.LINK, conditions=OFFICE))
    visitor = replace(REQUESTER, identity=replace(REQUESTER.identity, by_link=True))
    signed = await tested.presign(make_request(), visitor)
    assert "aws:SourceIp" in policy_of(tested, signed.url)


def copy(key: str = "b/x", source: str = "a/x") -> PresignRequest:
    return make_request(CopyObject(source=CopySource(bucket="reports", key=source)), key=key)


@in_virtual_time
async def test_a_copy_is_signed_under_both_grants_conditions() -> None:
    tested = harness(
        grant(Operation.DOWNLOAD, prefix="a/", conditions=OFFICE),
        grant(Operation.UPLOAD, prefix="b/", conditions=VPC),
        grant(Operation.DOWNLOAD, Operation.UPLOAD, prefix="c/"),
    )
    expected = {
        ("b/x", "a/x"): (True, True),
        ("c/x", "a/x"): (True, False),
        ("b/x", "c/x"): (False, True),
        ("c/x", "c/y"): (False, False),
    }
    for (key, source), places in expected.items():
        policy = policy_of(tested, (await tested.presign(copy(key, source))).url)
        assert ("aws:SourceIp" in policy, "aws:SourceVpce" in policy) == places


@pytest.mark.parametrize("placed", [CLEAN, replace(CLEAN, networks=OFFICE.networks)])
@in_virtual_time
async def test_what_is_read_by_a_tag_is_no_source_of_a_copy(placed: Conditions) -> None:
    tested = harness(
        grant(Operation.DOWNLOAD, prefix="a/", conditions=placed), grant(Operation.UPLOAD)
    )
    assert isinstance(await tested.refusal(copy()), Forbidden)
    assert tested.decisions == [("denied", "forbidden", ["b/x"])]
    assert tested.fetches == 0


@in_virtual_time
async def test_another_grant_makes_it_a_source() -> None:
    tested = harness(
        grant(Operation.DOWNLOAD, conditions=CLEAN),
        grant(Operation.DOWNLOAD, conditions=OFFICE),
        grant(Operation.UPLOAD),
    )
    policy = policy_of(tested, (await tested.presign(copy())).url)
    assert "aws:SourceIp" in policy
    assert "ExistingObjectTag" not in policy


# --- tags


def put(*names: str) -> PresignRequest:
    return make_request(PutObject(content_length=1, tags=tuple((name, "ok") for name in names)))


def sent(tagging: str) -> PresignRequest:
    action = RedirectedPut(content_length=1, sent=(("x-amz-tagging", tagging),))
    return PresignRequest(
        operation=Operation.UPLOAD, bucket="reports", key="a/b", action=action, lifetime=Lifetime()
    )


# A caller that uploads, and one of another bucket that reads by a tag: a copy carries tags.
TAGGED: Final = grant(Operation.DOWNLOAD, bucket="photos", conditions=CLEAN)
UPLOADS: Final = grant(Operation.UPLOAD, Operation.FORM, Operation.MULTIPART, allow_overwrite=True)
BUCKETS: Final = {"reports": AWS, "photos": make_bucket(s3_bucket="acme-photos")}


def tags_harness() -> Harness:
    return make_harness(make_snapshot(UPLOADS, TAGGED, buckets=BUCKETS))


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        *((put(name), "#/tags") for name in ("Scan", "scan", "SCAN")),
        (put("other", "Scan"), "#/tags"),
        (sent("Scan=ok"), "#/headers/x-amz-tagging"),
        (sent("a=b&%53can=ok"), "#/headers/x-amz-tagging"),
        (sent("a=b&scan"), "#/headers/x-amz-tagging"),
    ],
)
@in_virtual_time
async def test_nobody_uploads_with_a_tag_that_is_read_by(
    request_: PresignRequest, pointer: str
) -> None:
    tested = tags_harness()
    refusal = await tested.refusal(request_)
    assert (type(refusal), [*refusal.pointers]) == (LimitExceeded, [pointer])
    assert tested.decisions == [("denied", "limit_exceeded", ["a/b"])]
    assert tested.fetches == 0
    [answer] = await tested.presign_batch([request_])
    assert isinstance(answer, LimitExceeded)


@in_virtual_time
async def test_no_form_sets_a_tag_that_is_read_by() -> None:
    tested = tags_harness()
    form = PostObject(max_content_length=1, tags=(("sCAN", "ok"),))
    with pytest.raises(LimitExceeded) as refused:
        await tested.presign_form(make_form_request(form=form, key_prefix="a/"))
    assert [*refused.value.pointers] == ["#/tags"]
    assert tested.fetches == 0


@in_virtual_time
async def test_no_multipart_upload_sets_a_tag_that_is_read_by() -> None:
    tested = tags_harness()
    new = new_upload(CreateMultipartUpload(tags=(("scan", "ok"),)))
    with pytest.raises(LimitExceeded) as refused:
        await tested.authorizer.authorize_store_call(REQUESTER, new.store_request())
    assert [*refused.value.pointers] == ["#/tags"]


@in_virtual_time
async def test_other_tags_are_signed() -> None:
    tested = tags_harness()
    for request in (put("other"), sent("a=Scan&b=%26Scan%3Dok")):
        assert "tagging" in (await tested.presign(request)).url


@in_virtual_time
async def test_without_a_grant_the_tag_is_not_told() -> None:
    tested = tags_harness()
    refused = await tested.refusal(replace(put("Scan"), bucket="photos"))
    assert isinstance(refused, Forbidden)


@in_virtual_time
async def test_names_are_free_once_no_grant_reads_by_them() -> None:
    tested = tags_harness()
    assert isinstance(await tested.refusal(put("Scan")), PresignError)
    tested.authorizer.snapshot = make_snapshot(UPLOADS, buckets=BUCKETS)
    assert "tagging" in (await tested.presign(put("Scan"))).url


READS: Final = {
    "download": make_request(GetObject()),
    "delete": make_request(DeleteObject()),
    "list": make_request(ListObjects(prefix="a/"), key="a/"),
}


@pytest.mark.parametrize("name", READS)
def test_each_operation_has_the_session_of_its_conditions(name: str) -> None:
    everything = make_grant(conditions=OFFICE)
    access = make_snapshot(everything).access(Identity(REQUESTER.identity.caller))
    key = access.session_key("reports", READS[name].operation, OFFICE)
    assert "aws:SourceIp" in (key.policy or "")
    assert key.owner == (None, "billing")
    assert access.sessions[None].session_keys == {}
