"""Tokens of Cloudflare R2: the page's own example, and what a session says of itself."""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any, Final, get_args
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from service.access.grants import Grant, Operation
from service.access.r2_rights import session_rights
from service.sessions.history import History
from service.sessions.r2_tokens import R2Address, R2Tokens
from service.sessions.session import Session
from service.sessions.source import SessionRefused, session_name
from service.signing.actions import (
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    ListObjectVersions,
    PutObject,
)
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    UploadPart,
    UploadPartOfUnknownLength,
)
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import MAX_EXPIRES_IN, Address, Signable
from service.signing.sigv4 import Credentials
from tests.support.r2_store import ACCOUNT, PARENT_KEY_ID, PARENT_SECRET
from tests.support.virtual_time import CLOCK_START, FakeClock

HOST: Final = f"{ACCOUNT}.r2.cloudflarestorage.com"
RIGHTS: Final = (
    '[{"scope":"object-read-only","actions":["GetObject","HeadObject"],'
    '"paths":{"prefixPaths":["a/"],"objectPaths":["one.txt"]}}]'
)
ADDRESS: Final = Address(scheme="https", host=HOST, path_prefix="/acme-media/", region="auto")
NOW: Final = int(CLOCK_START) + 1000
NOBODYS: Final = "presign-signs-nothing-with-this"
OWNER: Final = (None, "portal")
PAYLOAD: Final = (
    '{"bucket":"acme-media","scope":"object-read-only","actions":["GetObject","HeadObject"],'
    '"paths":{"prefixPaths":["a/"],"objectPaths":["one.txt"]},'
    f'"sub":"{ACCOUNT}","iss":"{PARENT_KEY_ID}","aud":"{HOST}",'
    f'"iat":{int(CLOCK_START)},"exp":{int(CLOCK_START) + 3600}}}'
)


def source(secret: str = PARENT_SECRET, host: str = HOST) -> R2Tokens:
    async def read() -> Credentials:
        return Credentials(access_key_id=PARENT_KEY_ID, secret_access_key=secret)

    address = R2Address(bucket="acme-media", account_id=ACCOUNT, host=host)
    return R2Tokens(read, address, 3600, FakeClock())


def token_of(session: Session) -> str:
    return b64decode(session.credentials.session_token or "").decode().removeprefix("jwt/")


def part(token: str, number: int) -> str:
    text = token.split(".")[number]
    return b64decode(text + "=" * (-len(text) % 4), altchars="-_").decode()


async def test_a_token_is_that_of_the_pages_example() -> None:
    session = await source().fetch(OWNER, RIGHTS, vended=True)
    token = token_of(session)
    assert part(token, 0) == '{"alg":"HS256","typ":"JWT"}'
    assert part(token, 1) == PAYLOAD
    assert jwt.decode(token, PARENT_SECRET, ["HS256"], audience=HOST, options={"verify_exp": False})


async def test_credentials_follow_from_the_token() -> None:
    session = await source().fetch(OWNER, RIGHTS)
    credentials = session.credentials
    assert credentials.access_key_id == PARENT_KEY_ID
    assert credentials.secret_access_key == sha256(token_of(session).encode()).hexdigest()
    assert b64decode(credentials.session_token or "").startswith(b"jwt/")
    assert (session.starts_at, session.length) == (int(CLOCK_START), 3600)
    assert session.name == session_name(OWNER)


async def test_a_program_gets_a_token_for_half_an_hour_at_least() -> None:
    tokens = source()
    tokens.length = 900.0
    assert (await tokens.fetch(OWNER, RIGHTS)).length == 900
    vended = await tokens.fetch(OWNER, RIGHTS, vended=True)
    assert (vended.length, vended.name) == (1800, session_name(OWNER, vended=True))


async def test_a_token_without_rights_is_never_signed() -> None:
    with pytest.raises(SessionRefused) as refused:
        await source().fetch(OWNER, None)
    assert refused.value.permanent


async def test_a_secret_that_is_too_short_signs_nothing() -> None:
    with pytest.raises(SessionRefused, match="too short") as refused:
        await source(secret="s3cret-in-file").fetch(OWNER, RIGHTS)
    assert "s3cret-in-file" not in str(refused.value)


async def test_nothing_shows_the_parents_secret() -> None:
    session = await source().fetch(OWNER, RIGHTS)
    shown = f"{session!r} {session.members()} {session.credentials!r} {token_of(session)}"
    assert PARENT_SECRET not in shown + json.dumps(part(token_of(session), 1))
    assert str(session.credentials.session_token) not in repr(session)


def claims_of_url(url: str) -> dict[str, Any]:
    token = parse_qs(urlsplit(url).query)["X-Amz-Security-Token"][0]
    text = b64decode(token).decode().removeprefix("jwt/")
    found: dict[str, Any] = json.loads(part(text, 1))
    return found


