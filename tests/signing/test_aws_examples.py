"""Each step of a signature with the examples of AWS's manuals."""

from base64 import b64encode
from typing import Any, Final
from urllib.parse import unquote

import pytest

from service.signing import sigv4
from service.signing.actions import GetObject
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials
from tests.signing.vectors import DATA, signature

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "presigned GET": DATA["aws_docs"]["presigned_get"],
    **{example["name"]: example for example in DATA["aws_docs"]["header_auth"]},
}
POST: Final[dict[str, Any]] = DATA["aws_docs"]["post_policy"]

# The last line of the string to sign, from the pages in `source`
DOCUMENTED_DIGESTS: Final = {
    "presigned GET": "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04",
    "GET object with Range": "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
    "PUT object": "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
    "GET ?lifecycle": "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
    "List objects": "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
}

# docs.aws.amazon.com/general/latest/gr/signature-v4-examples.html and sigv4-calculate-signature.html
DOCUMENTED_KEYS: Final = {
    ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam"): (
        "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
    ),
    ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam"): (
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    ),
}


@pytest.mark.parametrize(("scope", "key"), DOCUMENTED_KEYS.items(), ids=str)
def test_signing_key_of_an_example(scope: tuple[str, str, str, str], key: str) -> None:
    assert sigv4.signing_key(*scope).hex() == key


@pytest.mark.parametrize("name", EXAMPLES)
def test_canonical_request_of_an_example(name: str) -> None:
    example = EXAMPLES[name]
    lines = example["canonical_request"].splitlines()
    headers = example.get("headers") or {"host": example["host"]}
    payload_hash = example.get("payload_sha256", sigv4.UNSIGNED_PAYLOAD)
    query = sigv4.canonical_query(_pairs(lines[2]))
    canonical = sigv4.canonical_request(
        example["method"], example["path"], query, headers, payload_hash
    )
    assert canonical == example["canonical_request"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_string_to_sign_and_signature_of_an_example(name: str) -> None:
    example = EXAMPLES[name]
    date, region = example["amz_date"][:8], example["region"]
    scope = sigv4.credential_scope(date, region, "s3")
    string = sigv4.string_to_sign(example["amz_date"], scope, example["canonical_request"])
    assert string == (
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        f"{DOCUMENTED_DIGESTS[name]}"
    )
    assert signature(example["secret_key"], date, region, "s3", string) == example["signature"]


def test_url_of_the_presigned_example() -> None:
    example = EXAMPLES["presigned GET"]
    signer = Signer(
        Credentials(access_key_id=example["access_key"], secret_access_key=example["secret_key"]),
        Address(scheme="https", host=example["host"], path_prefix="/", region=example["region"]),
    )
    # 2013-05-24T00:00:00Z
    url = signer.presign(GetObject(), "test.txt", now=1_369_353_600, expires_in=example["expires"])
    assert url == example["url"]


def test_signature_of_the_post_policy_example() -> None:
    policy = b64encode(POST["policy"].encode()).decode()
    assert policy == POST["policy_base64"]
    assert POST["signature"] == signature(
        POST["secret_key"], POST["date"], POST["region"], "s3", policy
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    """In reverse order, to test the sorting."""
    pieces = [piece.partition("=") for piece in reversed(query.split("&")) if piece]
    return [(unquote(name), unquote(value)) for name, _, value in pieces]
