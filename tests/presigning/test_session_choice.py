"""Which of a caller's sessions signs: those that upload elsewhere than at AWS may not read, and a
copy has a session of its own, which begins with the first copy.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.callers import Identity
from service.access.grants import AccessRequest, Operation
from service.errors import CredentialsUnavailable, InvalidRequest
from service.presigning.bucket import Bucket
from service.presigning.caller_access import Copying
from service.presigning.requests import PresignBatch, PresignRequest, StoreRequest
from service.presigning.results import PresignedRequests
from service.sessions.lifetime import Lifetime
from service.sessions.source import SessionRefused
from service.signing.actions import DeleteObject, GetObject, HeadObject, ListObjects, PutObject
from service.signing.copy_object import CopyObject, CopySource
from tests.access.policy_evaluator import allows
from tests.access.policy_meaning import UPLOADS
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import (
    CALLER,
    REQUESTER,
    make_bucket,
    make_caller_entry,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import in_virtual_time

AWS: Final = make_bucket(arns=bucket_arns("acme-reports", partition="aws", enforces_limits=True))
ELSEWHERE: Final = make_bucket()
UNSCOPED: Final = make_bucket(arns=None)
STORES: Final = {"AWS": AWS, "another store": ELSEWHERE, "no scoped sessions": UNSCOPED}
AT: Final = Copying("reports")
KEY: Final = "arn:aws:s3:::acme-reports/a/b"
EVERYTHING: Final = make_grant(allow_overwrite=True)


def harness(bucket: Bucket, *operations: Operation, **more: Any) -> Harness:
    allow = frozenset(operations) or EVERYTHING.allow
    return make_harness(
        make_snapshot(replace(EVERYTHING, allow=allow), buckets={"reports": bucket}), **more
    )


def copy(key: str = "a/copy", source: str = "a/b") -> PresignRequest:
    return make_request(CopyObject(source=CopySource(bucket="reports", key=source)), key=key)


def upload() -> PresignRequest:
    return make_request(PutObject(content_length=1), key="a/b")


READS: Final[Mapping[str, PresignRequest]] = {
    "download": make_request(GetObject(), key="a/b"),
    "head": make_request(HeadObject(), key="a/b"),
    "delete": make_request(DeleteObject(), key="a/b"),
    "list": make_request(ListObjects(prefix="a/"), key="a/"),
}


def test_a_request_has_the_session_of_its_operation() -> None:
    for bucket in STORES.values():
        access = make_snapshot(EVERYTHING, buckets={"reports": bucket}).access(REQUESTER.identity)
        for operation in Operation:
            own = access.sessions[None]
            keys = own.upload_keys if operation in UPLOADS else own.session_keys
            assert access.session_key("reports", operation, None) is keys["reports"]


@pytest.mark.parametrize(
    ("store", "before", "after"),
    [("AWS", 1, 2), ("another store", 2, 3), ("no scoped sessions", 1, 1)],
)
@in_virtual_time
async def test_each_session_begins_with_the_first_request_that_needs_it(
    store: str, before: int, after: int
) -> None:
    tested = harness(STORES[store])
    for request in READS.values():
        await tested.presign(request)
    assert tested.fetches == 1
    await tested.presign(upload())
    await tested.presign_form(make_form_request(key_prefix="a/"))
    await tested.authorizer.authorize_store_call(REQUESTER, store_call(Operation.MULTIPART))
    await tested.authorizer.authorize_store_call(REQUESTER, store_call(Operation.CHECK))
    assert tested.fetches == before
    for _ in range(2):
        await tested.presign(copy())
    assert tested.fetches == after


def store_call(operation: Operation) -> StoreRequest:
    access_request = AccessRequest(operation=operation, bucket="reports", key="a/b")
    return StoreRequest(action="AnyAction", access_request=access_request)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("operation", [Operation.DOWNLOAD, Operation.UPLOAD])
@in_virtual_time
async def test_who_only_reads_or_only_uploads_has_one_session(
    store: str, operation: Operation
) -> None:
    tested = harness(STORES[store], operation)
    await tested.presign(upload() if operation is Operation.UPLOAD else READS["download"])
    assert tested.fetches == 1


@pytest.mark.parametrize("store", ["AWS", "another store"])
@in_virtual_time
async def test_what_signs_an_upload_copies_nothing_and_a_copy_alone_copies(store: str) -> None:
    tested = harness(STORES[store])
    by_key = dict[str, str]()
    signed = {**READS, "upload": upload(), "copy": copy()}
    for name, request in (*signed.items(), *signed.items()):  # then from the cache
        url = (await tested.presign(request)).url
        ids = [each.credentials.access_key_id for each in tested.source.sessions]
        policy = dict(zip(ids, tested.source.policies, strict=True))[access_key_id_of(url)]
        by_key.setdefault(name, policy or "")
        assert by_key[name] == policy
    source = {"s3:x-amz-copy-source": "acme-reports/a/b", "s3:if-none-match": "*"}
    copies = {
        name: allows(policy, "s3:PutObject", KEY, source) and allows(policy, "s3:GetObject", KEY)
        for name, policy in by_key.items()
    }
    assert [name for name, may_copy in copies.items() if may_copy] == ["copy"]


@in_virtual_time
async def test_a_batch_waits_for_the_sessions_of_all_its_requests() -> None:
    tested = harness(ELSEWHERE)
    asked: list[Any] = [READS["download"], upload(), PresignBatch(copy("a/1"), ["a/1", "a/2"])]
    answers = await tested.presign_batch(asked)
    assert [type(each) for each in answers] == [PresignedRequests] * 4
    assert tested.fetches == 3


@in_virtual_time
async def test_a_copy_without_its_session_reports_it_and_others_go_on() -> None:
    tested = harness(AWS)
    await tested.presign(upload())
    tested.source.error = SessionRefused("no")
    assert isinstance(await tested.refusal(copy()), CredentialsUnavailable)
    [refused] = await tested.presign_batch([PresignBatch(copy(), ["a/copy"])])
    assert isinstance(refused, CredentialsUnavailable)
    await tested.presign(upload())


@in_virtual_time
async def test_a_refused_copy_begins_no_session() -> None:
    tested = harness(AWS, Operation.UPLOAD)
    await tested.refusal(copy())
    no_room = [make_grant(prefix=f"{'x' * 60}{n}/") for n in range(30)]
    crowded = make_harness(make_snapshot(*no_room, buckets={"reports": AWS}))
    keys = [f"{grant.prefix}a" for grant in no_room[:2]]
    assert isinstance(await crowded.refusal(copy(*keys)), InvalidRequest)
    assert tested.fetches == crowded.fetches == 0


def test_a_revocation_and_other_grants_reach_each_session() -> None:
    entry = make_caller_entry(CALLER, EVERYTHING)
    revoked = replace(entry, revoked_before=3.0)
    other = make_caller_entry(CALLER, replace(EVERYTHING, prefix="b/"))
    keys = []
    for each in (entry, revoked, other):
        snapshot = replace(make_snapshot(buckets={"reports": ELSEWHERE}), callers=(each,))
        access = snapshot.access(Identity(CALLER))
        own = access.sessions[None]
        of_caller = (*own.session_keys.values(), *own.upload_keys.values())
        keys.append([*of_caller, access.copying[AT].key])
        assert {key.not_before for key in keys[-1]} == {each.revoked_before}
        assert {key.owner for key in keys[-1]} == {(CALLER.issuer, CALLER.subject)}
    assert len({key for several in keys for key in several}) == 9


def test_a_caller_that_copies_nothing_computes_no_policy_for_it() -> None:
    access = make_snapshot(EVERYTHING).access(REQUESTER.identity)
    assert not access.copying
    assert access.copying[AT] is access.copying[AT]
    assert len(access.copying) == 1


@in_virtual_time
async def test_a_lifetime_is_that_of_the_session_that_signs() -> None:
    """The session of copies begins later, and lasts longer than the one that uploads."""
    tested = harness(AWS)
    await tested.presign(upload())
    await asyncio.sleep(1800)
    long = Lifetime(expires_in=3600)
    early, late = [
        await tested.presign(replace(each, lifetime=long)) for each in (upload(), copy())
    ]
    assert validity_of(early.url)[1] < validity_of(late.url)[1] == 3595
