"""CloudFront's URLs and cookies: equal to botocore's byte for byte, and verified by public keys."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.signers import CloudFrontSigner as BotocoreSigner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from service.signing.cloudfront import (
    CloudFrontContext,
    CloudFrontSigner,
    PrivateKey,
    folder_url,
    read_private_key,
)
from service.signing.signer import encode_key
from tests.signing.strategies import KEYS
from tests.support.cloudfront import KEY_ID, ORIGIN, PKCS1, PKCS8, decoded, ec_key, pem, rsa_key
from tests.support.examples import examples

AFTER_2038 = 2_500_000_000
HARD_KEYS = ["a+b", "a b", "ä/日本", "100%2F", "a//b", "/a", "a*b?c", 'a"b\\c', "a&b=c#d", "~._-"]
KEY_OF: dict[str, Callable[[], PrivateKey]] = {"rsa": rsa_key, "p-256": ec_key}


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Sign without the project's code."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    return key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def botocore_url(key: PrivateKey, resource: str, expires_at: int) -> str:
    end = datetime.fromtimestamp(expires_at, UTC)
    signer = BotocoreSigner(KEY_ID, lambda message: sign(key, message))
    url: str = signer.generate_presigned_url(resource, date_less_than=end)
    return url


def context(key: PrivateKey, expires_at: int = 1_800_000_000, query: str = "") -> CloudFrontContext:
    return CloudFrontContext(
        signer=CloudFrontSigner(KEY_ID, key), origin=ORIGIN, expires_at=expires_at, query=query
    )


@pytest.mark.parametrize("kind", KEY_OF)
@examples(700)
@given(object_key=KEYS, expires_at=st.integers(1, AFTER_2038))
def test_a_url_is_botocores_with_the_hash_algorithm(
    kind: str, object_key: str, expires_at: int
) -> None:
    key = KEY_OF[kind]()
    expected = botocore_url(key, f"{ORIGIN}/{encode_key(object_key)}", expires_at)
    assert context(key, expires_at).url(object_key) == f"{expected}&Hash-Algorithm=SHA256"


@pytest.mark.parametrize("object_key", HARD_KEYS, ids=range(len(HARD_KEYS)))
def test_keys_that_need_care_are_signed_encoded_once(object_key: str) -> None:
    expected = botocore_url(ec_key(), f"{ORIGIN}/{encode_key(object_key)}", AFTER_2038)
    assert context(ec_key(), AFTER_2038).url(object_key) == f"{expected}&Hash-Algorithm=SHA256"


def test_a_query_is_signed_before_cloudfronts_parameters() -> None:
    query = "response-content-disposition=inline"
    url = context(ec_key(), query=query).url("a b")
    expected = botocore_url(ec_key(), f"{ORIGIN}/a%20b?{query}", 1_800_000_000)
    assert url == f"{expected}&Hash-Algorithm=SHA256"
    assert url.startswith(f"{ORIGIN}/a%20b?{query}&Expires=1800000000&Signature=")


def test_urls_are_those_of_their_paths_in_order() -> None:
    many = context(rsa_key())
    assert many.urls(["a", "b%20c"]) == [many.url("a"), many.url("b c")]


def test_a_canned_policy_is_that_of_awss_guide() -> None:
    """…/DeveloperGuide/private-content-creating-signed-url-canned-policy.html"""
    resource = "https://d111111abcdef8.cloudfront.net/horizon.jpg?large=yes&license=yes"
    policy = f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":1357034400}}}}}}]}}'
    query = dict(
        part.split("=", 1)
        for part in CloudFrontSigner(KEY_ID, rsa_key())
        .url(resource, expires_at=1357034400)
        .split("?", 1)[1]
        .split("&")
    )
    assert decoded(query["Signature"]) == sign(rsa_key(), policy.encode())


@pytest.mark.parametrize("kind", KEY_OF)
def test_cookies_are_botocores_custom_policy(kind: str) -> None:
    key = KEY_OF[kind]()
    resource = f"{folder_url(ORIGIN, 'film/a b/')}*"
    cookies = CloudFrontSigner(KEY_ID, key).cookies(resource, expires_at=1_800_000_000)
    policy = BotocoreSigner(KEY_ID, None).build_policy(
        resource, datetime.fromtimestamp(1_800_000_000, UTC)
    )
    assert decoded(cookies["CloudFront-Policy"]).decode() == policy
    assert decoded(cookies["CloudFront-Signature"]) == sign(key, policy.encode())
    assert [*cookies] == [
        "CloudFront-Policy",
        "CloudFront-Signature",
        "CloudFront-Key-Pair-Id",
        "CloudFront-Hash-Algorithm",
    ]
    assert (cookies["CloudFront-Key-Pair-Id"], cookies["CloudFront-Hash-Algorithm"]) == (
        KEY_ID,
        "SHA256",
    )


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_no_cookie_has_a_character_that_needs_encoding(padding: int) -> None:
    """`+`, `=` and `/` become `-`, `_` and `~`."""
    resource = "x" * padding + ">>>???"
    policy = CloudFrontSigner(KEY_ID, ec_key()).cookies(resource, expires_at=1)["CloudFront-Policy"]
    assert not set("+=/") & set(policy)
    assert {"-", "~"} & set(policy)
    assert json.loads(decoded(policy))["Statement"][0]["Resource"] == resource


@pytest.mark.parametrize(
    ("prefix", "url"),
    [
        ("", f"{ORIGIN}/"),
        ("film/", f"{ORIGIN}/film/"),
        ("a*/b?/", f"{ORIGIN}/a%2A/b%3F/"),
        ("ä /", f"{ORIGIN}/%C3%A4%20/"),
        ("a//", f"{ORIGIN}/a//"),
    ],
    ids=["bucket", "plain", "wildcards", "unicode", "slashes"],
)
def test_a_prefix_holds_no_wildcards_of_its_own(prefix: str, url: str) -> None:
    assert folder_url(ORIGIN, prefix) == url


def test_ecdsa_signatures_are_those_of_rfc_6979() -> None:
    """A.2.5, P-256 with SHA-256: the same key and text always give the same signature."""
    signature = decoded(CloudFrontSigner(KEY_ID, ec_key())._signature("sample"))
    assert decode_dss_signature(signature) == (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )


@pytest.mark.parametrize("kind", KEY_OF)
@pytest.mark.parametrize("form", [PKCS1, PKCS8])
def test_a_key_may_be_in_each_usual_form(kind: str, form: serialization.PrivateFormat) -> None:
    key = KEY_OF[kind]()
    read = read_private_key(pem(key, form))
    assert context(read).url("a") == context(key).url("a")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "readable file with a private key in PEM"),
        (
            b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
            "readable file with a private key",
        ),
        (pem(ec_key(), PKCS8, b"passphrase"), "the key is encrypted"),
        (pem(ec_key(), PKCS1, b"passphrase"), "the key is encrypted"),
        (pem(rsa_key(1024)), "RSA with 2048 bits"),
        (pem(rsa_key(3072)), "RSA with 2048 bits"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "ECDSA on P-256"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "ECDSA on P-256"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "ECDSA on P-256"),
    ],
    ids=[
        "empty",
        "broken",
        "encrypted",
        "encrypted-sec1",
        "rsa-1024",
        "rsa-3072",
        "p-384",
        "k-256",
        "ed25519",
    ],
)
def test_other_keys_are_refused_with_words(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        read_private_key(content)
    assert "secret" not in str(refused.value)


def test_a_public_key_is_no_private_key() -> None:
    public = (
        ec_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="private key in PEM"):
        read_private_key(public)


def test_an_audit_line_names_the_key_pair() -> None:
    assert CloudFrontSigner(KEY_ID, ec_key()).members() == (("key_pair_id", KEY_ID),)


def test_no_repr_shows_the_key() -> None:
    assert repr(CloudFrontSigner(KEY_ID, ec_key())) == f"CloudFrontSigner(key_pair_id='{KEY_ID}')"
