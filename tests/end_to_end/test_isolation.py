"""One caller's session cannot reach another's objects, even if all our checks had failed.

These tests bypass the grants: requests are signed by hand (`by_hand.py`) with a caller's own
session.
"""

import uuid
from collections.abc import Callable
from typing import Final

import pytest

from service.signing.actions import DeleteObject, GetObject, ListObjects
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    ListParts,
    MultipartAction,
    UploadPart,
)
from tests.end_to_end.by_hand import (
    BODY,
    CALLERS,
    OPERATIONS,
    CallerSessions,
    caller_sessions,
    content,
    is_denied,
    stored,
)
from tests.support.stores import Store

# Not below `a/`, although a careless match might accept them.
NOT_BELOW_A: Final = ["b/{}", "ab/{}", "A/{}", "a{}", "/a/{}", "b/a/{}"]
# MiniStack 1.5.33 omits the first slash of a key in the ARN that it evaluates.
LET_THROUGH: Final = {
    ("/a/{}", each) for each in ("download", "head", "upload", "delete", "multipart")
}


@pytest.fixture(name="sessions", scope="module")
def _sessions(ministack: Store) -> CallerSessions:
    return caller_sessions(ministack, CALLERS)


@pytest.fixture(name="elsewhere", scope="module")
def _elsewhere(seaweedfs: Store) -> CallerSessions:
    return caller_sessions(seaweedfs, CALLERS)


@pytest.fixture(name="name")
def _name() -> str:
    return f"{uuid.uuid4().hex}.txt"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_session_may_use_its_own_prefix(
    sessions: CallerSessions, ministack: Store, name: str, operation: str
) -> None:
    stored(ministack, f"a/{name}")
    answer = OPERATIONS[operation](sessions.signer("a"), f"a/{name}")
    assert answer.is_success, answer.text


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("place", NOT_BELOW_A)
def test_a_session_may_do_nothing_outside_its_prefix(
    sessions: CallerSessions, ministack: Store, name: str, operation: str, place: str
) -> None:
    key = place.format(name)
    stored(ministack, key, body=b"untouched")
    answer = OPERATIONS[operation](sessions.signer("a"), key)
    let_through = (place, operation) in LET_THROUGH
    assert is_denied(answer) is not let_through, f"{answer.status_code} {answer.text}"
    assert (content(ministack, key) == b"untouched") or let_through


@pytest.mark.parametrize("prefix", ["", "a", "b", "b/", "ab/"])
def test_a_session_cannot_list_above_its_prefix(sessions: CallerSessions, prefix: str) -> None:
    assert is_denied(sessions.signer("a").send(ListObjects(prefix=prefix)))


def test_a_session_lists_below_its_prefix_page_by_page(
    sessions: CallerSessions, ministack: Store
) -> None:
    signer, place = sessions.signer("a"), f"a/{uuid.uuid4().hex}/"
    for each in "xyz":
        stored(ministack, place + each)
    answer = signer.send(ListObjects(prefix=place, delimiter="/", max_keys=2))
    assert answer.is_success
    assert answer.text.count("<Contents>") == 2


def test_a_session_creates_only_below_its_prefix(sessions: CallerSessions, name: str) -> None:
    signer = sessions.signer("a")
    assert signer.put(f"a/{name}", overwrite=False).is_success
    assert signer.put(f"a/{name}", overwrite=False).status_code == 412
    assert is_denied(signer.put(f"b/{name}", overwrite=False))


@pytest.mark.parametrize(
    "action",
    [
        lambda upload_id: UploadPart(upload_id=upload_id, part_number=2, content_length=len(BODY)),
        lambda upload_id: ListParts(upload_id=upload_id),
        lambda upload_id: CompleteMultipartUpload(
            upload_id=upload_id, content_length=len(BODY), overwrite=True
        ),
        lambda upload_id: AbortMultipartUpload(upload_id=upload_id),
    ],
)
def test_a_session_cannot_touch_another_callers_upload(
    sessions: CallerSessions, ministack: Store, name: str, action: Callable[[str], MultipartAction]
) -> None:
    admin, key = ministack.admin_client(), f"b/{name}"
    upload_id = admin.create_multipart_upload(Bucket=ministack.bucket, Key=key)["UploadId"]
    of_it = {"Bucket": ministack.bucket, "Key": key, "UploadId": upload_id}
    admin.upload_part(**of_it, PartNumber=1, Body=BODY)
    requested = action(upload_id)
    body = BODY if isinstance(requested, UploadPart) else None
    assert is_denied(sessions.signer("a").send(requested, key, body))
    assert [part["PartNumber"] for part in admin.list_parts(**of_it)["Parts"]] == [1]
    assert content(ministack, key) is None


