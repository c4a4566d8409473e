"""POST policies: AWS's example, and what each kind of condition refuses."""

import json
from base64 import b64encode
from typing import Any, Final

import pytest

from service.demo.policies import verify_form
from service.demo.signatures import StoredKey
from service.demo.store_errors import StoreError
from service.signing.post_policy import PostObject, presign_form
from service.signing.signer import Address, Signer
from tests.demo.gating import HOST, NOW, REGION, ROOT, SESSION, Gated
from tests.signing.vectors import DATA, signature

POST: Final[dict[str, Any]] = DATA["aws_docs"]["post_policy"]
FORM: Final = PostObject(min_content_length=2, max_content_length=10)


def form(signed_key: str = "forms/a", /, **changed: str | None) -> dict[str, str]:
    address = Address(scheme="http", host=HOST, path_prefix="/bucket/", region=REGION)
    more: dict[str, Any] = {"encryption": None, "now": NOW, "expires_in": 60}
    fields = presign_form(Signer(SESSION, address), FORM, signed_key, bucket="bucket", **more)
    merged = {name.lower(): value for name, value in fields.items()} | changed
    return {name: value for name, value in merged.items() if value is not None}


def refusal(fields: dict[str, str], *, size: int | None = 5, now: float = NOW) -> str:
    try:
        keys = Gated().keys
        verify_form("bucket", fields, size, find_key=keys.get, region=REGION, now=now)
    except StoreError as error:
        return f"{error.code}: {error.message}"
    return ""


def with_policy(*conditions: Any, expiration: str = "2099-01-01T00:00:00Z") -> dict[str, str]:
    """A form of root with a policy of these conditions, and of those for the signature's fields."""
    date = "20260921"
    credential = f"{ROOT.access_key_id}/{date}/{REGION}/s3/aws4_request"
    own = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": credential}
    own["x-amz-date"] = f"{date}T141320Z"
    document = {"expiration": expiration, "conditions": [*conditions, own]}
    policy = b64encode(json.dumps(document).encode()).decode()
    signed = signature(ROOT.secret_access_key, date, REGION, "s3", policy)
    return {"key": "forms/a", **own, "policy": policy, "x-amz-signature": signed}


def test_an_unchanged_form_is_accepted() -> None:
    assert refusal(form()) == ""


@pytest.mark.parametrize(
    ("size", "code"), [(1, "EntityTooSmall"), (2, ""), (10, ""), (11, "EntityTooLarge")]
)
def test_a_file_has_a_size_within_the_range(size: int, code: str) -> None:
    assert refusal(form(), size=size).partition(":")[0] == code


def test_a_form_expires() -> None:
    assert refusal(form(), now=NOW + 59) == ""
    assert refusal(form(), now=NOW + 60).endswith("Policy expired.")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": "forms/b"}, 'Policy Condition failed: ["eq", "$key", "forms/a"]'),
        ({"key": None}, "must contain a field named 'key'"),
        ({"acl": "public-read"}, "Extra input fields: acl"),
        ({"content-type": None}, "Policy Condition failed"),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"x-amz-security-token": None}, "InvalidAccessKeyId"),
        ({"x-amz-credential": "nonsense"}, "mal-formed"),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, "x-amz-algorithm"),
        ({"policy": None}, "the form has no policy"),
    ],
)
def test_a_changed_field_is_refused(changed: dict[str, Any], says: str) -> None:
    assert says in refusal(form(**changed))


def test_fields_to_ignore_need_no_condition() -> None:
    changed: dict[str, Any] = {"x-ignore-note": "a"}
    assert refusal(form(**changed)) == ""


def test_a_form_without_a_file_is_refused() -> None:
    assert "exactly one file" in refusal(form(), size=None)


def test_a_prefix_condition_compares_the_start() -> None:
    assert refusal(form("forms/${filename}", key="forms/name.txt")) == ""
    assert "starts-with" in refusal(form("forms/${filename}", key="other/name.txt"))


@pytest.mark.parametrize(
    ("conditions", "refused"),
    [
        ([["eq", "$key", "forms/a"]], ""),
        ([{"key": "forms/a"}, {"bucket": "bucket"}], ""),
        ([{"key": "forms/a"}, {"bucket": "another"}], "AccessDenied"),
        ([{"key": "forms/a"}, ["content-length-range", 6, 9]], "EntityTooSmall"),
        ([{"key": "forms/a"}, ["in", "$key", "forms/a"]], "InvalidPolicyDocument"),
        ([{"key": "forms/a"}, ["eq", "key", "forms/a"]], "InvalidPolicyDocument"),
        ([], "AccessDenied"),
    ],
)
def test_conditions_as_aws_documents_them(conditions: list[Any], refused: str) -> None:
    assert refusal(with_policy(*conditions)).partition(":")[0] == refused


def test_a_policy_without_a_date_is_refused() -> None:
    fields = with_policy({"key": "forms/a"}, expiration="tomorrow")
    assert refusal(fields).startswith("InvalidPolicyDocument")


def test_aws_signed_policy_is_accepted() -> None:
    """Its region is us-east-1, its policy has expired, so the signature is what passes."""
    fields = {
        "key": "user/user1/a",
        "policy": POST["policy_base64"],
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{POST['access_key']}/{POST['date']}/{POST['region']}/s3/aws4_request",
        "x-amz-date": f"{POST['date']}T000000Z",
        "x-amz-signature": POST["signature"],
    }
    known = {POST["access_key"]: StoredKey(secret_access_key=POST["secret_key"])}
    with pytest.raises(StoreError) as refused:
        verify_form("b", fields, 1, find_key=known.get, region=POST["region"], now=NOW)
    assert refused.value.message.endswith("Policy expired.")
