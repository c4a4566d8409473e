"""The session policy allows exactly what the grants allow.

`policy_meaning.py` defines independently what a grant means to IAM; `policy_evaluator.py` reads the
policy.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.copy_policy import copy_policy
from service.access.decisions import Allowed, decide
from service.access.grants import AccessRequest, Grant, Grants, Operation
from service.access.iam_patterns import widest
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    deny_all,
    least_policies,
    session_policies,
    session_policy,
)
from service.access.vended_policy import vended_policy
from tests.access.counted_calls import calls
from tests.access.policy_evaluator import allows, statements
from tests.access.policy_meaning import (
    BUCKET,
    BUCKET_ACTIONS,
    KMS_ACTIONS,
    KMS_KEY,
    LISTINGS,
    LISTS,
    NEEDED_OF_KMS,
    OBJECT_ACTIONS,
    UPLOADS,
    VIA,
    allowing,
    granted_prefixes,
    is_folder,
    keys,
    listing_meant,
    meant,
    near,
    some_grants,
    version_listing_meant,
)
from tests.support.examples import examples
from tests.support.factories import make_grant

ARNS = bucket_arns("acme", partition="aws", kms_via=(VIA,))


def allowed_actions(policy: str, key: str) -> set[str]:
    """Return all actions that this policy allows for `key`, including listings and KMS."""
    on_object = {a for a in OBJECT_ACTIONS if allows(policy, a, f"{BUCKET}/{key}")}
    listing = {"s3:prefix": key}
    on_bucket = {a for a in [*LISTINGS, *BUCKET_ACTIONS] if allows(policy, a, BUCKET, listing)}
    via = {"kms:ViaService": VIA}
    return on_object | on_bucket | {a for a in KMS_ACTIONS if allows(policy, a, KMS_KEY, via)}


PUTS = {"s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey"}
EXACTLY: Mapping[Operation, set[str]] = {
    Operation.DOWNLOAD: {"s3:GetObject", "kms:Decrypt"},
    Operation.HEAD: {"s3:GetObject"},
    Operation.CHECK: {"s3:GetObject", "s3:ListBucket", "kms:Decrypt"},
    Operation.UPLOAD: PUTS,
    Operation.FORM: PUTS,
    Operation.MULTIPART: PUTS
    | {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucket", "kms:Decrypt"},
    Operation.DELETE: {"s3:DeleteObject"},
    Operation.LIST: {"s3:ListBucket"},
    Operation.VERSIONS: set(),
    Operation.LINK: set(),
    Operation.CREDENTIALS: set(),
    Operation.SIGN: set(),
    Operation.NOTIFY: set(),
}


@pytest.mark.parametrize("operation", Operation)
def test_each_operation_allows_exactly_its_actions(operation: Operation) -> None:
    policy = session_policy([allowing(operation)], ARNS)
    assert allowed_actions(policy, "a/b") == EXACTLY[operation]
    kms = {action for action in EXACTLY[operation] if action.startswith("kms:")}
    assert allowed_actions(policy, "b/b") == kms  # KMS does not know S3 keys


def test_a_link_to_an_object_lists_its_key_alone() -> None:
    """The service looks whether it is there. A drop box has no such object."""
    policy = session_policy([allowing(Operation.LINK, Operation.DOWNLOAD)], ARNS)
    assert allowed_actions(policy, "a/b") == EXACTLY[Operation.DOWNLOAD] | {"s3:ListBucket"}
    assert "s3:ListBucket" not in allowed_actions(policy, "b/b")
    drop_box = session_policy([allowing(Operation.LINK, Operation.UPLOAD)], ARNS)
    assert "s3:ListBucket" not in allowed_actions(drop_box, "a/b")


WITH_VERSIONS: list[tuple[Operation, set[str]]] = [
    (Operation.DOWNLOAD, {"s3:GetObjectVersion"}),
    (Operation.HEAD, {"s3:GetObjectVersion"}),
    (Operation.DELETE, {"s3:DeleteObjectVersion"}),
    (Operation.UPLOAD, set()),
    (Operation.LIST, {"s3:ListBucketVersions"}),
]


@pytest.mark.parametrize(("operation", "more"), WITH_VERSIONS)
def test_versions_extend_operations_of_the_same_grant(operation: Operation, more: set[str]) -> None:
    both = allowing(operation, Operation.VERSIONS)
    assert allowed_actions(session_policy([both], ARNS), "a/b") == EXACTLY[operation] | more
    apart = [allowing(operation), allowing(Operation.VERSIONS)]
    assert allowed_actions(session_policy(apart, ARNS), "a/b") == EXACTLY[operation]


def test_a_grant_for_one_key_allows_no_other_key_and_no_listing() -> None:
    every = set().union(*EXACTLY.values(), *(needed for _, needed in WITH_VERSIONS))
    every.remove("s3:ListBucketVersions")  # of a key alone S3 lists no versions
    policy = session_policy([make_grant(prefix="a/b")], ARNS)
    kms = {action for action in every if action.startswith("kms:")}
    assert allowed_actions(policy, "a/b") == every
    for beside in ("a/bc", "a/b/", "a/b/c", "a/", "a", "a/B", "a/*"):
        assert allowed_actions(policy, beside) == kms
    listing = session_policy([allowing(Operation.LIST, prefix="a/b")], ARNS)
    assert allowed_actions(listing, "a/b") == set()


@given(granted=some_grants, action=st.sampled_from(OBJECT_ACTIONS), data=st.data())
def test_policy_allows_exactly_the_granted_actions(
    granted: list[Grant], action: str, data: st.DataObject
) -> None:
    policy, key = session_policy(granted, ARNS), data.draw(near(granted))
    assert allows(policy, action, f"{BUCKET}/{key}") is meant(granted, action, key)


@given(granted=some_grants, data=st.data())
def test_policy_allows_exactly_the_granted_listings(
    granted: list[Grant], data: st.DataObject
) -> None:
    policy, prefix = session_policy(granted, ARNS), data.draw(near(granted) | st.just(""))
    allowed = allows(policy, "s3:ListBucket", BUCKET, {"s3:prefix": prefix})
    assert allowed is listing_meant(granted, prefix)
    assert allows(policy, "s3:ListBucket", BUCKET) is listing_meant(granted, "")
    versions = allows(policy, "s3:ListBucketVersions", BUCKET, {"s3:prefix": prefix})
    assert versions is version_listing_meant(granted, prefix)
    assert allows(policy, "s3:ListBucketVersions", BUCKET) is version_listing_meant(granted, "")


@given(granted=some_grants, action=st.sampled_from(KMS_ACTIONS))
def test_kms_is_allowed_only_via_s3_and_if_needed(granted: list[Grant], action: str) -> None:
    policy = session_policy(granted, ARNS)
    needed = NEEDED_OF_KMS.get(action, set())
    allowed = allows(policy, action, KMS_KEY, {"kms:ViaService": VIA})
    assert allowed is any(needed & grant.allow for grant in granted)
    assert not allows(policy, action, KMS_KEY, {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"})
    assert not allows(policy, action, KMS_KEY, {"kms:ViaService": "s3.us-east-1.amazonaws.com"})
    assert not allows(policy, action, KMS_KEY)


@given(granted=some_grants, key=keys, action=st.sampled_from(BUCKET_ACTIONS))
def test_policy_allows_no_other_bucket_action(granted: list[Grant], key: str, action: str) -> None:
    policy = session_policy(granted, ARNS)
    for context in ({}, {"s3:prefix": ""}, {"s3:prefix": key}):
        assert not allows(policy, action, BUCKET, context)


@given(granted=some_grants, key=keys, action=st.sampled_from([*OBJECT_ACTIONS, *LISTINGS]))
def test_policy_allows_nothing_on_other_buckets(
    granted: list[Grant], key: str, action: str
) -> None:
    policy = session_policy(granted, ARNS)
    for other in ("arn:aws:s3:::acme2", "arn:aws:s3:::acm", "arn:aws-cn:s3:::acme"):
        assert not allows(policy, action, f"{other}/{key}")
        assert not allows(policy, action, other, {"s3:prefix": key})


DECIDED: Mapping[str, list[tuple[str, bool]]] = {
    "s3:GetObject": [(each, False) for each in ("download", "head", "check")],
    "s3:GetObjectVersion": [(each, True) for each in ("download", "head")],
    "s3:PutObject": [(each, False) for each in UPLOADS],
    "s3:AbortMultipartUpload": [("multipart", False)],
    "s3:DeleteObject": [("delete", False)],
    "s3:DeleteObjectVersion": [("delete", True)],
}


@given(granted=some_grants, action=st.sampled_from(sorted(DECIDED)), data=st.data())
def test_policy_and_decision_agree_on_every_key(
    granted: list[Grant], action: str, data: st.DataObject
) -> None:
    """Access is enforced twice, so both must agree."""
    key = data.draw(near(granted))
    access_requests = [
        AccessRequest(operation=Operation(name), bucket="reports", key=key, version=version)
        for name, version in DECIDED[action]
    ]
    decided = any(isinstance(decide(Grants(granted), each), Allowed) for each in access_requests)
    assert allows(session_policy(granted, ARNS), action, f"{BUCKET}/{key}") is decided


@given(granted=some_grants, data=st.data(), version=st.booleans())
def test_policy_and_decision_agree_on_every_listing(
    granted: list[Grant], data: st.DataObject, version: bool
) -> None:
    prefix = data.draw(near(granted) | st.just(""))
    looks = {Operation.CHECK, Operation.MULTIPART, Operation.LINK}
    only_lists = [replace(each, allow=each.allow - looks) for each in granted]
    access_request = AccessRequest(
        operation=Operation.LIST, bucket="reports", key=prefix, is_prefix=True, version=version
    )
    decided = isinstance(decide(Grants(only_lists), access_request), Allowed)
    policy = session_policy(only_lists, ARNS)
    assert allows(policy, LISTINGS[version], BUCKET, {"s3:prefix": prefix}) is decided


@given(granted=some_grants, data=st.data())
def test_the_order_of_grants_does_not_change_the_policy(
    granted: list[Grant], data: st.DataObject
) -> None:
    """The policy is part of the key of a session: another text would cost another call to STS."""
    shuffled = data.draw(st.permutations(granted))
    assert session_policy(shuffled, ARNS) == session_policy(granted, ARNS)
    assert session_policy([*shuffled, *granted], ARNS) == session_policy(granted, ARNS)


@given(granted=some_grants, more=granted_prefixes)
def test_a_covered_grant_does_not_change_the_policy(granted: list[Grant], more: str) -> None:
    covered = [
        replace(grant, prefix=grant.prefix + more) for grant in granted if is_folder(grant.prefix)
    ]
    without_lists = [  # for one key, a listing means nothing and a check something else
        replace(each, allow=each.allow - LISTS) if not is_folder(each.prefix) else each
        for each in covered
    ]
    assert session_policy([*granted, *without_lists], ARNS) == session_policy(granted, ARNS)


@given(granted=some_grants, number=st.integers(1, 40), max_age=st.none() | st.just(60_000))
def test_a_policy_is_too_long_just_if_its_least_part_is(
    granted: list[Grant], number: int, max_age: int | None
) -> None:
    grants = [replace(g, prefix=f"{i:020}/{g.prefix}") for i in range(number) for g in granted]
    for arns in (ARNS, replace(ARNS, enforces_limits=False)):
        policies = session_policies(grants, arns, max_age=max_age)
        for policy, least in zip(policies, least_policies(grants, arns), strict=True):
            assert (len(policy) > MAX_POLICY_LENGTH) == (len(least) > MAX_POLICY_LENGTH)
            assert len(least) <= MAX_POLICY_LENGTH or policy == least


def test_a_list_of_versions_that_just_fits_is_in_the_policy() -> None:
    def made(length: int) -> str:
        grant = allowing(Operation.LIST, Operation.VERSIONS, prefix=f"{'x' * length}/")
        return session_policy([grant], ARNS)

    room = MAX_POLICY_LENGTH - len(made(0))
    assert len(made(room)) == MAX_POLICY_LENGTH
    assert "s3:ListBucketVersions" in made(room)
    assert "s3:ListBucketVersions" not in made(room + 1)


def test_limits_do_not_change_the_policy() -> None:
    limited = make_grant(prefix="a/", max_expires_in=60, max_keys=1, allow_overwrite=True)
    assert session_policy([limited], ARNS) == session_policy([make_grant(prefix="a/")], ARNS)


def test_limits_of_size_and_type_do_not_change_the_policy() -> None:
    sized = replace(make_grant(prefix="a/"), max_content_length=1)
    typed = replace(make_grant(prefix="a/"), content_types=("image/*",))
    for each in (sized, typed):
        assert session_policy([each], ARNS) == session_policy([make_grant(prefix="a/")], ARNS)


def test_equal_operations_share_one_statement() -> None:
    operations = Operation.DOWNLOAD, Operation.HEAD, Operation.UPLOAD
    granted = [allowing(*operations, prefix=f"team-{n}/") for n in range(20)]
    policy = session_policy(granted, bucket_arns("acme", partition="aws"))
    [statement] = statements(policy)
    assert statement["Resource"] == sorted(f"{BUCKET}/team-{n}/*" for n in range(20))
    assert len(policy) < 2048


def test_the_policy_has_no_whitespace() -> None:
    assert session_policy([allowing(Operation.HEAD)], ARNS) == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",'
        '"Resource":"arn:aws:s3:::acme/a/*"}]}'
    )


def test_actions_are_written_as_iam_lists_them() -> None:
    """IAM takes any case. Another store may not, and would then deny nothing."""
    arns = replace(ARNS, enforces_limits=True, tags_read_by=("Scan",))
    copies = copy_policy([make_grant()], arns, max_age=60_000)
    assert copies is not None
    for policy in (session_policy([make_grant()], arns, max_age=60_000), copies.policy):
        for each in statements(policy):
            actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            assert {*actions} <= {"s3:*", *OBJECT_ACTIONS, *LISTINGS, *KMS_ACTIONS}


@given(key=keys, action=st.sampled_from([*OBJECT_ACTIONS, *BUCKET_ACTIONS, *LISTINGS]))
def test_deny_all_allows_nothing(key: str, action: str) -> None:
    policy = deny_all(ARNS)
    assert not allows(policy, action, f"{BUCKET}/{key}")
    assert not allows(policy, action, BUCKET, {"s3:prefix": key})
    assert not any(allows(policy, a, KMS_KEY, {"kms:ViaService": VIA}) for a in KMS_ACTIONS)
    # An explicit denial, for stores that take the absence of statements for permission.
    assert statements(policy) == [
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::acme/*"}
    ]


PATTERNS = st.text("ab/!", max_size=4).map(
    lambda text: f"{text}*" if not text or text.endswith("/") else text
)


@examples(500)
@given(patterns=st.sets(PATTERNS, max_size=8))
def test_patterns_that_another_one_covers_are_left_out(patterns: set[str]) -> None:
    subtrees = [each[:-1] for each in patterns if each.endswith("*")]
    covered = {
        each
        for each in patterns
        if any(each.startswith(subtree) and each != f"{subtree}*" for subtree in subtrees)
    }
    assert widest(patterns) == tuple(sorted(patterns - covered))


@pytest.mark.parametrize("compile_policy", [session_policy, partial(vended_policy, max_age=None)])
def test_a_policy_compares_no_grant_with_all_others(compile_policy: Callable[..., str]) -> None:
    arns = bucket_arns("reports", partition="aws", enforces_limits=True)

    def steps(count: int) -> int:
        held = [make_grant(prefix=f"team/{n}/", allow_overwrite=n % 2 == 0) for n in range(count)]
        return calls(lambda: compile_policy(held, arns))

    assert steps(1000) < 11 * steps(100)
