"""`presign iam` prints the files of deploy/iam for a configuration with all features.

`tests/deploy/iam` evaluates these files, and `tests/end_to_end/iam` applies them on a store that
enforces them: so what holds of them holds of this output.
"""

import copy
from typing import Any, Final

import pytest

from service.access.grants import Operation
from service.errors import ConfigurationError
from tests.deploy.iam.files import read, several
from tests.operations.setup.configurations import (
    BUCKET,
    OF_A_STORE,
    OF_AWS,
    PROVIDER,
    ROLE,
    document,
)
from tests.support.cloudfront import DISTRIBUTION, KEY_ID

APP: Final = ("https://app.example.com",)
NETWORKS: Final = ("192.0.2.0/24", "203.0.113.0/24")
EVERYTHING: Final = document(
    {"reports": OF_AWS},
    allow=frozenset(Operation),
    origins=APP,
    networks=NETWORKS,
    vpcs=("vpc-0123456789abcdef0",),
)
ON_EKS: Final = document(
    {"reports": {**BUCKET, "credentials": "web_identity"}}, oidc_provider=PROVIDER
)
DOWNLOADS: Final = frozenset({Operation.DOWNLOAD})


def sids(policy: dict[str, Any]) -> list[str]:
    return [each["Sid"] for each in policy["Statement"]]


def signing(made: dict[str, Any]) -> dict[str, Any]:
    [role] = made["roles"]
    policy: dict[str, Any] = role["policies"]["sign"]
    return policy


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("role.json", signing(EVERYTHING)),
        ("trust-assume-role.json", EVERYTHING["roles"][0]["trust_policy"]),
        ("service-identity.json", EVERYTHING["service_identity"]["policies"]["assume-signing-roles"]),
        ("bucket-policy.json", EVERYTHING["buckets"][0]["policy"]),
        ("cors.json", EVERYTHING["buckets"][0]["cors"]),
        ("lifecycle.json", EVERYTHING["buckets"][0]["lifecycle"]),
        ("trust-web-identity.json", ON_EKS["roles"][0]["trust_policy"]),
        (
            "store-user.json",
            document({"reports": OF_A_STORE})["users"][0]["policies"]["sign"],
        ),
    ],
)  # fmt: skip
def test_all_features_give_the_files_of_deploy(name: str, printed: dict[str, Any]) -> None:
    assert printed == read(name), f"write what `presign iam` prints into deploy/iam/{name}"


def test_a_guessed_principal_is_noted() -> None:
    assert EVERYTHING["service_identity"]["arn"].endswith("111122223333:role/presign-service")
    assert [each for each in EVERYTHING["notes"] if "is a guess" in each]
    named = document({"reports": OF_AWS}, principal="arn:aws:iam::111122223333:user/ann")
    assert named["notes"] == []
    trust = named["roles"][0]["trust_policy"]
    assert {each["Principal"]["AWS"] for each in trust["Statement"]} == {
        "arn:aws:iam::111122223333:user/ann"
    }


def test_roles_of_two_accounts_trust_the_same_identity() -> None:
    other = {**BUCKET, "bucket": "b-2", "role_arn": "arn:aws:iam::444455556666:role/presign"}
    made = document({"reports": BUCKET, "images": other}, allow=DOWNLOADS)
    trusted = {
        each["Principal"]["AWS"]
        for role in made["roles"]
        for each in role["trust_policy"]["Statement"]
    }
    assert trusted == {made["service_identity"]["arn"]}


@pytest.mark.parametrize(("kind", "is_noted"), [("role", True), ("user", False)])
def test_a_role_that_assumes_a_role_has_an_hour(kind: str, is_noted: bool) -> None:
    principal = f"arn:aws:iam::111122223333:{kind}/files"
    made = document({"reports": {**BUCKET, "session_seconds": 7200}}, principal=principal)
    assert any("limits a session to an hour" in note for note in made["notes"]) is is_noted


def test_pods_with_a_web_identity_need_no_other_identity() -> None:
    assert ON_EKS["service_identity"] is None
    assert ON_EKS["notes"] == []


def test_a_role_may_do_only_what_grants_allow() -> None:
    policy = signing(document({"reports": BUCKET}, allow=DOWNLOADS))
    assert sids(policy) == ["Objects", "NoForeignBuckets"]
    assert policy["Statement"][0]["Action"] == "s3:GetObject"


@pytest.mark.parametrize(
    ("operation", "actions"),
    [
        (Operation.LIST, {"s3:ListBucket"}),
        (Operation.CHECK, {"s3:GetObject", "s3:ListBucket"}),
        (Operation.DELETE, {"s3:DeleteObject"}),
        (Operation.UPLOAD, {"s3:PutObject", "s3:PutObjectTagging"}),
    ],
)
def test_each_operation_brings_its_actions(operation: Operation, actions: set[str]) -> None:
    assert allowed_by(operation) == actions


