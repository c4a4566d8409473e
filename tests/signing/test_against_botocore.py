"""Our signatures are botocore's, byte for byte, for 4,200 requests and forms in
`make test-slow`, and 300 in `make test`.
"""

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Final, get_args

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from service.signing.post_policy import presign_form
from service.signing.signer import Address, Signable, Signer
from service.signing.sigv4 import Credentials
from tests.signing import oracle
from tests.signing.strategies import (
    COMPLETIONS,
    COPIES,
    CREDENTIALS,
    EXPIRES,
    KEYS,
    MULTIPART,
    OF_VERSIONS,
    REDIRECTED_PUTS,
    TIMES,
    Form,
    actions,
    forms,
)
from tests.support.examples import examples


@dataclass(frozen=True, slots=True)
class Target:
    """The URL of a bucket, and botocore's configuration for it."""

    url: str
    region: str
    bucket: str = "acme-bucket"
    endpoint_url: str | None = None
    style: str = "virtual"

    @property
    def address(self) -> Address:
        scheme, _, rest = self.url.partition("://")
        host, slash, path = rest.partition("/")
        return Address(scheme=scheme, host=host, path_prefix=slash + path, region=self.region)

    def client(self, credentials: Credentials) -> Any:
        return oracle.client(credentials, self.region, self.endpoint_url, self.style)


TARGETS: Final = [
    Target("https://acme-bucket.s3.us-east-1.amazonaws.com/", "us-east-1"),
    Target("https://acme-bucket.s3.eu-west-1.amazonaws.com/", "eu-west-1"),
    Target("https://acme-bucket.s3.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
    Target("https://s3.us-gov-west-1.amazonaws.com/acme-bucket/", "us-gov-west-1", style="path"),
    Target(
        "https://s3.eu-central-1.amazonaws.com/acme.with.dots/",
        "eu-central-1",
        bucket="acme.with.dots",
    ),
    Target(
        "http://127.0.0.1:9000/acme-bucket/",
        "us-east-1",
        endpoint_url="http://127.0.0.1:9000",
        style="path",
    ),
    Target(
        "https://store.test/of/ours/acme-bucket/",
        "us-east-1",
        endpoint_url="https://store.test/of/ours",
        style="path",
    ),
    Target(
        "https://acme-bucket.store.test:8443/of/ours/",
        "me-south-1",
        endpoint_url="https://store.test:8443/of/ours",
    ),
]
# Making a client is slow, so there are two: with and without a token.
KEY_PAIRS: Final = [
    Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPx"),
    Credentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPx",
        session_token="FwoGZXIvYXdzE/+//a+b==",
    ),
]

BY_A_SIGNER: Final[st.SearchStrategy[tuple[Signable, str]]] = st.one_of(
    actions(), MULTIPART, OF_VERSIONS, COMPLETIONS, st.tuples(REDIRECTED_PUTS, KEYS)
)
# No completions: we sign the content type, and botocore sets it after signing.
BY_A_CLIENT: Final[st.SearchStrategy[tuple[Signable, str]]] = st.one_of(
    actions(), MULTIPART, OF_VERSIONS, COPIES
)


@pytest.mark.parametrize("action", get_args(Signable))
def test_each_action_is_compared(action: type) -> None:
    quick = settings(phases=[Phase.generate], max_examples=1000, derandomize=True, database=None)
    find(BY_A_SIGNER | BY_A_CLIENT, lambda drawn: type(drawn[0]) is action, settings=quick)


@examples(2100)
@given(
    request=BY_A_SIGNER,
    address=st.sampled_from([target.address for target in TARGETS]),
    credentials=CREDENTIALS,
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_equals_that_of_botocores_signer(
    request: tuple[Signable, str],
    address: Address,
    credentials: Credentials,
    now: int,
    expires_in: int,
) -> None:
    action, key = request
    ours = Signer(credentials, address).presign(action, key, now=now, expires_in=expires_in)
    theirs = oracle.sign(
        action, key, address=address, credentials=credentials, now=now, expires_in=expires_in
    )
    assert oracle.parts(ours) == oracle.parts(theirs)


@examples(2100)
@given(
    request=BY_A_CLIENT,
    target=st.sampled_from(TARGETS),
    credentials=st.sampled_from(KEY_PAIRS),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_equals_that_of_a_botocore_client(
    request: tuple[Signable, str],
    target: Target,
    credentials: Credentials,
    now: int,
    expires_in: int,
) -> None:
    action, key = request
    client = target.client(credentials)
    ours = Signer(credentials, target.address).presign(action, key, now=now, expires_in=expires_in)
    theirs = oracle.presign(client, target.bucket, action, key, now=now, expires_in=expires_in)
    assert oracle.parts(ours) == oracle.parts(theirs)


@examples(500)
@given(
    form=forms(),
    target=st.sampled_from(TARGETS),
    credentials=st.sampled_from(KEY_PAIRS),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_form_equals_that_of_a_botocore_client(
    form: Form, target: Target, credentials: Credentials, now: int, expires_in: int
) -> None:
    client = target.client(credentials)
    signer = Signer(credentials, target.address)
    post, key, encryption = form
    more: dict[str, Any] = {"encryption": encryption, "now": now, "expires_in": expires_in}
    ours = presign_form(signer, post, key, bucket=target.bucket, **more)
    theirs = oracle.presign_form(client, target.bucket, post, key, **more)
    assert _unsigned(ours) == _unsigned(theirs)
    assert _policy(ours) == _policy(theirs)
    assert ours["x-amz-signature"] == oracle.sign_policy(
        ours["policy"], credentials=credentials, region=target.address.region, now=now
    )


def _unsigned(fields: dict[str, str]) -> dict[str, str]:
    """The fields that do not depend on the order of the conditions, which is arbitrary."""
    return {n: v for n, v in fields.items() if n not in {"policy", "x-amz-signature"}}


def _policy(fields: dict[str, str]) -> tuple[str, list[str]]:
    document = json.loads(b64decode(fields["policy"]))
    conditions = sorted(json.dumps(condition) for condition in document.pop("conditions"))
    expiration: str = document.pop("expiration")
    assert document == {}
    return expiration, conditions
