"""Copies need grants for source and target, and one session that may do both."""

from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant, Operation
from service.errors import (
    CreateOnlyUnsupported,
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    PresignError,
)
from service.presigning.bucket import Bucket
from service.presigning.requests import PresignBatch, PresignRequest
from service.presigning.results import PresignedRequests
from service.signing.actions import Encryption
from service.signing.copy_object import CopyObject, CopySource
from tests.access.counted_calls import calls
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import (
    ENCRYPTION,
    REQUESTER,
    make_bucket,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import validity_of
from tests.support.virtual_time import in_virtual_time

COPY_GROUP: Final = ("assume_role", "arn:aws:iam::111122223333:role/presign")
PHOTOS: Final = make_bucket(
    s3_bucket="acme-photos", arns=bucket_arns("acme-photos", partition="aws"), copy_group=COPY_GROUP
)
REPORTS: Final = make_bucket(copy_group=COPY_GROUP)
BUCKETS: Final = {"reports": REPORTS, "photos": PHOTOS}


def grant(*operations: Operation, **more: Any) -> Grant:
    named = {"bucket": "reports", "prefix": "", "allow": frozenset(operations), **more}
    return Grant(**named)


READS: Final = grant(Operation.DOWNLOAD, prefix="a/")
WRITES: Final = grant(Operation.UPLOAD, prefix="b/")


def copy(key: str = "b/x", source: str = "a/x", **more: Any) -> PresignRequest:
    bucket, overwrite = more.pop("bucket", "reports"), more.pop("overwrite", False)
    read = CopySource(bucket=more.pop("of", "reports"), key=source, **more)
    return make_request(CopyObject(source=read, overwrite=overwrite), bucket=bucket, key=key)


def harness(*grants: Grant, buckets: dict[str, Bucket] | None = None) -> Harness:
    return make_harness(make_snapshot(*grants, buckets=buckets or BUCKETS))


@in_virtual_time
async def test_a_copy_is_signed_with_its_source_and_creates_only() -> None:
    answer = await harness(READS, WRITES).presign(copy(etag='"e"'))
    assert answer.method == "PUT"
    assert answer.url.startswith("https://acme-reports.s3.eu-west-1.amazonaws.com/b/x?")
    assert answer.headers == {
        "x-amz-copy-source": "acme-reports/a/x",
        "x-amz-copy-source-if-match": '"e"',
        "if-none-match": "*",
    }


@pytest.mark.parametrize(
    ("grants", "request_", "error", "pointers"),
    [
        ([READS], copy(), Forbidden, []),
        ([WRITES], copy(), Forbidden, []),
        ([READS, WRITES], copy(key="a/y"), Forbidden, []),
        ([READS, WRITES], copy(source="b/x", key="b/y"), Forbidden, []),
        ([READS, WRITES], copy(of="photos"), Forbidden, []),
        ([READS, WRITES], copy(of="none"), Forbidden, []),
        ([grant(Operation.HEAD, Operation.CHECK), WRITES], copy(), Forbidden, []),
        ([READS, grant(Operation.FORM, Operation.MULTIPART)], copy(), Forbidden, []),
        ([READS, WRITES], copy(overwrite=True), LimitExceeded, ["#/overwrite"]),
        ([READS, WRITES], copy(version_id="v"), LimitExceeded, ["#/source/version_id"]),
        ([READS, replace(WRITES, max_content_length=9)], copy(), LimitExceeded, ["#/key"]),
        ([READS, replace(WRITES, content_types=("a/b",))], copy(), LimitExceeded, ["#/key"]),
        (
            [grant(Operation.DOWNLOAD, Operation.UPLOAD)],
            copy("a/x", "a/x"),
            InvalidRequest,
            ["#/source/key"],
        ),
        ([READS, WRITES], copy("b/../x"), InvalidRequest, ["#/key"]),
    ],
)
@in_virtual_time
async def test_a_copy_without_both_grants_is_refused(
    grants: list[Grant], request_: PresignRequest, error: type[PresignError], pointers: list[str]
) -> None:
    tested = harness(*grants)
    refusal = await tested.refusal(request_)
    assert type(refusal) is error
    assert [*refusal.pointers] == pointers
    assert tested.fetches == 0
    assert tested.decisions == [("denied", error.code, [request_.key])]


@in_virtual_time
async def test_an_older_version_is_copied_over_its_own_object() -> None:
    everything = grant(
        Operation.DOWNLOAD, Operation.UPLOAD, Operation.VERSIONS, allow_overwrite=True
    )
    request = copy("a/x", "a/x", version_id="v1", overwrite=True)
    answer = await harness(everything).presign(request)
    assert answer.headers == {"x-amz-copy-source": "acme-reports/a/x?versionId=v1"}


# Two names of one bucket
ALIASES: Final = {"reports": REPORTS, "photos": REPORTS}


@in_virtual_time
async def test_an_object_is_not_copied_onto_itself_by_another_name() -> None:
    """Then a move would delete it."""
    everything = [
        grant(Operation.DOWNLOAD, Operation.UPLOAD, bucket=name, allow_overwrite=True)
        for name in ALIASES
    ]
    tested = harness(*everything, buckets=ALIASES)
    refusal = await tested.refusal(copy("a/x", "a/x", of="photos", overwrite=True))
    assert [*refusal.pointers] == ["#/source/key"]
    assert (await tested.presign(copy("a/y", "a/x", of="photos"))).headers["if-none-match"] == "*"


@in_virtual_time
async def test_an_access_point_may_be_another_name_of_the_bucket() -> None:
    point = replace(REPORTS, s3_bucket="arn:aws:s3:eu-west-1:111122223333:accesspoint/reports")
    everything = [
        grant(Operation.DOWNLOAD, Operation.UPLOAD, bucket=name, allow_overwrite=True)
        for name in ALIASES
    ]
    tested = harness(*everything, buckets={"reports": point, "photos": REPORTS})
    refusal = await tested.refusal(copy("a/x", "a/x", of="photos", overwrite=True))
    assert [*refusal.pointers] == ["#/source/key"]


FROM_PHOTOS: Final = [grant(Operation.DOWNLOAD, bucket="photos"), WRITES]


@in_virtual_time
async def test_a_copy_between_buckets_of_one_role_is_signed() -> None:
    tested = harness(*FROM_PHOTOS)
    answer = await tested.presign(copy(of="photos"))
    assert answer.headers["x-amz-copy-source"] == "acme-photos/a/x"
    [policy] = tested.source.policies
    assert policy is not None
    assert "arn:aws:s3:::acme-photos/*" in policy


@pytest.mark.parametrize(
    "photos",
    [
        replace(PHOTOS, copy_group=("assume_role", "arn:aws:iam::111122223333:role/another")),
        replace(PHOTOS, copy_group=None),
        replace(PHOTOS, s3_bucket="arn:aws:s3:eu-west-1:111122223333:accesspoint/p"),
    ],
)
@in_virtual_time
async def test_a_copy_that_no_session_may_make_is_refused(photos: Bucket) -> None:
    tested = harness(*FROM_PHOTOS, buckets={"reports": REPORTS, "photos": photos})
    refusal = await tested.refusal(copy(of="photos"))
    assert isinstance(refusal, InvalidRequest)
    assert [*refusal.pointers] == ["#/source"]


@in_virtual_time
async def test_a_copy_for_which_the_policy_has_no_room_is_refused() -> None:
    many = [
        grant(Operation.DOWNLOAD, Operation.UPLOAD, prefix=f"{'x' * 60}{n}/") for n in range(30)
    ]
    refusal = await harness(*many).refusal(copy(f"{many[0].prefix}a", f"{many[0].prefix}b"))
    assert [*refusal.pointers] == ["#/source"]


def test_a_caller_of_many_buckets_costs_no_more_than_their_number() -> None:
    """No policy has room for all of them as sources, so none is tried."""

    def work(number: int) -> int:
        names = [f"b{n}" for n in range(number)]
        arns = {name: bucket_arns(name, partition="aws") for name in names}
        buckets = {
            name: make_bucket(s3_bucket=name, arns=arns[name], copy_group=COPY_GROUP)
            for name in names
        }
        both = frozenset({Operation.DOWNLOAD, Operation.UPLOAD})
        grants = (Grant(bucket=name, prefix="", allow=both) for name in names)
        snapshot = make_snapshot(*grants, buckets=buckets)
        return calls(lambda: snapshot.access(REQUESTER.identity))

    assert work(200) < 3 * work(100)


@in_virtual_time
async def test_callers_that_share_a_session_copy_between_its_buckets() -> None:
    shared = {name: replace(each, arns=None) for name, each in BUCKETS.items()}
    answer = await harness(*FROM_PHOTOS, buckets=shared).presign(copy(of="photos"))
    assert answer.headers["x-amz-copy-source"] == "acme-photos/a/x"


@pytest.mark.parametrize(
    "ignoring",
    [replace(REPORTS, conditional_copies=False), replace(REPORTS, conditional_writes=False)],
)
@in_virtual_time
async def test_a_store_that_ignores_conditions_copies_only_over(ignoring: Bucket) -> None:
    writes = replace(WRITES, allow_overwrite=True)
    tested = harness(READS, writes, buckets={"reports": ignoring})
    refusal = await tested.refusal(copy())
    assert isinstance(refusal, CreateOnlyUnsupported)
    assert [*refusal.pointers] == ["#/overwrite"]
    assert "if-none-match" not in (await tested.presign(copy(overwrite=True))).headers


@pytest.mark.parametrize("encryption", [None, ENCRYPTION])
@in_virtual_time
async def test_a_copy_is_encrypted_as_its_bucket_demands(encryption: Encryption | None) -> None:
    tested = harness(READS, WRITES, buckets={"reports": replace(REPORTS, encryption=encryption)})
    sent = {name for name in (await tested.presign(copy())).headers if "encryption" in name}
    assert sent == ({*encryption.headers()} if encryption else set())


@pytest.mark.parametrize(
    ("of_source", "of_target", "seconds"),
    [(60, 300, 60), (300, 60, 60), (None, 60, 60), (60, None, 60), (None, None, 900)],
)
@in_virtual_time
async def test_a_copy_lives_as_long_as_both_grants_allow(
    of_source: int | None, of_target: int | None, seconds: int
) -> None:
    grants = (replace(READS, max_expires_in=of_source), replace(WRITES, max_expires_in=of_target))
    answer = await harness(*grants).presign(copy())
    assert validity_of(answer.url)[1] == seconds


@in_virtual_time
async def test_the_audit_line_of_a_copy_has_its_source() -> None:
    tested = harness(*FROM_PHOTOS)
    await tested.presign(copy(of="photos"))
    await tested.refusal(copy(of="reports"))
    done, refused = tested.audit_lines
    assert done["operation"] == refused["operation"] == "upload"
    assert done["action"] == refused["action"] == "CopyObject"
    assert (done["keys"], done["source_bucket"], done["source_key"]) == (["b/x"], "photos", "a/x")


@in_virtual_time
async def test_one_item_of_a_batch_that_copies_itself_spoils_no_other() -> None:
    tested = harness(grant(Operation.DOWNLOAD, Operation.UPLOAD))
    answers = await tested.presign_batch([PresignBatch(copy("k1", "k2"), ["k1", "k2", "k3"])])
    kinds = [PresignedRequests, InvalidRequest, PresignedRequests]
    assert [type(each) for each in answers] == kinds