def test_a_role_lists_what_links_download_and_no_drop_box() -> None:
    assert "s3:ListBucket" in allowed_by(Operation.LINK, Operation.DOWNLOAD)
    assert "s3:ListBucket" not in allowed_by(Operation.LINK, Operation.UPLOAD)


def allowed_by(*operations: Operation) -> set[str]:
    policy = signing(document({"reports": BUCKET}, allow=frozenset(operations)))
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    return {action for each in allowed for action in several(each["Action"])}


def test_optional_statements_of_the_trust_need_their_settings() -> None:
    made = document({"reports": BUCKET}, allow=DOWNLOADS)
    trust = made["roles"][0]["trust_policy"]
    assert sids(trust) == ["AssumedByTheService"]
    assert "Condition" not in trust["Statement"][0]
    [policy] = made["service_identity"]["policies"].values()
    assert sids(policy) == ["AssumeTheSigningRole"]


@pytest.mark.parametrize(("other", "condition"), [("b-2", ["a-1", "b-2"]), ("a-1", "a-1")])
def test_a_shared_role_takes_every_external_id(other: str, condition: Any) -> None:
    made = document(
        {
            "reports": {**BUCKET, "external_id": "a-1"},
            "images": {**BUCKET, "bucket": "b-2", "external_id": other},
        },
        allow=DOWNLOADS,
    )
    [trusted] = made["roles"][0]["trust_policy"]["Statement"]
    assert trusted["Condition"] == {"StringEquals": {"sts:ExternalId": condition}}


def test_an_external_id_of_only_some_buckets_is_refused() -> None:
    """A statement for the others would let everybody leave it out."""
    with pytest.raises(ConfigurationError, match=r"^buckets\.images: assumes .* without the"):
        document({"reports": OF_AWS, "images": {**BUCKET, "bucket": "b-2"}})


def test_pods_need_no_external_id_next_to_one() -> None:
    pods = {**BUCKET, "bucket": "b-2", "credentials": "web_identity"}
    made = document({"reports": OF_AWS, "images": pods}, oidc_provider=PROVIDER)
    trusted = made["roles"][0]["trust_policy"]["Statement"]
    assert "sts:ExternalId" in str(trusted[0]["Condition"])


def test_programs_sessions_are_named_only_if_a_grant_vends_them() -> None:
    made = document({"reports": {**BUCKET, "source_identity": True}}, allow=DOWNLOADS)
    [*_, named] = made["roles"][0]["trust_policy"]["Statement"]
    names = named["Condition"]["StringLike"]["sts:SourceIdentity"]
    assert names == ["presign", "*-????????????"]


def test_buckets_of_one_role_share_its_policies() -> None:
    other = {**BUCKET, "bucket": "acme-images", "session_seconds": 7200}
    made = document({"reports": BUCKET, "images": other}, allow=DOWNLOADS)
    [role] = made["roles"]
    assert role["max_session_duration"] == 7200
    assert signing(made)["Statement"][0]["Resource"] == [
        "arn:aws:s3:::acme-reports-prod/*",
        "arn:aws:s3:::acme-images/*",
    ]
    assert [each["bucket"] for each in made["buckets"]] == ["acme-reports-prod", "acme-images"]


def test_a_bucket_with_two_names_and_roles_has_one_policy() -> None:
    other = {**BUCKET, "role_arn": f"{ROLE}-2"}
    made = document({"reports": BUCKET, "same": other}, allow=DOWNLOADS)
    [bucket] = made["buckets"]
    assert len(made["roles"]) == 2
    age = bucket["policy"]["Statement"][2]
    assert age["Condition"]["ArnLike"] == {"aws:PrincipalArn": [ROLE, f"{ROLE}-2"]}


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("1234abcd", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"),
        ("alias/reports", "arn:aws:kms:eu-west-1:111122223333:key/*"),
        ("arn:aws:kms:eu-west-1:444455556666:alias/a", "arn:aws:kms:eu-west-1:444455556666:key/*"),
        (None, None),
    ],
)
def test_a_kms_key_is_named_by_its_arn(key: str | None, resource: str | None) -> None:
    encryption = {"algorithm": "aws:kms", **({"kms_key_id": key} if key else {})}
    policy = signing(document({"reports": {**BUCKET, "encryption": encryption}}))
    found = [each for each in policy["Statement"] if each["Sid"] == "Encryption"]
    assert [each["Resource"] for each in found] == ([resource] if resource else [])
    if key and "alias/" in key:
        alias = key[key.index("alias/") :]
        condition = found[0]["Condition"]["ForAnyValue:StringEquals"]
        assert condition == {"kms:ResourceAliases": alias}


