"""Conditions of a grant: which session policy has them, and which grants decide."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import BucketArns, bucket_arns
from service.access.caller_description import describe_grant
from service.access.conditions import members, names_in_header, tag_name, words
from service.access.copy_policy import copy_policy, grants_of_copies
from service.access.create_only import is_create_only, overwriting, overwriting_alone
from service.access.decisions import (
    Allowed,
    Denied,
    decide,
    max_link_expires_in,
    max_page_size,
)
from service.access.grants import AccessRequest, Conditions, Grant, Grants, Operation
from service.access.limits import Limited
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    session_policies,
    session_policy,
)
from service.access.vended_policy import vended_policy
from tests.access.policy_evaluator import allows
from tests.access.policy_meaning import KMS_KEY, VIA
from tests.support.factories import make_grant

AWS: Final = bucket_arns("acme", partition="aws", kms_via=(VIA,), enforces_limits=True)
ELSEWHERE: Final = bucket_arns("acme", partition="aws")
TAGS_READ: Final = bucket_arns(
    "acme", partition="aws", enforces_limits=True, tags_read_by=("Scan", "Second name")
)
OFFICE: Final = Conditions(networks=("203.0.113.0/24",))
VPC: Final = Conditions(vpc_endpoints=("vpce-0123456789abcdef0",))
EITHER: Final = Conditions(networks=OFFICE.networks, vpc_endpoints=VPC.vpc_endpoints)
CLEAN: Final = Conditions(only_if_tagged=(("Scan", "ok"), ("Second name", "ok")))
CLEAN_IN_VPC: Final = Conditions(vpc_endpoints=VPC.vpc_endpoints, only_if_tagged=(("Scan", "ok"),))
KEY: Final = "arn:aws:s3:::acme/a/b"
BUCKET: Final = "arn:aws:s3:::acme"
AT_OFFICE: Final = {"aws:SourceIp": "203.0.113.9"}
AT_HOME: Final = {"aws:SourceIp": "198.51.100.9"}
IN_VPC: Final = {"aws:SourceVpce": "vpce-0123456789abcdef0"}
IN_ANOTHER: Final = {"aws:SourceVpce": "vpce-0123456789abcdef1"}
PASSED: Final = {"s3:ExistingObjectTag/Scan": "ok", "s3:ExistingObjectTag/Second name": "ok"}
HALF: Final = {"s3:ExistingObjectTag/Scan": "ok"}


def grant(*operations: Operation, **more: Any) -> Grant:
    return make_grant(allow=frozenset(operations) or frozenset(Operation), **more)


@pytest.mark.parametrize(
    ("conditions", "holds", "fails"),
    [
        (OFFICE, [AT_OFFICE], [AT_HOME, IN_VPC, {}]),
        (VPC, [IN_VPC], [IN_ANOTHER, AT_OFFICE, {}]),
        (EITHER, [AT_OFFICE, IN_VPC], [AT_HOME, IN_ANOTHER, {}]),
        (CLEAN, [PASSED, {**PASSED, **AT_HOME}], [HALF, {}, AT_OFFICE]),
        (CLEAN_IN_VPC, [{**IN_VPC, **HALF}], [IN_VPC, HALF, {**AT_OFFICE, **HALF}]),
    ],
)
@pytest.mark.parametrize("arns", [AWS, ELSEWHERE])
def test_a_session_reads_under_the_conditions_alone(
    arns: BucketArns, conditions: Conditions, holds: list[Any], fails: list[Any]
) -> None:
    allowed = [Operation.DOWNLOAD, Operation.VERSIONS]
    policy = session_policy([grant(*allowed, conditions=conditions)], arns)
    for action in ("s3:GetObject", "s3:GetObjectVersion"):
        assert all(allows(policy, action, KEY, each) for each in holds)
        assert not any(allows(policy, action, KEY, each) for each in fails)


def test_each_allow_of_places_has_them_and_no_deny() -> None:
    everything = grant(conditions=EITHER, max_expires_in=60)
    for each in session_policies([everything], AWS, max_age=120_000):
        for made in json.loads(each)["Statement"]:
            found = json.dumps(made.get("Condition", {}))
            is_of_kms = "kms:ViaService" in found
            has_place = "aws:SourceIp" in found or "aws:SourceVpce" in found
            assert has_place is (made["Effect"] == "Allow" and not is_of_kms)


def test_a_list_needs_the_place_and_no_tag() -> None:
    policy = session_policy([grant(Operation.LIST, prefix="a/", conditions=CLEAN_IN_VPC)], AWS)
    below = {"s3:prefix": "a/"}
    assert allows(policy, "s3:ListBucket", BUCKET, {**below, **IN_VPC})
    assert not allows(policy, "s3:ListBucket", BUCKET, below)
    assert not allows(policy, "s3:ListBucket", BUCKET, {"s3:prefix": "b/", **IN_VPC})


def test_lists_of_grants_add_up_each_under_its_own_conditions() -> None:
    places = {"a/": OFFICE, "b/": VPC, "c/": None}
    grants = [grant(Operation.LIST, prefix=each, conditions=at) for each, at in places.items()]
    policy = session_policy(grants, AWS)

    def listed(at: dict[str, str]) -> list[str]:
        below = [(each, {"s3:prefix": each, **at}) for each in places]
        return [each for each, context in below if allows(policy, "s3:ListBucket", BUCKET, context)]

    assert listed(AT_OFFICE) == ["a/", "c/"]
    assert listed(IN_VPC) == ["b/", "c/"]
    assert listed({}) == ["c/"]


def test_kms_has_no_condition_since_s3_asks_it() -> None:
    policy = session_policy([grant(Operation.DOWNLOAD, conditions=OFFICE)], AWS)
    assert allows(policy, "kms:Decrypt", KMS_KEY, {"kms:ViaService": VIA})


# How many networks, and what there is room for besides: the age of signatures, create-only and lists
# of versions. From 46 on STS refuses the policy, which `presign check` says.
ROOM: Final = {1: 3, 16: 3, 34: 3, 36: 2, 42: 1, 44: 0, 46: 0, 200: 0}


@pytest.mark.parametrize("many", ROOM)
def test_conditions_never_give_way_to_the_length(many: int) -> None:
    networks = tuple(f"203.0.{each}.0/24" for each in range(many))
    limited = grant(
        Operation.DOWNLOAD, Operation.UPLOAD, Operation.LIST, Operation.VERSIONS, prefix="a/",
        conditions=Conditions(networks=networks), max_expires_in=60,
    )  # fmt: skip
    policy = session_policy([limited], AWS, max_age=120_000)
    assert (len(policy) <= MAX_POLICY_LENGTH) is (many < 46)
    kept = [each in policy for each in ("signatureAge", "if-none-match", "ListBucketVersions")]
    assert sum(kept) == ROOM[many]
    for action, resource in (("s3:GetObject", KEY), ("s3:PutObject", KEY)):
        assert not any(allows(policy, action, resource, each) for each in (AT_HOME, IN_VPC, {}))
    for network in networks:
        address = network.replace(".0/24", ".9")
        assert allows(policy, "s3:GetObject", KEY, {"aws:SourceIp": address})


@given(st.permutations([None, OFFICE, CLEAN]))
def test_what_has_no_condition_decides_first(order: list[Conditions | None]) -> None:
    lifetimes = {None: 60, OFFICE: 600, CLEAN: 6000}
    grants = Grants(
        grant(Operation.DOWNLOAD, conditions=each, max_expires_in=lifetimes[each]) for each in order
    )
    wanted = AccessRequest(operation=Operation.DOWNLOAD, bucket="reports", key="a")
    assert decide(grants, wanted) == Allowed(60, None)
    conditional = Grants(each for each in grants if each.conditions)
    assert decide(conditional, wanted) == Allowed(600, OFFICE)


def test_a_lifetime_is_the_longest_under_equal_conditions() -> None:
    grants = Grants(
        [
            grant(Operation.DOWNLOAD, conditions=OFFICE, max_expires_in=60),
            grant(Operation.DOWNLOAD, conditions=VPC, max_expires_in=9000),
            grant(Operation.DOWNLOAD, conditions=Conditions(networks=OFFICE.networks)),
            grant(Operation.DOWNLOAD, conditions=OFFICE, max_expires_in=600),
        ]
    )
    wanted = AccessRequest(operation=Operation.DOWNLOAD, bucket="reports", key="a")
    assert decide(grants, wanted) == Allowed(None, OFFICE)
    assert decide(Grants(grants[:2]), wanted) == Allowed(60, OFFICE)


def test_another_grants_limit_is_none_of_an_unconditional_one() -> None:
    """A page or a link is as large as what the deciding grants allow."""
    grants = Grants(
        [
            grant(Operation.LIST, Operation.DOWNLOAD, Operation.LINK, conditions=OFFICE),
            grant(
                Operation.LIST,
                Operation.DOWNLOAD,
                Operation.LINK,
                max_keys=9,
                max_link_expires_in=9,
            ),
        ]
    )
    listing = AccessRequest(
        operation=Operation.LIST, bucket="reports", key="a/", is_prefix=True, max_keys=None
    )
    assert max_page_size(grants, listing, 1000) == 9
    download = AccessRequest(operation=Operation.DOWNLOAD, bucket="reports", key="a")
    assert max_link_expires_in(grants, download) == 9


MULTIPART: Final = Operation.MULTIPART
# Of an upload in parts: its start names a type, the rest none, and only its end that it overwrites.
CALLS: Final = st.builds(
    AccessRequest,
    operation=st.just(MULTIPART),
    bucket=st.just("reports"),
    key=st.just("a/b"),
    content_type=st.sampled_from(["image/png", "text/html"]),
    checks_content_type=st.booleans(),
    content_length=st.sampled_from([None, 1, 9]),
    overwrite=st.booleans(),
    also_needs=st.sampled_from([None, Operation.SIGN]),
)
PART: Final = AccessRequest(
    operation=MULTIPART, bucket="reports", key="a/b", checks_content_type=False, content_length=5
)
UPLOADING: Final = st.builds(
    grant,
    st.just(MULTIPART),
    st.sampled_from([MULTIPART, Operation.SIGN, Operation.DOWNLOAD]),
    prefix=st.sampled_from(["", "a/", "a/b", "b/"]),
    content_types=st.sampled_from([None, ("image/png",)]),
    max_content_length=st.sampled_from([None, 5]),
    allow_overwrite=st.booleans(),
    conditions=st.sampled_from([None, OFFICE, VPC]),
)


@given(grants=st.lists(UPLOADING, max_size=5).map(Grants), calls=st.lists(CALLS, max_size=9))
def test_all_calls_of_one_upload_are_under_the_same_conditions(
    grants: Grants, calls: list[AccessRequest]
) -> None:
    decisions = [decide(grants, each) for each in calls]
    assert len({each.conditions for each in decisions if isinstance(each, Allowed)}) <= 1


@given(order=st.permutations([None, OFFICE, VPC]))
def test_the_first_conditions_decide_alone_about_an_upload(order: list[Conditions | None]) -> None:
    """What is begun under others would go on under these, from everywhere."""
    pictures = ("image/png",)
    grants = Grants(
        grant(MULTIPART, conditions=each, content_types=pictures if each is None else None)
        for each in order
    )
    start = replace(PART, checks_content_type=True, content_type="text/html")
    assert isinstance(decide(grants, start), Limited)
    assert decide(grants, replace(start, content_type="image/png")) == Allowed(None)
    assert decide(grants, PART) == Allowed(None)


def test_a_grant_that_signs_starts_nothing_under_its_own_conditions() -> None:
    """A part of it could be allowed by a grant that does not sign."""
    grants = Grants([grant(MULTIPART), grant(MULTIPART, Operation.SIGN, conditions=OFFICE)])
    assert decide(grants, replace(PART, also_needs=Operation.SIGN)) == Denied()
    assert decide(Grants(grants[1:]), replace(PART, also_needs=Operation.SIGN)) == Allowed(
        None, OFFICE
    )


PROGRAM: Final[dict[str, Any]] = {"conditions": OFFICE, "prefix": "a/"}
STARTS: Final = grant(Operation.UPLOAD, Operation.CREDENTIALS, **PROGRAM)
REPLACES: Final = replace(STARTS, allow_overwrite=True)
IN_PARTS: Final = grant(MULTIPART)
AT_VPC: Final = replace(IN_PARTS, allow_overwrite=True, conditions=VPC)


@pytest.mark.parametrize(
    ("program", "deciding", "decision"),
    [
        (STARTS, replace(IN_PARTS, content_types=("image/png",)), Denied()),
        (STARTS, replace(IN_PARTS, max_content_length=9), Denied()),
        (STARTS, replace(IN_PARTS, max_content_length=9, conditions=VPC), Denied()),
        (REPLACES, IN_PARTS, Denied()),
        (replace(REPLACES, allow=IN_PARTS.allow | {Operation.CREDENTIALS}), IN_PARTS, Denied()),
        (STARTS, IN_PARTS, Allowed(None)),
        (REPLACES, replace(IN_PARTS, allow_overwrite=True), Allowed(None)),
        # The program's parts have these conditions too.
        (REPLACES, replace(IN_PARTS, max_content_length=9, **PROGRAM), Allowed(None, OFFICE)),
        # It may send from everywhere.
        (replace(STARTS, conditions=None), replace(IN_PARTS, max_content_length=9), Allowed(None)),
        (replace(REPLACES, conditions=None), AT_VPC, Allowed(None, VPC)),
        # It would send the parts of what replaces an object.
        (STARTS, AT_VPC, Denied()),
        (replace(STARTS, conditions=None), AT_VPC, Denied()),
        (STARTS, replace(AT_VPC, conditions=None), Allowed(None)),
        # It starts nothing there.
        (replace(REPLACES, prefix="b/"), IN_PARTS, Allowed(None)),
        (replace(REPLACES, allow=frozenset({Operation.UPLOAD})), IN_PARTS, Allowed(None)),
        (grant(Operation.DOWNLOAD, Operation.CREDENTIALS, **PROGRAM), IN_PARTS, Allowed(None)),
    ],
)
def test_a_program_shares_no_upload_of_other_conditions(
    program: Grant, deciding: Grant, decision: Allowed | Denied
) -> None:
    for grants in ([program, deciding], [deciding, program]):
        assert decide(Grants(grants), PART) == decision


def test_a_limit_refuses_as_without_conditions() -> None:
    grants = Grants([grant(Operation.UPLOAD, conditions=OFFICE, max_content_length=1)])
    wanted = AccessRequest(operation=Operation.UPLOAD, bucket="reports", key="a", content_length=2)
    assert isinstance(decide(grants, wanted), Limited)


def test_credentials_have_each_allow_under_its_own_condition() -> None:
    reading = grant(Operation.DOWNLOAD, prefix="a/", conditions=CLEAN)
    placed = grant(Operation.DOWNLOAD, Operation.UPLOAD, prefix="b/", conditions=OFFICE)
    free = grant(Operation.DOWNLOAD, prefix="c/")
    policy = vended_policy([reading, placed, free], AWS, max_age=None)

    def reads(key: str, context: dict[str, str]) -> bool:
        return allows(policy, "s3:GetObject", f"{BUCKET}/{key}", context)

    assert [reads(key, {}) for key in ("a/x", "b/x", "c/x")] == [False, False, True]
    assert [reads(key, PASSED) for key in ("a/x", "b/x", "c/x")] == [True, False, True]
    assert [reads(key, AT_OFFICE) for key in ("a/x", "b/x", "c/x")] == [False, True, True]


@pytest.mark.parametrize("prefixes", [("a/", "a/"), ("a/", "a/b"), ("a/b", "a/"), ("", "a/")])
def test_credentials_replace_nothing_by_a_grant_of_other_conditions(
    prefixes: tuple[str, str],
) -> None:
    """A denial cannot say which grant allowed the upload, so it holds for both."""
    creating = grant(Operation.UPLOAD, prefix=prefixes[0])
    replacing = grant(Operation.UPLOAD, prefix=prefixes[1], allow_overwrite=True, conditions=OFFICE)
    policy = vended_policy([creating, replacing], AWS, max_age=None)
    whole = {"s3:ObjectCreationOperation": "true"}
    assert not allows(policy, "s3:PutObject", KEY, {**whole, **AT_HOME})
    assert allows(policy, "s3:PutObject", KEY, {**whole, **AT_HOME, "s3:if-none-match": "*"})


def share_a_key(one: Grant, other: Grant) -> bool:
    if one.prefix == other.prefix:
        return True
    pairs = ((one, other), (other, one))
    return any(a.covers_subtree and b.prefix.startswith(a.prefix) for a, b in pairs)


@given(
    st.lists(
        st.builds(
            grant,
            st.sampled_from([Operation.UPLOAD, Operation.DOWNLOAD]),
            prefix=st.sampled_from(["a/", "a/b", "b/"]),
            allow_overwrite=st.booleans(),
            conditions=st.sampled_from([None, OFFICE]),
        ),
        max_size=4,
    )
)
def test_a_grant_that_replaces_is_alone_unless_others_create_there(grants: list[Grant]) -> None:
    def is_alone(replacing: Grant) -> bool:
        near = (each for each in grants if share_a_key(each, replacing) and is_create_only(each))
        return all(each.conditions == replacing.conditions for each in near)

    assert overwriting_alone(grants) == [each for each in overwriting(grants) if is_alone(each)]


def test_credentials_replace_where_no_other_grant_creates() -> None:
    creating = grant(Operation.UPLOAD, prefix="b/")
    replacing = grant(Operation.UPLOAD, prefix="a/", allow_overwrite=True, conditions=OFFICE)
    policy = vended_policy([creating, replacing], AWS, max_age=None)
    whole = {"s3:ObjectCreationOperation": "true"}
    assert allows(policy, "s3:PutObject", KEY, {**whole, **AT_OFFICE})
    assert not allows(policy, "s3:PutObject", KEY, {**whole, **AT_HOME})


def test_a_copy_is_under_the_conditions_of_both_grants() -> None:
    source = grant(Operation.DOWNLOAD, Operation.VERSIONS, prefix="s/", conditions=OFFICE)
    target = grant(Operation.UPLOAD, Operation.DOWNLOAD, prefix="t/", conditions=VPC)
    others = [grant(Operation.DOWNLOAD, Operation.UPLOAD, prefix="o/")]
    own = grants_of_copies([source, target, *others], VPC, OFFICE)
    made = copy_policy(own, AWS)
    assert made is not None
    copied = {"s3:x-amz-copy-source": "acme/s/x", "s3:if-none-match": "*"}

    def does(action: str, key: str, context: dict[str, str]) -> bool:
        return allows(made.policy, action, f"{BUCKET}/{key}", {**copied, **context})

    assert does("s3:GetObject", "s/x", AT_OFFICE)
    assert does("s3:PutObject", "t/x", IN_VPC)
    assert not does("s3:GetObject", "s/x", IN_VPC)
    assert not does("s3:PutObject", "t/x", AT_OFFICE)
    for key in ("t/x", "o/x"):  # what the target's grant reads is no source here
        assert not does("s3:GetObject", key, {**AT_OFFICE, **IN_VPC})
    for key in ("s/x", "o/x"):
        assert not does("s3:PutObject", key, {**AT_OFFICE, **IN_VPC})


@pytest.mark.parametrize("conditions", [None, OFFICE, CLEAN])
def test_a_copy_under_equal_conditions_uses_their_grants_alone(
    conditions: Conditions | None,
) -> None:
    grants = {each: grant(prefix="a/", conditions=each) for each in (None, OFFICE, CLEAN)}
    found = grants_of_copies(grants.values(), conditions, conditions)
    assert found == [grants[conditions]]


@pytest.mark.parametrize("operation", [Operation.UPLOAD, Operation.FORM, Operation.MULTIPART])
def test_a_session_that_uploads_sets_no_tag_that_is_read_by(operation: Operation) -> None:
    uploading, _ = session_policies([grant(operation)], TAGS_READ)
    plain = {"s3:if-none-match": "*"}
    assert allows(uploading, "s3:PutObject", KEY, plain)
    assert allows(uploading, "s3:PutObject", KEY, {**plain, "s3:RequestObjectTag/other": "ok"})
    for name in TAGS_READ.tags_read_by:
        for value in ("ok", "", "no"):
            tagged = {**plain, f"s3:RequestObjectTag/{name}": value}
            assert not allows(uploading, "s3:PutObject", KEY, tagged)


def test_a_session_that_only_reads_denies_no_tags() -> None:
    assert "RequestObjectTag" not in session_policy([grant(Operation.DOWNLOAD)], TAGS_READ)


def test_the_denial_of_guardduty_s_tag_is_short() -> None:
    name = "GuardDutyMalwareScanStatus"
    with_tag = bucket_arns("acme", partition="aws", enforces_limits=True, tags_read_by=(name,))
    without = bucket_arns("acme", partition="aws", enforces_limits=True)
    uploads = [grant(Operation.UPLOAD)]
    more = len(session_policy(uploads, with_tag)) - len(session_policy(uploads, without))
    assert more == len(",") + 138


@pytest.mark.parametrize(
    "written",
    ["scan", "SCAN", "sCaN", " Scan ", "\u017fcan", "Scan"],
)
def test_names_of_tags_are_compared_without_case(written: str) -> None:
    assert tag_name(written) == tag_name("Scan")


@pytest.mark.parametrize("written", ["K\u0131nd", "K\u0130ND", "\u212aind", "kind"])
def test_letters_that_have_a_latin_case_are_that_letter(written: str) -> None:
    assert tag_name(written) == tag_name("KIND")


def test_other_names_are_others() -> None:
    assert len({tag_name(each) for each in ("scan", "scan1", "sc an", "scan:", "")}) == 5


@pytest.mark.parametrize(
    "header",
    [
        "Scan=ok", "a=b&Scan=ok", "a=b&%53can=ok", "%73%63%61%6E=ok", "a=b;SCAN=ok", "Scan", "Scan&",
        "&&Scan=", "+Scan=ok", "a=1&scan=x&scan=y",
    ],
)  # fmt: skip
def test_a_header_of_tags_is_read_as_the_query_it_is(header: str) -> None:
    assert tag_name("Scan") in {*map(tag_name, names_in_header(header))}


@pytest.mark.parametrize("name", ["s+can", "s can"])
def test_a_plus_is_a_space_at_some_stores_and_itself_at_others(name: str) -> None:
    """Ceph RGW decodes none."""
    assert tag_name(name) in {*map(tag_name, names_in_header("a=b&S+can=ok"))}


@pytest.mark.parametrize("header", ["", "a=Scan", "a=b&c=%26Scan%3Dok", "NoScan=ok", "%2553can=ok"])
def test_a_value_is_no_name(header: str) -> None:
    assert tag_name("Scan") not in {*map(tag_name, names_in_header(header))}


def test_conditions_are_described_as_they_were_set() -> None:
    assert members(None) == {}
    assert members(EITHER) == {
        "networks": ["203.0.113.0/24"],
        "vpc_endpoints": ["vpce-0123456789abcdef0"],
    }
    assert describe_grant(grant(conditions=OFFICE))["networks"] == ["203.0.113.0/24"]
    assert members(CLEAN) == {"only_if_tagged": {"Scan": "ok", "Second name": "ok"}}
    assert [*words(EITHER)] == ["only from 203.0.113.0/24 or VPC endpoint vpce-0123456789abcdef0"]
    assert [*words(CLEAN)] == ["only if tagged Scan=ok and Second name=ok"]
    assert [*words(None)] == []