async def test_a_url_has_a_token_of_its_own() -> None:
    signer = (await source().fetch(OWNER, RIGHTS)).signer(ADDRESS)
    url = signer.presign(GetObject(), "a/ü b", now=NOW, expires_in=300)
    assert claims_of_url(url) == {
        "bucket": "acme-media",
        "scope": "object-read-only",
        "actions": ["GetObject"],
        "paths": {"objectPaths": ["a/ü b"]},
        "sub": ACCOUNT,
        "iss": PARENT_KEY_ID,
        "aud": HOST,
        "iat": NOW - 60,
        "exp": NOW + 300,
    }
    context = signer.context(GetObject(), now=NOW, expires_in=300)
    assert context.urls(["a/%C3%BC%20b"]) == [url]
    assert context.url("one.txt") != url


SIGNED: Final[list[tuple[Signable, str]]] = [
    (GetObject(), "GetObject"),
    (HeadObject(), "HeadObject"),
    (DeleteObject(), "DeleteObject"),
    (ListObjects(prefix="a/"), "ListObjectsV2"),
    (PutObject(content_length=1), "PutObject"),
    (RedirectedPut(content_length=1), "PutObject"),
    (CopyObject(source=CopySource(bucket="acme-media", key="a/y")), "CopyObject"),
    (CreateMultipartUpload(), "CreateMultipartUpload"),
    (UploadPart(upload_id="u", part_number=1, content_length=1), "UploadPart"),
    (UploadPartOfUnknownLength(upload_id="u", part_number=1), "UploadPart"),
    (ListParts(upload_id="u"), "ListParts"),
    (CompleteMultipartUpload(upload_id="u", content_length=1), "CompleteMultipartUpload"),
    (AbortMultipartUpload(upload_id="u"), "AbortMultipartUpload"),
]


@pytest.mark.parametrize(("action", "name"), SIGNED)
async def test_each_action_has_its_name_at_r2(action: Signable, name: str) -> None:
    everything = Grant(bucket="media", prefix="a/", allow=frozenset(Operation))
    session = await source().fetch(OWNER, session_rights([everything]))
    url = session.signer(ADDRESS).presign(action, "a/x", now=NOW, expires_in=300)
    assert claims_of_url(url)["actions"][0] == name


def test_no_action_is_forgotten() -> None:
    versions = {ListObjectVersions}  # R2 keeps none
    assert {type(action) for action, _ in SIGNED} == {*get_args(Signable)} - versions


async def test_no_token_lasts_longer_than_r2_allows() -> None:
    signer = (await source().fetch(OWNER, RIGHTS)).signer(ADDRESS)
    url = signer.presign(GetObject(), "a/x", now=NOW, expires_in=MAX_EXPIRES_IN)
    claims = claims_of_url(url)
    assert claims["exp"] - claims["iat"] == MAX_EXPIRES_IN


@pytest.mark.parametrize(
    ("action", "key"),
    [(GetObject(), "b/x"), (DeleteObject(), "a/x"), (ListObjects(prefix="a/"), "")],
)
async def test_a_token_beyond_the_sessions_rights_allows_nothing(
    action: Signable, key: str
) -> None:
    signer = (await source().fetch(OWNER, RIGHTS)).signer(ADDRESS)
    claims = claims_of_url(signer.presign(action, key, now=NOW, expires_in=300))
    assert claims["actions"] == ["HeadObject"]
    assert claims["paths"] == {"objectPaths": [NOBODYS]}


async def test_only_a_programs_session_has_a_token_with_rights() -> None:
    own = json.loads(part(token_of(await source().fetch(OWNER, RIGHTS)), 1))
    assert own["paths"] == {"objectPaths": [NOBODYS]}
    vended = await source().fetch(OWNER, RIGHTS, vended=True)
    assert json.loads(part(token_of(vended), 1))["paths"]["prefixPaths"] == ["a/"]
    url = vended.signer(ADDRESS).presign(GetObject(), "a/x", now=NOW, expires_in=300)
    assert claims_of_url(url)["paths"] == {"objectPaths": [NOBODYS]}


async def test_a_session_knows_what_its_parent_signed() -> None:
    history, session = History(FakeClock()), await source().fetch(OWNER, RIGHTS)
    history.remember("media", OWNER, session)
    found = history.find(PARENT_KEY_ID, "media", OWNER)
    assert found is session
    url = session.signer(ADDRESS).presign(GetObject(), "a/x", now=NOW, expires_in=300)
    token = parse_qs(urlsplit(url).query)["X-Amz-Security-Token"][0]
    signed = found.that_signed(token)
    assert signed is not None
    assert signed.credentials.session_token == token
    changed = b64encode(b64decode(token)[:-4] + b"AAAA").decode()
    for other in (None, "", "é", "no base64", token[:-8], changed):
        assert found.that_signed(other) is None
    elsewhere = await source(host="proxy.test:8443").fetch(OWNER, RIGHTS)
    assert elsewhere.that_signed(token) is None