def test_an_access_point_is_its_own_resource() -> None:
    arn = "arn:aws:s3:eu-west-1:444455556666:accesspoint/reports"
    made = document({"reports": {**BUCKET, "bucket": arn}}, allow=DOWNLOADS)
    objects, foreign = signing(made)["Statement"]
    assert objects["Resource"] == f"{arn}/object/*"
    assert foreign["Condition"] == {"StringNotEquals": {"aws:ResourceAccount": "444455556666"}}
    assert made["buckets"] == []
    assert any("the bucket behind it" in note for note in made["notes"])


def test_another_store_gets_no_condition_keys_of_aws() -> None:
    made = document({"reports": {**OF_A_STORE, "credentials": "assume_role", "role_arn": ROLE}})
    assert "aws:ResourceAccount" not in str(made)
    assert "policy" not in made["buckets"][0]
    assert any("not at AWS" in note for note in made["notes"])


def test_static_keys_at_aws_need_a_principal_for_the_rails() -> None:
    keys = {"region": "eu-west-1", "credentials": "static"}
    user = "arn:aws:iam::111122223333:user/presign"
    unnamed, named = document({"reports": keys}), document({"reports": keys}, principal=user)
    assert sids(unnamed["buckets"][0]["policy"]) == ["OnlyOverTls"]
    assert any("only demands TLS" in note for note in unnamed["notes"])
    assert len(sids(named["buckets"][0]["policy"])) == 3
    assert named["users"][0]["arn"] == user


def test_each_pair_of_static_keys_is_a_user() -> None:
    other = {**OF_A_STORE, "access_key_id_file": "/a", "secret_access_key_file": "/b"}
    made = document({"reports": OF_A_STORE, "images": other, "more": OF_A_STORE})
    assert [each["buckets"] for each in made["users"]] == [["reports", "more"], ["images"]]


def test_the_bucket_of_uppy_lets_pages_read_the_location() -> None:
    uppy = {"bucket": "reports", "prefix": "uploads/{caller}/"}
    top = {"uppy": uppy, "server": {"cors_origins": list(APP)}}
    made = document({"reports": BUCKET, "other": BUCKET | {"bucket": "b-2"}}, top=top)
    [rule] = made["buckets"][0]["cors"]["CORSRules"]
    assert rule["AllowedOrigins"] == list(APP)
    assert rule["ExposeHeaders"] == ["ETag", "Location"]
    assert "DELETE" in rule["AllowedMethods"]
    [other] = made["buckets"][1]["cors"]["CORSRules"]
    assert other["ExposeHeaders"] == ["ETag"]


@pytest.mark.parametrize("console", [True, False])
def test_pages_may_delete_if_there_is_a_console(*, console: bool) -> None:
    top = {"console": console, "server": {"cors_origins": list(APP)}}
    [bucket] = document({"reports": BUCKET}, allow=DOWNLOADS | {Operation.DELETE}, top=top)[
        "buckets"
    ]
    [rule] = bucket["cors"]["CORSRules"]
    assert ("DELETE" in rule["AllowedMethods"]) is console


def test_no_page_and_no_parts_need_neither_cors_nor_a_lifecycle() -> None:
    [bucket] = document({"reports": BUCKET}, allow=DOWNLOADS)["buckets"]
    assert set(bucket) == {"bucket", "policy"}


def test_a_bucket_without_callers_allows_nothing() -> None:
    made = document({"reports": BUCKET}, allow=frozenset(), origins=APP)
    assert sids(signing(made)) == ["NoForeignBuckets"]
    assert any("no caller may use it" in note for note in made["notes"])


