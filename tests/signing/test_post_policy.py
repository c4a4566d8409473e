"""Forms: their fields, and the conditions that follow from them."""

import hmac
import json
from base64 import b64decode
from functools import partial
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.signing import sigv4
from service.signing.actions import Encryption
from service.signing.post_policy import PostObject, encode_policy, presign_form
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials
from tests.signing.strategies import TAGS, Form, forms
from tests.support.examples import examples

NOW: Final = 1_709_251_199  # 2024-02-29T23:59:59Z
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ADDRESS: Final = Address(scheme="https", host="h", path_prefix="/", region="eu-west-1")
SIGNED_BY: Final = {"policy", "x-amz-signature"}  # these need no conditions


def make_signer(token: str | None = None) -> Signer:
    return Signer(
        Credentials(access_key_id="AKIDEXAMPLE", secret_access_key=SECRET, session_token=token),
        ADDRESS,
    )


SIGNER: Final = make_signer()


form: Final = partial(PostObject, max_content_length=10)


def fields_of(
    form: PostObject,
    key: str = "a/b",
    encryption: Encryption | None = None,
    *,
    signer: Signer = SIGNER,
) -> dict[str, str]:
    more: dict[str, Any] = {"encryption": encryption, "now": NOW, "expires_in": 60}
    return presign_form(signer, form, key, bucket="bkt", **more)


def conditions_of(fields: dict[str, str]) -> list[Any]:
    conditions: list[Any] = json.loads(b64decode(fields["policy"]))["conditions"]
    return conditions


def test_fields_and_conditions_of_a_form() -> None:
    fields = fields_of(
        form(content_type="image/png", success_status=201, metadata=(("m", "v"),)),
        signer=make_signer("t+/="),
    )
    policy, signature = fields.pop("policy"), fields.pop("x-amz-signature")
    assert fields == {
        "key": "a/b",
        "Content-Type": "image/png",
        "success_action_status": "201",
        "x-amz-meta-m": "v",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "AKIDEXAMPLE/20240229/eu-west-1/s3/aws4_request",
        "x-amz-date": "20240229T235959Z",
        "x-amz-security-token": "t+/=",
    }
    document = json.loads(b64decode(policy))
    by_text = sorted(document["conditions"], key=str)
    exact = [{name: value} for name, value in {**fields, "bucket": "bkt"}.items()]
    assert by_text == sorted([*exact, ["content-length-range", 0, 10]], key=str)
    assert document["expiration"] == "2024-03-01T00:00:59Z"
    assert signature == _signature(policy)


def _signature(policy: str) -> str:
    key = sigv4.signing_key(SECRET, "20240229", "eu-west-1", "s3")
    return hmac.digest(key, policy.encode(), "sha256").hex()


@examples(300)
@given(form=forms(), token=st.none() | st.just("t"))
def test_fields_and_conditions_belong_together(form: Form, token: str | None) -> None:
    fields = fields_of(*form, signer=make_signer(token))
    conditions = conditions_of(fields)
    exact = {n: v for c in conditions if isinstance(c, dict) for n, v in c.items()}
    others = [condition for condition in conditions if isinstance(condition, list)]
    starts = {
        name.removeprefix("$"): start for kind, name, start in others if kind == "starts-with"
    }
    sizes = ["content-length-range", form.form.min_content_length, form.form.max_content_length]
    assert exact.pop("bucket") == "bkt"
    assert exact == {n: v for n, v in fields.items() if n not in SIGNED_BY | starts.keys()}
    assert starts.keys() <= {"key", "Content-Type"}
    assert [condition for condition in others if condition[0] != "starts-with"] == [sizes]


KMS: Final = "x-amz-server-side-encryption"
EXACT_KEYS: Final = ["a/${filename}/b", "${filename}.txt", "a/b", "\u00e9 +%'\"\\"]
OCTETS: Final = {"Content-Type": "application/octet-stream"}
XML: Final = {
    "tagging": (
        "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag>"
        "<Tag><Key>c</Key><Value>d</Value></Tag></TagSet></Tagging>"
    )
}


