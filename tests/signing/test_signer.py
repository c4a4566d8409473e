"""A Signer's caches change no signature, are bounded, and show no secrets."""

import hmac
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.signing import sigv4
from service.signing.actions import (
    Action,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.multipart_actions import CreateMultipartUpload, UploadPart
from service.signing.signer import MAX_EXPIRES_IN, Address, Signable, Signer, encode_key
from service.signing.sigv4 import Credentials, SigningState
from tests.signing.strategies import KEYS, OBJECT_ACTIONS
from tests.support.examples import examples

SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN: Final = "FwoGZXIvYXdzEXAMPLE+/token=="
CREDENTIALS: Final = Credentials(
    access_key_id="ASIAEXAMPLE", secret_access_key=SECRET, session_token=TOKEN
)
ADDRESS: Final = Address(
    scheme="https", host="bkt.s3.eu-west-1.amazonaws.com", path_prefix="/", region="eu-west-1"
)
MIDNIGHT: Final = 1_709_251_200  # 2024-03-01T00:00:00Z
ALPHABET: Final = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)


def plain_url(
    action: Action, key: str, *, now: int, expires_in: int, tag: str | None = None
) -> str:
    """Return the URL by the step functions, without any cache."""
    timestamp = sigv4.amz_date(now)
    scope = sigv4.credential_scope(timestamp[:8], "eu-west-1", "s3")
    headers = {"host": ADDRESS.host, **action.headers()}
    proof = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{CREDENTIALS.access_key_id}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires_in),
        "X-Amz-SignedHeaders": sigv4.signed_headers(headers),
        "X-Amz-Security-Token": TOKEN,
        **({} if tag is None else {"x-presign-id": tag}),
    }
    query = sigv4.canonical_query([*action.query(), *proof.items()])
    path = f"/{sigv4.percent_encode(key, safe='/')}"
    request = sigv4.canonical_request(action.METHOD, path, query, headers, "UNSIGNED-PAYLOAD")
    string = sigv4.string_to_sign(timestamp, scope, request)
    signing_key = sigv4.signing_key(SECRET, timestamp[:8], "eu-west-1", "s3")
    signature = hmac.digest(signing_key, string.encode(), "sha256").hex()
    return f"{ADDRESS.origin}{path}?{query}&X-Amz-Signature={signature}"


def check(signer: Signer, requests: Sequence[tuple[Action, str, int, int]]) -> None:
    for action, key, now, expires_in in requests:
        url = signer.presign(action, key, now=now, expires_in=expires_in)
        assert url == plain_url(action, key, now=now, expires_in=expires_in)


@pytest.fixture
def signer() -> Signer:
    return Signer(CREDENTIALS, ADDRESS)


@examples(150)
@given(
    pool=st.lists(OBJECT_ACTIONS, min_size=1, max_size=3),
    picks=st.lists(
        st.tuples(
            st.integers(0, 2), KEYS, st.integers(MIDNIGHT - 2, MIDNIGHT + 1), st.integers(1, 3)
        ),
        max_size=12,
    ),
)
def test_any_order_of_requests_is_signed_correctly(
    pool: list[Action], picks: list[tuple[int, str, int, int]]
) -> None:
    """Times go back and forth over midnight, so each cache is hit, missed and outdated."""
    requests = [(pool[n % len(pool)], key, now, expires) for n, key, now, expires in picks]
    check(Signer(CREDENTIALS, ADDRESS), requests)


_DAYS: Final = [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT - 1, MIDNIGHT + 86_400, MIDNIGHT]
_EMPTY: Final[list[Action]] = [GetObject(), HeadObject(), DeleteObject(), GetObject()]


@pytest.mark.parametrize(
    "requests",
    [
        [(GetObject(), "a", now, 60) for now in _DAYS],
        [(GetObject(), "a", MIDNIGHT, expires_in) for expires_in in (1, MAX_EXPIRES_IN, 1, 900)],
        [(action, "a", MIDNIGHT, 60) for action in _EMPTY],
        [(GetObject(version_id=str(n)), "a b", MIDNIGHT, 60) for n in range(300)] * 2,
    ],
    ids=["days", "lifetimes", "equal fields", "more than are cached"],
)
def test_caches_do_not_change_signatures(
    signer: Signer, requests: list[tuple[Action, str, int, int]]
) -> None:
    check(signer, requests)


def test_the_signing_key_is_derived_once_a_day(signer: Signer) -> None:
    assert signer.state("20240301") is signer.state("20240301")
    assert signer.state("20240302") is not signer.state("20240301")