def denial_of_copies(*callers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditions for a store whose callers, each with its grants, share a session."""
    entries = [
        {
            "api_key": f"caller-{i}",
            "sha256": ["0" * 63 + f"{i}"],
            "grants": [{"bucket": "reports", **grant} for grant in grants],
        }
        for i, grants in enumerate(callers)
    ]
    top = {"unsafe_anonymous_caller": None, "callers": entries}
    [user] = document({"reports": OF_A_STORE}, top=top)["users"]
    statements = user["policies"]["sign"]["Statement"]
    return [each["Condition"] for each in statements if each["Sid"].startswith("NoCopies")]


BOTH: Final = {"prefix": "a/", "allow": ["download", "upload"]}
NO_COPIES: Final = {
    "Null": {"s3:x-amz-copy-source": "false"},
    "StringNotEquals": {"s3:x-amz-copy-source": "none/none"},
}


@pytest.mark.parametrize(
    ("callers", "spared"),
    [
        ([[BOTH]], "acme-reports-prod/a/*"),
        ([[BOTH], [{"prefix": "", "allow": ["download"]}]], "acme-reports-prod/a/*"),
        ([[BOTH], [{"prefix": "", "allow": ["download", "form"]}]], "acme-reports-prod/a/*"),
        (
            [[BOTH], [{"prefix": "a/b/", "allow": ["download", "upload"]}]],
            "acme-reports-prod/a/b/*",
        ),
        ([[BOTH], [{"prefix": "b/", "allow": ["download", "upload"]}]], None),
        ([[BOTH], [{"prefix": "", "allow": ["upload"]}]], None),
        ([[{**BOTH, "max_content_length": 5}]], None),
        ([[{**BOTH, "content_types": ["image/*"]}]], None),
        ([[BOTH], [{**BOTH, "max_content_length": 5}]], None),
        ([[BOTH], [{"prefix": "", "allow": ["multipart"]}]], None),
        ([[{"prefix": "a/", "allow": ["download"]}]], None),
    ],
)
def test_a_shared_session_copies_what_all_who_upload_may_read(
    callers: list[list[dict[str, Any]]], spared: str | None
) -> None:
    """Else one caller could read by a copy what only another may."""
    [condition] = denial_of_copies(*callers)
    like = {"Null": NO_COPIES["Null"], "StringNotLike": {"s3:x-amz-copy-source": spared}}
    assert condition == (NO_COPIES if spared is None else like)


def test_a_shared_session_copies_no_prefix_of_one_caller() -> None:
    """Each caller of the entry has another one, and all of them upload."""
    issuer = {
        "issuer": "https://id.example.com",
        "audience": "presign",
        "jwks_url": "https://id.example.com/keys",
    }
    grants = [
        {"bucket": "reports", "prefix": "{claim:/team}/", "allow": ["download", "upload"]},
        {"bucket": "reports", "prefix": "all/", "allow": ["download"]},
    ]
    caller = {"issuer": "id", "subject": "*", "grants": grants}
    top = {"unsafe_anonymous_caller": None, "issuers": {"id": issuer}, "callers": [caller]}
    [user] = document({"reports": OF_A_STORE}, top=top)["users"]
    [denial] = [each for each in user["policies"]["sign"]["Statement"] if each["Sid"] == "NoCopies"]
    assert denial["Condition"]["StringNotLike"] == {
        "s3:x-amz-copy-source": "acme-reports-prod/all/*"
    }


DELIVERED: Final[dict[str, Any]] = {
    **BUCKET,
    "cloudfront": {
        "url": "https://d111111abcdef8.cloudfront.net",
        "distribution": DISTRIBUTION,
        "keys": [{"id": KEY_ID, "private_key_file": "/nowhere.pem"}],
    },
}


def test_the_policy_lets_the_distribution_read_and_nothing_else() -> None:
    [allowed] = [
        each
        for each in document({"media": DELIVERED})["buckets"][0]["policy"]["Statement"]
        if each["Effect"] == "Allow"
    ]
    assert allowed == {
        "Sid": "DeliveredByCloudFront",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-reports-prod/*",
        "Condition": {"StringEquals": {"aws:SourceArn": DISTRIBUTION}},
    }


def test_a_distribution_has_an_access_control_and_a_key_group() -> None:
    made = document({"media": DELIVERED, "again": DELIVERED})
    [delivery] = made["cloudfront"]
    assert delivery["distribution"] == DISTRIBUTION
    assert delivery["origin_access_control"]["SigningBehavior"] == "always"
    assert delivery["key_group"] == {"Name": "presign-media", "Items": [KEY_ID]}
    assert "cloudfront" not in EVERYTHING


def test_names_of_one_bucket_share_what_delivers_them() -> None:
    """A policy cannot have one Sid twice, and a key group has the keys of every name."""
    other, key = f"{DISTRIBUTION}2", {"id": "K9OTHER", "private_key_file": "/nowhere.pem"}
    renamed, moved = copy.deepcopy(DELIVERED), copy.deepcopy(DELIVERED)
    renamed["cloudfront"]["keys"].append(key)
    moved["cloudfront"]["distribution"] = other
    made = document({"media": DELIVERED, "renamed": renamed, "moved": moved})
    [bucket] = made["buckets"]
    statements = [each for each in bucket["policy"]["Statement"] if each["Effect"] == "Allow"]
    sources = [each["Condition"]["StringEquals"]["aws:SourceArn"] for each in statements]
    assert sources == [[DISTRIBUTION, other]]
    groups = [each["key_group"]["Items"] for each in made["cloudfront"]]
    assert groups == [[KEY_ID, "K9OTHER"], [KEY_ID]]


def test_a_key_of_kms_must_know_the_distribution() -> None:
    encrypted = {**DELIVERED, "encryption": OF_AWS["encryption"]}
    [note] = [each for each in document({"media": encrypted})["notes"] if "kms" in each]
    assert f"aws:SourceArn {DISTRIBUTION}" in note