def test_a_session_can_tag_only_its_uploads(sessions: CallerSessions, name: str) -> None:
    signer = sessions.signer("a")
    assert signer.put(f"a/{name}", tags=(("team", "x"),)).is_success
    assert is_denied(signer.put(f"b/{name}", tags=(("team", "x"),)))


@pytest.mark.parametrize("action", [GetObject, DeleteObject])
def test_versions_are_readable_only_below_the_prefix(
    sessions: CallerSessions, ministack: Store, name: str, action: type[GetObject | DeleteObject]
) -> None:
    signer = sessions.signer("a", "versions")
    for prefix in ("a/", "b/"):
        version = stored(ministack, prefix + name, ministack.versioned_bucket)
        stored(ministack, prefix + name, ministack.versioned_bucket, b"newer")
        answer = signer.send(action(version_id=version), prefix + name)
        assert answer.is_success if prefix == "a/" else is_denied(answer), answer.text


def test_a_download_grant_reaches_no_versions(
    sessions: CallerSessions, ministack: Store, name: str
) -> None:
    version = stored(ministack, f"a/{name}", ministack.versioned_bucket)
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
    stored(ministack, f"a/{name}", body=b"untouched")
    answer = OPERATIONS[operation](sessions.signer(caller), f"a/{name}")
    assert answer.is_success if operation in allowed else is_denied(answer), answer.text
    assert content(ministack, f"a/{name}") == b"untouched"


def test_a_session_for_one_key_reaches_no_other_key(
    sessions: CallerSessions, ministack: Store
) -> None:
    signer = sessions.signer("one-key")
    assert signer.put("a/only.txt").is_success
    assert signer.send(GetObject(), "a/only.txt").content == BODY
    for key in ("a/only.txt2", "a/only.txt/x", "a/onlyxtxt", "a/other.txt", "a/"):
        stored(ministack, key)
        assert is_denied(signer.send(GetObject(), key))
        assert is_denied(signer.put(key))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_buckets_own_session_may_do_nothing(
    sessions: CallerSessions, ministack: Store, name: str, operation: str
) -> None:
    stored(ministack, name, body=b"untouched")
    signer = sessions.signer(None)
    assert is_denied(OPERATIONS[operation](signer, name))
    assert is_denied(signer.send(ListObjects(prefix="")))
    assert content(ministack, name) == b"untouched"


@pytest.mark.parametrize("operation", ["download", "head", "upload", "list", "delete"])
def test_seaweedfs_limits_a_session_to_its_prefix(
    elsewhere: CallerSessions, seaweedfs: Store, name: str, operation: str
) -> None:
    """SeaweedFS does not support forms with a session token, nor versions here."""
    signer = elsewhere.signer("a")
    for key in (f"a/{name}", f"b/{name}"):
        stored(seaweedfs, key, body=b"untouched")
    below, beside = (OPERATIONS[operation](signer, f"{prefix}/{name}") for prefix in "ab")
    assert below.is_success, below.text
    assert is_denied(beside), f"{beside.status_code} {beside.text}"
    assert content(seaweedfs, f"b/{name}") == b"untouched"


def test_on_seaweedfs_the_buckets_own_session_may_do_nothing(
    elsewhere: CallerSessions, seaweedfs: Store, name: str
) -> None:
    stored(seaweedfs, name, body=b"untouched")
    signer = elsewhere.signer(None)
    for operation in ("download", "head", "upload", "list", "delete"):
        assert is_denied(OPERATIONS[operation](signer, name)), operation
    assert content(seaweedfs, name) == b"untouched"
