"""One caller's session cannot reach another's objects, even if all our checks had failed.

Requests are signed by hand (`by_hand.py`) with a caller's session: this bypasses the grants.
"""

from collections.abc import Iterable
from typing import Final

import pytest

from service.signing.actions import (
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    ListObjectVersions,
)
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    ListParts,
    UploadPart,
)
from tests.end_to_end.by_hand import (
    CALLERS,
    OPERATIONS,
    CallerSessions,
    caller_sessions,
    is_denied,
)
from tests.support.stores import BODY, Store

# Not below `a/`, although a careless match might accept them.
NOT_BELOW_A: Final = ["b/{}", "ab/{}", "A/{}", "a{}", "/a/{}", "b/a/{}"]
# MiniStack 1.5.33 omits the first slash of a key in the ARN that it evaluates.
LET_THROUGH: Final = {
    ("/a/{}", each) for each in ("download", "head", "upload", "delete", "multipart")
}


# SeaweedFS 4.48 does not support forms with a session token, nor versions here.
ON_SEAWEEDFS: Final = ("download", "head", "upload", "list", "delete")


@pytest.fixture(name="sessions", scope="module")
def _sessions(ministack: Store) -> CallerSessions:
    return caller_sessions(ministack, CALLERS)


@pytest.fixture(name="elsewhere", scope="module")
def _elsewhere(seaweedfs: Store) -> CallerSessions:
    return caller_sessions(seaweedfs, CALLERS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_session_may_use_its_own_prefix(
    sessions: CallerSessions, ministack: Store, name: str, operation: str
) -> None:
    ministack.put(f"a/{name}")
    answer = OPERATIONS[operation](sessions.signer("a", operation=operation), f"a/{name}")
    assert answer.is_success, answer.text


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("place", NOT_BELOW_A)
def test_a_session_may_do_nothing_outside_its_prefix(
    sessions: CallerSessions, ministack: Store, name: str, operation: str, place: str
) -> None:
    key = place.format(name)
    ministack.put(key, b"untouched")
    answer = OPERATIONS[operation](sessions.signer("a", operation=operation), key)
    let_through = (place, operation) in LET_THROUGH
    assert is_denied(answer) is not let_through, f"{answer.status_code} {answer.text}"
    assert (ministack.content(key) == b"untouched") or let_through


@pytest.mark.parametrize("prefix", ["", "a", "b", "b/", "ab/"])
def test_a_session_cannot_list_above_its_prefix(sessions: CallerSessions, prefix: str) -> None:
    assert is_denied(sessions.signer("a").send(ListObjects(prefix=prefix)))
    signer = sessions.signer("a", "versions")
    assert is_denied(signer.send(ListObjectVersions(prefix=prefix)))


@pytest.mark.parametrize("at", ["sessions", "elsewhere"])
def test_a_session_lists_versions_only_as_granted(request: pytest.FixtureRequest, at: str) -> None:
    sessions: CallerSessions = request.getfixturevalue(at)
    signer = sessions.signer("a", "versions")
    assert signer.send(ListObjectVersions(prefix="a/", key_marker="b/")).is_success
    assert is_denied(signer.send(ListObjectVersions(prefix="b/", key_marker="a/")))
    lister = sessions.signer("lister", "versions")
    assert lister.send(ListObjects(prefix="a/")).is_success
    assert is_denied(lister.send(ListObjectVersions(prefix="a/")))


def test_a_session_cannot_touch_another_callers_upload(
    sessions: CallerSessions, ministack: Store, name: str
) -> None:
    admin, key, length = ministack.admin_client(), f"b/{name}", len(BODY)
    upload_id = admin.create_multipart_upload(Bucket=ministack.bucket, Key=key)["UploadId"]
    of_it = {"Bucket": ministack.bucket, "Key": key, "UploadId": upload_id}
    admin.upload_part(**of_it, PartNumber=1, Body=BODY)
    for action, body in (
        (UploadPart(upload_id=upload_id, part_number=2, content_length=length), BODY),
        (ListParts(upload_id=upload_id), None),
        (CompleteMultipartUpload(upload_id=upload_id, content_length=length, overwrite=True), None),
        (AbortMultipartUpload(upload_id=upload_id), None),
    ):
        signer = sessions.signer("a", operation="multipart")
        assert is_denied(signer.send(action, key, body)), action
    assert [part["PartNumber"] for part in admin.list_parts(**of_it)["Parts"]] == [1]
    assert ministack.content(key) is None


@pytest.mark.parametrize("action", [GetObject, DeleteObject])
def test_versions_are_readable_only_below_the_prefix(
    sessions: CallerSessions, ministack: Store, name: str, action: type[GetObject | DeleteObject]
) -> None:
    signer = sessions.signer("a", "versions")
    for prefix in ("a/", "b/"):
        version = ministack.put(prefix + name, bucket=ministack.versioned_bucket)
        ministack.put(prefix + name, b"newer", bucket=ministack.versioned_bucket)
        answer = signer.send(action(version_id=version), prefix + name)
        assert answer.is_success if prefix == "a/" else is_denied(answer), answer.text


def test_a_download_grant_reaches_no_versions(
    sessions: CallerSessions, ministack: Store, name: str
) -> None:
    version = ministack.put(f"a/{name}", bucket=ministack.versioned_bucket)
    signer = sessions.signer("reader", "versions")
    assert signer.send(GetObject(), f"a/{name}").content == BODY
    assert is_denied(signer.send(GetObject(version_id=version), f"a/{name}"))


@pytest.mark.parametrize(
    ("caller", "allowed"), [("reader", {"download", "head"}), ("lister", {"list"})]
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_session_may_do_only_granted_operations(
    sessions: CallerSessions,
    ministack: Store,
    name: str,
    *,
    operation: str,
    caller: str,
    allowed: set[str],
) -> None:
    """For S3, a HEAD is a download without the body: one action allows both."""
    ministack.put(f"a/{name}", b"untouched")
    signer = sessions.signer(caller, operation=operation)
    answer = OPERATIONS[operation](signer, f"a/{name}")
    assert answer.is_success if operation in allowed else is_denied(answer), answer.text
    assert ministack.content(f"a/{name}") == b"untouched"


def test_a_session_for_one_key_reaches_no_other_key(
    sessions: CallerSessions, ministack: Store
) -> None:
    signer = sessions.signer("one-key")
    uploader = sessions.signer("one-key", operation="upload")
    assert uploader.put("a/only.txt").is_success
    assert signer.send(GetObject(), "a/only.txt").content == BODY
    for key in ("a/only.txt2", "a/only.txt/x", "a/onlyxtxt", "a/other.txt", "a/"):
        ministack.put(key)
        assert is_denied(signer.send(GetObject(), key))
        assert is_denied(uploader.put(key))


@pytest.mark.parametrize(
    ("at", "operations"), [("sessions", OPERATIONS), ("elsewhere", ON_SEAWEEDFS)]
)
def test_the_buckets_own_session_may_do_nothing(
    request: pytest.FixtureRequest, name: str, at: str, operations: Iterable[str]
) -> None:
    sessions: CallerSessions = request.getfixturevalue(at)
    sessions.store.put(name, b"untouched")
    for operation in operations:
        assert is_denied(OPERATIONS[operation](sessions.signer(None), name)), operation
    assert is_denied(sessions.signer(None).send(ListObjects(prefix="")))
    assert sessions.store.content(name) == b"untouched"


@pytest.mark.parametrize("operation", ON_SEAWEEDFS)
def test_seaweedfs_limits_a_session_to_its_prefix(
    elsewhere: CallerSessions, seaweedfs: Store, name: str, operation: str
) -> None:
    signer = elsewhere.signer("a", operation=operation)
    for key in (f"a/{name}", f"b/{name}"):
        seaweedfs.put(key, b"untouched")
    below, beside = (OPERATIONS[operation](signer, f"{prefix}/{name}") for prefix in "ab")
    assert below.is_success, below.text
    assert is_denied(beside), f"{beside.status_code} {beside.text}"
    assert seaweedfs.content(f"b/{name}") == b"untouched"


def test_an_unscoped_session_copies_by_an_unsigned_header(ministack: Store, name: str) -> None:
    """So it is the session policy that stops an upload from becoming a copy."""
    shared = caller_sessions(ministack, CALLERS, scoped_sessions=False).signer("a")
    ministack.put(f"b/{name}", b"secret")
    added = {"x-amz-copy-source": f"/{ministack.bucket}/b/{name}"}
    assert shared.put(f"a/{name}", more_headers=added).is_success
    assert ministack.content(f"a/{name}") == b"secret"


@pytest.mark.parametrize("at", ["sessions", "elsewhere"])
def test_a_session_that_uploads_reads_nothing(
    request: pytest.FixtureRequest, name: str, at: str
) -> None:
    sessions: CallerSessions = request.getfixturevalue(at)
    sessions.store.put(f"a/{name}")
    uploader = sessions.signer("a", operation="upload")
    for action in (GetObject(), HeadObject(), DeleteObject()):
        assert is_denied(uploader.send(action, f"a/{name}"))
    source = CopySource(bucket=sessions.store.bucket, key=f"a/{name}")
    copy = CopyObject(source=source, overwrite=True)
    assert is_denied(uploader.send(copy, f"a/{name}.copy"))
    assert sessions.signer("a").send(copy, f"a/{name}.copy").status_code == 403
    copier = sessions.signer("a", operation="upload", is_copy=True)
    assert copier.send(copy, f"a/{name}.copy").is_success
    assert is_denied(copier.send(DeleteObject(), f"a/{name}"))
    assert is_denied(copier.send(copy, f"b/{name}"))
    assert is_denied(copier.send(ListObjects(prefix="a/")))