def test_a_tag_is_only_in_its_own_url(signer: Signer) -> None:
    action = GetObject()
    for tag in ("one", None, "two", "one"):
        url = signer.presign(action, "a", now=MIDNIGHT, expires_in=60, tag=tag)
        assert url == plain_url(action, "a", now=MIDNIGHT, expires_in=60, tag=tag)


def test_the_contexts_are_bounded_and_last_a_second(signer: Signer) -> None:
    for n in range(300):
        signer.presign(GetObject(version_id=str(n)), "a", now=MIDNIGHT, expires_in=60)
    assert len(signer._contexts) == 64
    signer.presign(GetObject(), "a", now=MIDNIGHT + 1, expires_in=60)
    assert len(signer._contexts) == 1


def test_a_repeated_request_is_rendered_once(signer: Signer) -> None:
    action = GetObject()
    first = signer.context(action, now=MIDNIGHT, expires_in=60)
    assert signer.context(action, now=MIDNIGHT, expires_in=60) is first
    assert signer.context(action, now=MIDNIGHT, expires_in=61) is not first
    assert signer.context(action, now=MIDNIGHT, expires_in=60, tag="t") is not first


LONG: Final = "x" * 4096


@pytest.mark.parametrize(
    "action",
    [
        UploadPart(upload_id="u", part_number=1, content_length=5),
        GetObject(content_disposition=LONG),
        PutObject(content_length=5),
        CreateMultipartUpload(),
    ],
    ids=["a part", "long in its query", "an upload", "an upload in parts"],
)
def test_a_context_that_is_seldom_used_again_is_not_cached(
    signer: Signer, action: Signable
) -> None:
    signer.presign(action, "a", now=MIDNIGHT, expires_in=60)
    assert len(signer._contexts) == 0


def test_a_list_addresses_the_bucket_without_a_slash(signer: Signer) -> None:
    within = Address(scheme="https", host="h", path_prefix="/bkt/", region="eu-west-1")
    for its, action, key, start in (
        (Signer(CREDENTIALS, within), ListObjects(prefix="a/"), "", "https://h/bkt?"),
        (Signer(CREDENTIALS, within), GetObject(), "a", "https://h/bkt/a?"),
        (signer, ListObjects(prefix="a/"), "", f"{ADDRESS.origin}/?"),
    ):
        url = its.presign(action, key, now=MIDNIGHT, expires_in=60)
        assert url.startswith(f"{start}X-Amz-Algorithm=")


@examples(300)
@given(key=st.binary(max_size=64), messages=st.lists(ALPHABET, min_size=1, max_size=3))
def test_a_signing_state_is_a_reusable_hmac(key: bytes, messages: list[str]) -> None:
    state = SigningState(key)
    for message in messages:
        assert state.signature(message) == hmac.digest(key, message.encode(), "sha256").hex()


@examples(500)
@given(key=KEYS | st.text("abcXYZ019-._~/", max_size=30))
def test_all_keys_are_percent_encoded(key: str) -> None:
    assert encode_key(key) == sigv4.percent_encode(key, safe="/")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("plain/key-._~.txt", "plain/key-._~.txt"),
        ("/lead//double/", "/lead//double/"),
        ("a b+c", "a%20b%2Bc"),
        ("50%/%2F", "50%25/%252F"),
        ("'()*!~?#&=;:@$,", "%27%28%29%2A%21~%3F%23%26%3D%3B%3A%40%24%2C"),
        ("\u00e9", "%C3%A9"),
        ("e\u0301", "e%CC%81"),
        ("line\n", "line%0A"),
        ("\U0001f600", "%F0%9F%98%80"),
    ],
)
def test_a_key_is_encoded_once_except_slashes(key: str, path: str) -> None:
    assert encode_key(key) == path


def test_no_repr_has_secrets(signer: Signer) -> None:
    context = signer.context(GetObject(), now=MIDNIGHT, expires_in=60)
    shown = f"{CREDENTIALS!r} {signer!r} {context!r} {context.state!r}"
    key = sigv4.signing_key(SECRET, "20240301", "eu-west-1", "s3")
    for secret in (SECRET, TOKEN, sigv4.percent_encode(TOKEN), key.hex(), repr(key)):
        assert secret not in shown


def test_the_repr_of_credentials_has_only_the_key_id() -> None:
    assert repr(CREDENTIALS) == "Credentials(access_key_id='ASIAEXAMPLE')"
