"""How the role, its trust policy and the size of a policy limit a caller's session."""

from typing import Final

import pytest

from service.sessions.source import SessionRefused
from tests.end_to_end.by_hand import CALLERS, OPERATIONS, caller_sessions, is_denied
from tests.support.service import make_caller
from tests.support.stores import REGION, Store, ministack_role


@pytest.fixture(name="foreign", scope="session")  # like its store: a module may be set up twice
def _foreign(ministack: Store) -> str:
    """An existing bucket that the role may not access."""
    bucket = "presign-foreign"
    place = {"LocationConstraint": REGION}
    ministack.admin_client().create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    ministack.put("a/x", bucket=bucket)
    return bucket


def test_a_grant_cannot_exceed_the_role(ministack: Store, foreign: str) -> None:
    sessions = caller_sessions(ministack, CALLERS, bucket=foreign)
    for operation, send in OPERATIONS.items():
        assert is_denied(send(sessions.signer("a", operation=operation), "a/x")), operation


TAGS: Final = {"caller": "{issuer}/{subject}"}


def test_tags_and_source_identity_work_if_trusted(ministack: Store, name: str) -> None:
    sessions = caller_sessions(ministack, CALLERS, session_tags=TAGS, source_identity=True)
    signer = sessions.signer("a", operation="upload")
    assert signer.put(f"a/{name}").is_success
    assert is_denied(signer.put(f"b/{name}"))


def test_a_role_may_require_the_callers_session_tags(ministack: Store, name: str) -> None:
    only_a = {"StringEquals": {"aws:PrincipalTag/caller": "/a"}}
    trusted = ("sts:AssumeRole", "sts:TagSession")
    role = ministack_role(ministack, "presign-for-a", *trusted, condition=only_a)
    sessions = caller_sessions(ministack, CALLERS, role_arn=role, session_tags=TAGS)
    assert sessions.signer("a", operation="upload").put(f"a/{name}").is_success
    assert is_denied(sessions.signer("b", operation="upload").put(f"b/{name}"))


def test_session_tags_are_refused_unless_trusted(ministack: Store, name: str) -> None:
    """MiniStack 1.5.33 ignores the source identity; tests/sessions shows that it is sent."""
    role = ministack_role(ministack, "presign-without-tags", "sts:AssumeRole")
    untagged = caller_sessions(ministack, CALLERS, role_arn=role)
    assert untagged.signer("a", operation="upload").put(f"a/{name}").is_success
    tagged = caller_sessions(ministack, CALLERS, role_arn=role, session_tags=TAGS)
    with pytest.raises(SessionRefused, match="sts:TagSession") as refused:
        tagged.signer("a")
    assert not refused.value.permanent  # an operator may still fix the trust policy


def test_a_role_without_trust_in_the_service_gives_no_session(ministack: Store) -> None:
    role = ministack_role(ministack, "presign-untrusting", "sts:TagSession")
    sessions = caller_sessions(ministack, CALLERS, role_arn=role)
    with pytest.raises(SessionRefused, match="not authorized to perform: sts:AssumeRole on"):
        sessions.signer("a")


def test_a_policy_that_is_too_long_is_refused_before_sts(ministack: Store) -> None:
    many = [f"team-{number:04}-{'x' * 40}/" for number in range(40)]
    nowhere = "http://127.0.0.1:1"
    sessions = caller_sessions(
        ministack, [make_caller("many", "key-of-many", *many)], sts_endpoint_url=nowhere
    )
    with pytest.raises(SessionRefused, match="characters; 2048 is most") as refused:
        sessions.signer("many")
    assert refused.value.permanent


def test_without_scoped_sessions_only_the_grants_separate_callers(
    ministack: Store, name: str
) -> None:
    """So `check` warns about the setting: one session for all callers, with all permissions."""
    sessions = caller_sessions(ministack, CALLERS, scoped_sessions=False)
    assert sessions.signer("a", operation="upload").put(f"b/{name}").is_success
