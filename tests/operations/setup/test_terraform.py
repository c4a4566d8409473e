"""`presign iam --terraform` says what the document says."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from service.operations.setup.terraform import terraform
from tests.operations.setup.configurations import BUCKET, OF_A_STORE, OF_AWS, PROVIDER, document

DOCUMENTS: Final = {
    "everything": document(
        {"reports": OF_AWS},
        origins=("https://app.example.com",),
        networks=("192.0.2.0/24", "203.0.113.0/24"),
        vpcs=("vpc-0123456789abcdef0",),
    ),
    "EKS": document(
        {"reports": {**BUCKET, "credentials": "web_identity", "role_arn": f"{BUCKET['role_arn']}"}},
        oidc_provider=PROVIDER,
    ),
    "a user and a path": document(
        {
            "reports": {**BUCKET, "role_arn": "arn:aws:iam::111122223333:role/teams/7/presign"},
            "images": {"bucket": "2-images", "region": "eu-west-1", "credentials": "static"},
        },
        principal="arn:aws:iam::111122223333:user/apps/presign",
    ),
}


def parsed(made: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the resources by kind and label, as Terraform sees them."""
    return {
        (kind, label): _plain(arguments)
        for kind, labelled in terraform(made).get("resource", {}).items()
        for label, arguments in labelled.items()
    }


def _plain(value: Any) -> Any:
    """Return a value without the escapes of templates, and policies as JSON."""
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case str():
            text = value.replace("$${", "${").replace("%%{", "%{")
            return json.loads(text) if text.startswith("{") else text
        case _:
            return value


def policies(made: dict[str, Any], kind: str) -> Iterator[Any]:
    yield from (each["policy"] for (of, _), each in parsed(made).items() if of == kind)


@pytest.fixture(params=DOCUMENTS, name="made")
def _made(request: pytest.FixtureRequest) -> dict[str, Any]:
    return DOCUMENTS[request.param]


def test_each_role_is_a_resource_with_its_policies(made: dict[str, Any]) -> None:
    found = [each for (kind, _), each in parsed(made).items() if kind == "aws_iam_role"]
    assert [
        {
            "arn": f"arn:aws:iam::111122223333:role{each['path']}{each['name']}",
            "max_session_duration": each["max_session_duration"],
            "trust_policy": each["assume_role_policy"],
        }
        for each in found
    ] == [{k: v for k, v in role.items() if k != "policies"} for role in made["roles"]]
    signing = [policy for role in made["roles"] for policy in role["policies"].values()]
    assert [*policies(made, "aws_iam_role_policy")][: len(signing)] == signing


def test_each_identity_gets_its_policies(made: dict[str, Any]) -> None:
    of_roles = len(made["roles"])
    printed = [
        *[*policies(made, "aws_iam_role_policy")][of_roles:],
        *policies(made, "aws_iam_user_policy"),
    ]
    service = [made["service_identity"]] if made["service_identity"] else []
    wanted = [each for each in [*service, *made["users"]] if "arn" in each]
    assert printed == [policy for each in wanted for policy in each["policies"].values()]


def test_each_bucket_gets_its_settings(made: dict[str, Any]) -> None:
    resources = parsed(made)
    for kind, setting in (
        ("aws_s3_bucket_policy", "policy"),
        ("aws_s3_bucket_cors_configuration", "cors"),
        ("aws_s3_bucket_lifecycle_configuration", "lifecycle"),
    ):
        found = {each["bucket"]: each for (of, _), each in resources.items() if of == kind}
        wanted = {each["bucket"]: each[setting] for each in made["buckets"] if setting in each}
        assert set(found) == set(wanted)
        for bucket, each in found.items():
            assert _as_s3_has_it(each) == wanted[bucket]


def _as_s3_has_it(resource: dict[str, Any]) -> Any:
    """Return a resource in S3's JSON."""
    if "policy" in resource:
        return resource["policy"]
    if "cors_rule" in resource:
        names = ("ID", "AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders")
        lower = ("id", "allowed_origins", "allowed_methods", "allowed_headers", "expose_headers")
        both = [*zip((*names, "MaxAgeSeconds"), (*lower, "max_age_seconds"), strict=True)]
        assert all(len(rule) == len(both) for rule in resource["cors_rule"])
        return {"CORSRules": [{n: rule[low] for n, low in both} for rule in resource["cors_rule"]]}
    [rule] = resource["rule"]
    abort = {
        "DaysAfterInitiation": rule["abort_incomplete_multipart_upload"]["days_after_initiation"]
    }
    whole = {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": {"Prefix": rule["filter"]["prefix"]},
    }
    return {"Rules": [{**whole, "AbortIncompleteMultipartUpload": abort}]}


def test_labels_are_valid_and_unique(made: dict[str, Any]) -> None:
    settings = ("policy", "cors", "lifecycle")
    identities = [made["service_identity"] or {}, *made["users"]]
    policies_of_identities = [each["policies"] for each in identities if "arn" in each]
    count = 2 * len(made["roles"]) + sum(map(len, policies_of_identities))
    count += sum(name in each for each in made["buckets"] for name in settings)
    assert len(parsed(made)) == count
    assert all(label.isidentifier() for _, label in parsed(made))


