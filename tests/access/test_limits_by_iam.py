"""Which limits of grants the session policy has: create-only, and the age of a signature.

No store of the tests supports these condition keys, so `policy_evaluator.py` evaluates them as AWS
documents them.
"""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.decisions import Allowed, decide
from service.access.grants import AccessRequest, Grant, Grants, Operation
from service.access.narrowing import VENDABLE, Permission, vended_grants
from service.access.session_policy import MAX_POLICY_LENGTH, session_policies, session_policy
from service.access.vended_policy import vended_policy
from service.sessions.signature_age import max_age
from tests.access.policy_evaluator import allows, statements
from tests.access.policy_meaning import BUCKET, UPLOADS, allowing, below, granted_prefixes, near

AWS: Final = bucket_arns("acme", partition="aws", enforces_limits=True)
CREATES: Final = {"s3:ObjectCreationOperation": "true"}  # PutObject, CompleteMultipartUpload
CREATE_ONLY: Final = {**CREATES, "s3:if-none-match": "*"}
PART: Final = {"s3:ObjectCreationOperation": "false"}  # CreateMultipartUpload, UploadPart

grants_with_overwriting = st.lists(
    st.builds(
        Grant,
        bucket=st.just("reports"),
        prefix=granted_prefixes,
        allow=st.frozensets(st.sampled_from(Operation)),
        allow_overwrite=st.booleans(),
    ),
    max_size=6,
)


def puts(granted: list[Grant], context: dict[str, str], key: str = "a/b") -> bool:
    return allows(session_policy(granted, AWS), "s3:PutObject", f"{BUCKET}/{key}", context)


def test_an_upload_without_a_condition_is_denied() -> None:
    granted = [allowing(Operation.UPLOAD), allowing(Operation.DOWNLOAD, prefix="b/")]
    assert puts(granted, CREATE_ONLY)
    assert not puts(granted, CREATES)


def test_grants_without_uploads_neither_add_nor_lift_the_limit() -> None:
    reads = replace(allowing(Operation.DOWNLOAD), allow_overwrite=True)
    both = [allowing(Operation.UPLOAD), reads]
    assert not puts(both, CREATES)
    assert vended_policy(both, AWS, max_age=None).count("Deny") == 1
    for overwriting in (False, True):
        reading = [replace(reads, allow_overwrite=overwriting)]
        assert vended_policy(reading, AWS, max_age=None).count("Deny") == 0


def test_parts_need_no_condition() -> None:
    assert puts([allowing(Operation.MULTIPART)], PART)
    assert not puts([allowing(Operation.MULTIPART)], CREATES)


@pytest.mark.parametrize(
    "grant",
    [
        replace(allowing(Operation.UPLOAD), allow_overwrite=True),
        allowing(Operation.UPLOAD, Operation.FORM),
        allowing(Operation.UPLOAD, Operation.LINK),
    ],
    ids=["overwriting", "a form", "a drop box"],
)
def test_uploads_that_send_no_condition_stay_allowed(grant: Grant) -> None:
    assert puts([grant], CREATES)


@pytest.mark.parametrize(
    ("prefix", "lifted"), [("a/", True), ("a/b", True), ("", True), ("a/b/", False), ("a/c", False)]
)
def test_a_grant_that_overwrites_lifts_the_limit_for_its_keys(prefix: str, *, lifted: bool) -> None:
    wide = replace(allowing(Operation.UPLOAD, prefix=prefix), allow_overwrite=True)
    granted = [allowing(Operation.UPLOAD), allowing(Operation.UPLOAD, prefix="c/"), wide]
    assert puts(granted, CREATES) is lifted
    assert puts(granted, CREATES, "c/d") is (prefix == "")


@given(granted=grants_with_overwriting, data=st.data())
def test_iam_denies_exactly_the_uploads_that_no_grant_allows(
    granted: list[Grant], data: st.DataObject
) -> None:
    """Only what may overwrite, or comes from a form or a drop box, needs no condition."""
    key = data.draw(near(granted))
    unconditional = any(
        below(grant.prefix, key)
        and UPLOADS & grant.allow
        and (
            grant.allow_overwrite
            or Operation.FORM in grant.allow
            or {Operation.LINK, Operation.UPLOAD} <= grant.allow
        )
        for grant in granted
    )
    assert puts(granted, CREATES, key) is unconditional
    conditional = any(UPLOADS & g.allow and below(g.prefix, key) for g in granted)
    assert puts(granted, CREATE_ONLY, key) is conditional


@pytest.mark.parametrize(("key", "allowed"), [("a/b", False), ("a/c/d", True)])
def test_credentials_create_only_beside_what_they_overwrite(key: str, *, allowed: bool) -> None:
    creating = allowing(Operation.UPLOAD, Operation.CREDENTIALS, prefix="a/")
    overwriting = replace(creating, prefix="a/c/", allow_overwrite=True)
    policy = vended_policy([creating, overwriting], AWS, max_age=None)
    assert allows(policy, "s3:PutObject", f"{BUCKET}/{key}", CREATES) is allowed


