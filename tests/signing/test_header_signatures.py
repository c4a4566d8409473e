"""Signatures in headers are AWS's examples, and botocore's byte for byte."""

from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.signing import sigv4
from service.signing.header_signatures import PAYLOAD_HASH, HeaderRequest, sign_headers
from service.signing.signer import Address, Signable, Signer, encode_key
from service.signing.sigv4 import Credentials
from tests.signing import oracle
from tests.signing.strategies import (
    COMPLETIONS,
    CREDENTIALS,
    KEYS,
    MULTIPART,
    OF_VERSIONS,
    REDIRECTED_PUTS,
    TIMES,
    actions,
)
from tests.signing.vectors import DATA
from tests.support.examples import examples

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    example["name"]: example for example in DATA["aws_docs"]["header_auth"]
}
MAY_24: Final = 1_369_353_600  # 2013-05-24T00:00:00Z, the date of AWS's examples
HOST: Final = "acme.s3.eu-west-1.amazonaws.com"
ADDRESS: Final = Address(scheme="https", host=HOST, path_prefix="/", region="eu-west-1")
CREDENTIALS_OF_A_SESSION: Final = Credentials(
    access_key_id="ASIAEXAMPLE", secret_access_key="secret-sentinel", session_token="token-sentinel"
)


def make_request(**changes: Any) -> HeaderRequest:
    request = {
        "method": "GET",
        "host": HOST,
        "path": "/a",
        "query": "",
        "headers": {},
        "payload_hash": sigv4.UNSIGNED_PAYLOAD,
    }
    return HeaderRequest(**request | changes)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_signature_of_an_example_of_aws(name: str) -> None:
    example = EXAMPLES[name]
    host, region = example["headers"]["host"], example["region"]
    keys = Credentials(access_key_id=example["access_key"], secret_access_key=example["secret_key"])
    signer = Signer(keys, Address(scheme="https", host=host, path_prefix="/", region=region))
    sent = {n: v for n, v in example["headers"].items() if n not in {"host", "x-amz-date"}}
    request = make_request(
        method=example["method"],
        host=host,
        path=example["path"],
        query=example["canonical_request"].splitlines()[2],
        headers=sent,
        payload_hash=example["payload_sha256"],
    )
    added = sign_headers(signer, request, now=MAY_24)
    assert added["Authorization"].endswith(f"Signature={example['signature']}")
    assert added["x-amz-date"] == example["amz_date"]


@examples(700)
@given(
    signed=actions() | MULTIPART | OF_VERSIONS | COMPLETIONS | st.tuples(REDIRECTED_PUTS, KEYS),
    scheme=st.sampled_from(["https", "http"]),
    body=st.none() | st.binary(max_size=9),
    credentials=CREDENTIALS,
    now=TIMES,
)
def test_the_headers_equal_botocores(
    signed: tuple[Signable, str],
    scheme: str,
    body: bytes | None,
    credentials: Credentials,
    now: int,
) -> None:
    action, key = signed
    body = b"" if scheme == "http" and body is None else body  # botocore signs it there
    request = make_request(
        method=action.METHOD,
        path=f"/{encode_key(key)}",
        query=sigv4.canonical_query(action.query()),
        headers=action.headers(),
        payload_hash=sigv4.UNSIGNED_PAYLOAD if body is None else sha256(body).hexdigest(),
    )
    added = sign_headers(Signer(credentials, ADDRESS), request, now=now)
    ours = {name.lower(): value for name, value in added.items()}
    theirs = oracle.sign_headers(
        request, scheme, body, credentials=credentials, region=ADDRESS.region, now=now
    )
    assert {**action.headers(), **ours} == theirs


def test_equal_headers_share_a_template_for_one_second() -> None:
    signer = Signer(CREDENTIALS_OF_A_SESSION, ADDRESS)
    requests = [
        (make_request(path=path, method=method, headers=headers), now)
        for now in (MAY_24, MAY_24 + 1)
        for headers in ({}, {"x-amz-checksum-mode": "ENABLED"})
        for method in ("GET", "HEAD")
        for path in ("/a", "/b")
    ]
    shared = [sign_headers(signer, request, now=now) for request, now in requests]
    alone = [
        sign_headers(Signer(CREDENTIALS_OF_A_SESSION, ADDRESS), request, now=now)
        for request, now in requests
    ]
    assert shared == alone
    assert len(signer.second(MAY_24 + 1).templates) == 2


def test_uploads_leave_no_template() -> None:
    signer = Signer(CREDENTIALS_OF_A_SESSION, ADDRESS)
    for length in range(9):
        headers = {"content-length": str(length)}
        sign_headers(signer, make_request(method="PUT", headers=headers), now=MAY_24)
    assert len(signer.second(MAY_24).templates) == 0


def test_a_hash_that_the_client_sends_is_not_added() -> None:
    digest = sha256(b"body").hexdigest()
    request = make_request(headers={PAYLOAD_HASH: digest}, payload_hash=digest)
    added = sign_headers(Signer(CREDENTIALS_OF_A_SESSION, ADDRESS), request, now=MAY_24)
    assert added.keys() == {"Authorization", "x-amz-date", "x-amz-security-token"}


def test_no_secret_is_shown() -> None:
    signer = Signer(CREDENTIALS_OF_A_SESSION, ADDRESS)
    sign_headers(signer, make_request(), now=MAY_24)
    second = signer.second(MAY_24)
    shown = f"{second!r} {[*second.templates.values()]!r}"
    assert "sentinel" not in shown


@pytest.mark.parametrize(("length", "cached"), [(10, 1), (8192, 0)])
def test_long_headers_are_not_cached(length: int, cached: int) -> None:
    """A caller chooses them, and the cache of an idle session stays."""
    signer = Signer(CREDENTIALS_OF_A_SESSION, ADDRESS)
    sign_headers(signer, make_request(headers={"x-amz-te": "x" * length}), now=MAY_24)
    assert len(signer.second(MAY_24).templates) == cached