def test_a_role_policy_refers_to_its_role() -> None:
    found = terraform(document({"reports": BUCKET}))["resource"]
    [role] = found["aws_iam_role"]
    policy = found["aws_iam_role_policy"][f"{role}_sign"]
    assert policy["role"] == f"${{aws_iam_role.{role}.name}}"


INJECTED: Final = "${file('/etc/passwd')}%{if a}"
ESCAPED: Final = "$${file('/etc/passwd')}%%{if a}"


def test_a_text_is_never_a_template() -> None:
    made = document({"reports": BUCKET}, origins=(INJECTED,))
    made["roles"][0]["trust_policy"]["Statement"][0]["Sid"] = INJECTED
    made["buckets"][0]["bucket"] = INJECTED
    text = json.dumps(terraform(made))
    assert text.count(ESCAPED) == 5  # the statement, the origin, and the name in three resources
    assert not _templates(text)


def test_a_key_is_never_a_template() -> None:
    pods = {"reports": {**BUCKET, "credentials": "web_identity"}}
    text = json.dumps(terraform(document(pods, oidc_provider=f"issuer.example/{INJECTED}")))
    assert f"issuer.example/{ESCAPED}:aud" in text
    assert not _templates(text)


def _templates(text: str) -> list[str]:
    """Return what Terraform would evaluate, except for the references to roles."""
    found = re.findall(r"(?<![$%])[$%]\{[^}]*\}", text)
    return [each for each in found if not each.startswith("${aws_iam_role.")]


@pytest.mark.parametrize("names", [("a-b", "a.b"), ("a--b", "a-b"), ("a-b", "a_b"), ("a.b", "a_b")])
def test_buckets_with_similar_names_have_their_own_labels(names: tuple[str, str]) -> None:
    made = document({f"b{i}": {**BUCKET, "bucket": name} for i, name in enumerate(names)})
    found = [each for (kind, _), each in parsed(made).items() if kind == "aws_s3_bucket_policy"]
    assert [each["bucket"] for each in found] == [*names]


def labels(made: dict[str, Any]) -> set[tuple[str, str]]:
    return {*parsed(made)}


def test_roles_of_one_name_in_two_accounts_have_two_labels() -> None:
    other = {**BUCKET, "role_arn": "arn:aws:iam::444455556666:role/presign-reports"}
    made = document({"reports": BUCKET, "images": {**other, "bucket": "b-2"}})
    roles = {label for kind, label in labels(made) if kind == "aws_iam_role"}
    assert roles == {"presign_reports_111122223333", "presign_reports_444455556666"}
    note = "give each account's roles its own provider: 111122223333, 444455556666"
    assert note in terraform(made)["//"]


def test_another_bucket_and_role_change_no_label() -> None:
    other = {**BUCKET, "role_arn": "arn:aws:iam::444455556666:role/presign-reports"}
    first = {"zz": {**BUCKET, "bucket": "a.b"}}
    more = {"aa": {**other, "bucket": "a-b"}, **first}
    principal = "arn:aws:iam::111122223333:role/files"
    before, after = (labels(document(each, principal=principal)) for each in (first, more))
    assert before < after


def test_buckets_of_one_user_at_aws_share_its_policy() -> None:
    """`--principal` names one user. A second policy of the same name would replace the first."""
    keys = {"region": "eu-west-1", "credentials": "static"}
    user = "arn:aws:iam::111122223333:user/presign"
    files = {"access_key_id_file": "id", "secret_access_key_file": "secret"}
    made = document({"a-1": keys, "b-2": {**keys, **files}}, principal=user)
    [policy] = policies(made, "aws_iam_user_policy")
    assert policy["Statement"][0]["Resource"] == ["arn:aws:s3:::a-1/*", "arn:aws:s3:::b-2/*"]


def test_a_bucket_by_two_endpoints_of_aws_has_one_policy() -> None:
    same = {**BUCKET, "endpoint_url": "https://s3.eu-west-1.amazonaws.com"}
    made = document({"reports": BUCKET, "same": same})
    assert len([*policies(made, "aws_s3_bucket_policy")]) == 1


def test_notes_are_comments_and_other_stores_are_left_out() -> None:
    made = document({"reports": OF_A_STORE})
    assert terraform(made) == {
        "//": ["bucket reports: not at AWS, so its guard rails are left out"]
    }


def test_terraform_has_the_access_control_and_the_key_group() -> None:
    key = {"id": "K1", "private_key_file": "/nowhere.pem"}
    distribution = "arn:aws:cloudfront::111122223333:distribution/E1"
    section = {"url": "https://d1.cloudfront.net", "distribution": distribution, "keys": [key]}
    made = parsed(document({"media": {**BUCKET, "cloudfront": section}}))
    controls = [each for (kind, _), each in made.items() if kind.endswith("access_control")]
    groups = [each for (kind, _), each in made.items() if kind.endswith("key_group")]
    assert controls == [
        {
            "name": "presign-media",
            "origin_access_control_origin_type": "s3",
            "signing_behavior": "always",
            "signing_protocol": "sigv4",
        }
    ]
    assert groups == [{"name": "presign-media", "items": ["K1"]}]