@given(granted=grants_with_overwriting, data=st.data())
def test_credentials_overwrite_only_where_a_grant_with_them_does(
    granted: list[Grant], data: st.DataObject
) -> None:
    """Also where a grant that creates only covers more or less than one that overwrites."""
    key = data.draw(near(granted))
    vended = vended_grants(granted, "reports", "", Permission.READWRITE)
    policy = vended_policy(vended, AWS, max_age=None)
    uploading = [
        grant
        for grant in granted
        if Operation.CREDENTIALS in grant.allow
        and UPLOADS & VENDABLE & grant.allow
        and below(grant.prefix, key)
    ]
    for context, allowed in (
        (CREATES, any(grant.allow_overwrite for grant in uploading)),
        (CREATE_ONLY, bool(uploading)),
    ):
        assert allows(policy, "s3:PutObject", f"{BUCKET}/{key}", context) is allowed


@given(granted=grants_with_overwriting)
def test_iam_never_allows_more_because_of_limits(granted: list[Grant]) -> None:
    other = bucket_arns("acme", partition="aws")
    without = allowed_by(session_policy(granted, other))
    assert allowed_by(session_policy(granted, AWS, max_age=1)) <= without


def allowed_by(policy: str) -> set[tuple[str, str, str]]:
    """Return each action, resource and condition that a statement allows."""
    return {
        (action, resource, str(each.get("Condition")))
        for each in statements(policy)
        if each["Effect"] == "Allow"
        for action in several(each["Action"])
        for resource in several(each["Resource"])
    }


def several(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def test_other_stores_get_no_limits() -> None:
    """Some evaluate `Null` alone, which would deny every upload, and some refuse unknown keys."""
    other = bucket_arns("acme", partition="aws")
    policy = session_policy([allowing(Operation.UPLOAD)], other, max_age=960_000)
    assert "if-none-match" not in policy
    assert "signatureAge" not in policy


def test_a_signature_that_is_too_old_is_denied() -> None:
    granted = [replace(allowing(Operation.DOWNLOAD, Operation.LIST), max_expires_in=900)]
    policy = session_policy(granted, AWS, max_age=max_age(granted))
    for action, resource in (("s3:GetObject", f"{BUCKET}/a/b"), ("s3:ListBucket", BUCKET)):
        for age, allowed in (("960000", True), ("960001", False)):
            context = {"s3:prefix": "a/", "s3:signatureAge": age}
            assert allows(policy, action, resource, context) is allowed


def test_every_session_at_aws_denies_an_old_signature() -> None:
    old = {"s3:signatureAge": "960001"}
    for policy in session_policies([allowing(*Operation)], AWS, max_age=960_000):
        assert allows(policy, "s3:GetObject", f"{BUCKET}/a/b")
        assert not allows(policy, "s3:GetObject", f"{BUCKET}/a/b", old)


def test_the_longest_granted_lifetime_decides_the_age() -> None:
    short, long = (replace(allowing(Operation.DOWNLOAD), max_expires_in=s) for s in (60, 3600))
    assert max_age([short]) == 120_000
    assert max_age([short, long]) == 3_660_000
    assert max_age([short], at_least=900) == 960_000
    assert max_age([short, allowing(Operation.DOWNLOAD)]) is None
    assert max_age([allowing(Operation.CREDENTIALS)]) == max_age([]) is None


def test_limits_are_left_out_where_there_is_no_room() -> None:
    """A caller that was served before is still served."""
    granted = [allowing(Operation.UPLOAD, prefix=f"{'x' * 59}-{n}/") for n in range(20)]
    policy = session_policy(granted, AWS, max_age=960_000)
    assert "if-none-match" not in policy
    assert "signatureAge" in policy
    assert len(policy) <= MAX_POLICY_LENGTH


def test_a_limit_that_just_fits_is_in_the_policy() -> None:
    granted = [allowing(Operation.UPLOAD, prefix=f"{'x' * 60}-{n}/") for n in range(9)]
    longest = 0
    for length in range(700):
        arns = replace(AWS, kms_via=("s" * length + "s3.eu-west-1.amazonaws.com",))
        policy = session_policy(granted, arns, max_age=960_000)
        if "signatureAge" in policy and "if-none-match" in policy:
            longest = max(longest, len(policy))
    assert longest == MAX_POLICY_LENGTH


@pytest.mark.parametrize(
    ("compile_policy", "length", "listed"),
    [
        (session_policy, 595, True),
        (session_policy, 596, False),
        (vended_policy, 662, True),
        (vended_policy, 663, False),
    ],
)
def test_lists_of_versions_take_the_place_of_nothing(
    compile_policy: Any, length: int, listed: bool
) -> None:
    """Neither of a limit, nor of what a caller could do before."""
    own = allowing(Operation.LIST, Operation.VERSIONS, prefix=f"{'x' * length}/")
    other = allowing(Operation.LIST, Operation.DOWNLOAD, Operation.MULTIPART)
    plain = compile_policy([allowing(Operation.LIST, prefix=own.prefix), other], AWS, max_age=9)
    policy = compile_policy([own, other], AWS, max_age=9)
    assert len(policy) <= MAX_POLICY_LENGTH
    of_versions = [each for each in statements(policy) if each["Action"] == "s3:ListBucketVersions"]
    assert bool(of_versions) is listed
    assert [each for each in statements(policy) if each not in of_versions] == statements(plain)


def test_the_decision_and_the_policy_agree_on_overwriting() -> None:
    granted = [allowing(Operation.UPLOAD)]
    request = AccessRequest(operation=Operation.UPLOAD, bucket="reports", key="a/b", overwrite=True)
    assert not isinstance(decide(Grants(granted), request), Allowed)
    assert not puts(granted, CREATES)
