"""Our signatures against botocore's, byte for byte: some 3,000 requests and forms a run."""

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.signing.actions import Action
from service.signing.post_policy import PostObject, presign_form
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials
from tests.signing import oracle
from tests.signing.strategies import CREDENTIALS, EXPIRES, TIMES, actions, examples, forms

BUCKET: Final = "acme-bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address, and what botocore has to be told to come to it."""

    address: Address
    bucket: str = BUCKET
    endpoint_url: str | None = None
    style: str = "virtual"


def _address(url: str, region: str) -> Address:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return Address(scheme=scheme, host=host, path_prefix=slash + path, region=region)


PLACES: Final = [
    Place(address=_address("https://acme-bucket.s3.us-east-1.amazonaws.com/", "us-east-1")),
    Place(address=_address("https://acme-bucket.s3.eu-west-1.amazonaws.com/", "eu-west-1")),
    Place(address=_address("https://acme-bucket.s3.cn-north-1.amazonaws.com.cn/", "cn-north-1")),
    Place(
        address=_address("https://s3.us-gov-west-1.amazonaws.com/acme-bucket/", "us-gov-west-1"),
        style="path",
    ),
    Place(
        address=_address("https://s3.eu-central-1.amazonaws.com/acme.with.dots/", "eu-central-1"),
        bucket="acme.with.dots",
    ),
    Place(
        address=_address("http://127.0.0.1:9000/acme-bucket/", "us-east-1"),
        endpoint_url="http://127.0.0.1:9000",
        style="path",
    ),
    Place(
        address=_address("https://store.test/of/ours/acme-bucket/", "us-east-1"),
        endpoint_url="https://store.test/of/ours",
        style="path",
    ),
    Place(
        address=_address("https://acme-bucket.store.test:8443/of/ours/", "me-south-1"),
        endpoint_url="https://store.test:8443/of/ours",
    ),
]
# A client is dear to make, so there are two: with a token and without
KEY_PAIRS: Final = [
    Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPx"),
    Credentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPx",
        session_token="FwoGZXIvYXdzE/+//a+b==",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def bare_environment() -> Any:
    """The oracle is a default client: nobody's profile or endpoints lead it elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/dev/null")
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            patch.delenv(name, raising=False)
        yield


@examples(1500)
@given(
    request=actions(),
    address=st.sampled_from([place.address for place in PLACES]),
    credentials=CREDENTIALS,
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_is_the_one_that_botocores_signer_makes(
    request: tuple[Action, str],
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


@examples(1000)
@given(
    request=actions(),
    place=st.sampled_from(PLACES),
    credentials=st.sampled_from(KEY_PAIRS),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_is_the_one_that_a_client_of_botocore_makes(
    request: tuple[Action, str], place: Place, credentials: Credentials, now: int, expires_in: int
) -> None:
    action, key = request
    client = _client(place, credentials)
    ours = Signer(credentials, place.address).presign(action, key, now=now, expires_in=expires_in)
    theirs = oracle.presign(client, place.bucket, action, key, now=now, expires_in=expires_in)
    assert oracle.parts(ours) == oracle.parts(theirs)


@examples(500)
@given(
    form=forms(),
    place=st.sampled_from(PLACES),
    credentials=st.sampled_from(KEY_PAIRS),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_form_is_the_one_that_a_client_of_botocore_makes(
    form: PostObject, place: Place, credentials: Credentials, now: int, expires_in: int
) -> None:
    client = _client(place, credentials)
    signer = Signer(credentials, place.address)
    ours = presign_form(signer, form, bucket=place.bucket, now=now, expires_in=expires_in)
    theirs = oracle.presign_form(client, place.bucket, form, now=now, expires_in=expires_in)
    assert _unsigned(ours) == _unsigned(theirs)
    assert _policy(ours) == _policy(theirs)
    assert ours["x-amz-signature"] == oracle.sign_policy(
        ours["policy"], credentials=credentials, region=place.address.region, now=now
    )


def _client(place: Place, credentials: Credentials) -> Any:
    return oracle.client(credentials, place.address.region, place.endpoint_url, place.style)


def _unsigned(fields: dict[str, str]) -> dict[str, str]:
    """Without what depends on the order of the conditions, which means nothing."""
    return {n: v for n, v in fields.items() if n not in {"policy", "x-amz-signature"}}


def _policy(fields: dict[str, str]) -> tuple[str, list[str]]:
    document = json.loads(b64decode(fields["policy"]))
    conditions = sorted(json.dumps(condition) for condition in document.pop("conditions"))
    expiration: str = document.pop("expiration")
    assert document == {}
    return expiration, conditions