@pytest.mark.parametrize(
    ("changes", "fields", "conditions"),
    [
        pytest.param({}, OCTETS, [OCTETS], id="the default type"),
        pytest.param(
            {"content_type_prefix": "image/"},
            {"Content-Type": None},
            [["starts-with", "$Content-Type", "image/"]],
            id="the browser sends the type",
        ),
        pytest.param(
            {"key": "a/${filename}"},
            {"key": "a/${filename}"},
            [["starts-with", "$key", "a/"]],
            id="the key's start",
        ),
        *(pytest.param({"key": key}, {"key": key}, [{"key": key}], id=key) for key in EXACT_KEYS),
        pytest.param(
            {"encryption": Encryption(algorithm="aws:kms", kms_key_id="k")},
            {KMS: "aws:kms", f"{KMS}-aws-kms-key-id": "k"},
            [{KMS: "aws:kms"}, {f"{KMS}-aws-kms-key-id": "k"}],
            id="encryption",
        ),
        pytest.param({"tags": (("a", "b"), ("c", "d"))}, XML, [XML], id="tags"),
        pytest.param({}, {"x-amz-security-token": None}, [], id="no token"),
    ],
)
def test_what_a_form_has_and_proves(
    changes: dict[str, Any], fields: dict[str, str | None], conditions: list[Any]
) -> None:
    """None means no such field."""
    arguments = {name: changes[name] for name in ("key", "encryption") if name in changes}
    of_form = {name: value for name, value in changes.items() if name not in arguments}
    made = fields_of(form(**of_form), **arguments)
    assert {name: made.get(name) for name in fields} == fields
    assert [each for each in conditions if each not in conditions_of(made)] == []


@examples(100)
@given(tags=TAGS.filter(bool))
def test_tags_are_well_formed_xml(tags: tuple[tuple[str, str], ...]) -> None:
    fields = fields_of(form(tags=tags))
    root = ET.fromstring(fields["tagging"])
    assert root.tag == "Tagging"
    read = [(tag.findtext("Key"), tag.findtext("Value")) for tag in root.iterfind("TagSet/Tag")]
    assert read == list(tags)
    assert {"tagging": fields["tagging"]} in conditions_of(fields)


@pytest.mark.parametrize("value", ["a\x00", "a\x0bb", "a\rb", "\ufffe", "<a>", "a&b", '"', "🪣"])
def test_a_tag_that_needs_xml_escaping_is_refused(value: str) -> None:
    for tags in (((value, ""),), (("k", value),)):
        with pytest.raises(InvalidRequest) as refusal:
            form(tags=tags)
        assert list(refusal.value.pointers) == ["#/tags"]


@examples(100)
@given(form=forms())
def test_no_form_signs_an_acl_or_a_redirect(form: Form) -> None:
    assert not [n for n in fields_of(*form) if "acl" in n.lower() or "redirect" in n.lower()]


@examples(100)
@given(first=forms(), second=forms())
def test_forms_share_no_state(first: Form, second: Form) -> None:
    alone = fields_of(*second, signer=make_signer())
    fields_of(*first).clear()
    first.form.conditions(first.key).clear()
    first.form.fields(first.encryption).clear()
    assert fields_of(*second) == alone
    assert fields_of(*second) == alone


@pytest.mark.parametrize(
    ("expires_at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (1_767_225_599, "2025-12-31T23:59:59Z"),
        (1_767_225_600, "2026-01-01T00:00:00Z"),
    ],
)
def test_a_policy_expires_in_utc(expires_at: int, text: str) -> None:
    policy = encode_policy([{"bucket": "b"}], expires_at=expires_at)
    assert json.loads(b64decode(policy)) == {"expiration": text, "conditions": [{"bucket": "b"}]}


def test_a_policy_is_ascii() -> None:
    policy = b64decode(encode_policy([{"key": "\u00e9\U0001faa3"}], expires_at=0))
    assert policy.isascii()
    assert json.loads(policy)["conditions"] == [{"key": "\u00e9\U0001faa3"}]


@pytest.mark.parametrize("name", ["content_type", "content_type_prefix"])
@pytest.mark.parametrize("value", ["", "a\r\nb", " a", "caf\u00e9"])
def test_an_invalid_type_is_refused(name: str, value: str) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(InvalidRequest) as refusal:
        form(**changes)
    assert list(refusal.value.pointers) == [f"#/{name}"]
