"""What limits of a grant and shared sessions mean for signatures."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.protocols.remote_signing.harness import (
    ALLOW,
    BODY,
    PATH_STYLE,
    SIGN,
    UPLOAD,
    Harness,
    make_body,
    one_each,
    signed_names,
    start_harness,
)
from tests.support.app import make_open_grant
from tests.support.pool import FakeSources
from tests.support.virtual_time import in_virtual_time, loop_clock


@pytest.fixture(name="harness")
async def _harness() -> AsyncIterator[Harness]:
    async with start_harness() as harness:
        yield harness


LIMITED: Final = make_open_grant(
    prefix="wh/",
    allow=["upload", "sign"],
    max_content_length=5,
    content_types=["text/csv"],
    allow_overwrite=False,
)
NEW: Final = UPLOAD | {"If-None-Match": ["*"]}


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        (NEW, 200, ""),
        (NEW | {"Content-Length": ["6"]}, 403, "Your grant allows at most 5 bytes."),
        (UPLOAD, 403, "Your grant does not allow overwriting."),
        ({"If-None-Match": ["*"]}, 400, "Your grant allows at most 5 bytes. Send Content-Length."),
        (
            {"If-None-Match": ["*"], "Content-Length": ["5"]},
            400,
            "Your grant allows these types: text/csv. Give one.",
        ),
        (NEW | {"Content-Type": ["a/b"]}, 403, "Your grant allows these types: text/csv."),
    ],
)
async def test_limits_hold_for_what_is_signed(
    headers: dict[str, list[str]], status: int, message: str
) -> None:
    async with start_harness(LIMITED) as harness:
        answer = await harness.ask("PUT", headers=headers)
        assert answer.status_code == status, answer.text
        assert status == 200 or answer.json()["error"]["message"] == message


@pytest.mark.parametrize("limit", [{"max_content_length": 5}, {"content_types": ["text/csv"]}])
async def test_a_copy_has_neither_size_nor_type(limit: dict[str, Any]) -> None:
    grant = make_open_grant(prefix="wh/", allow=["upload", "download", "sign"], **limit)
    async with start_harness(grant) as harness:
        sent = UPLOAD | {"x-amz-copy-source": ["demo/wh/b"]}
        assert (await harness.refusal("PUT", headers=sent))[0] == 400


async def test_a_copy_overwrites_whatever_its_condition(harness: Harness) -> None:
    """Some stores ignore the condition of a copy."""
    sent = one_each(x_amz_copy_source="demo/wh/b", If_None_Match="*")
    assert "Authorization" in await harness.sign("PUT", headers=sent)
    grant = make_open_grant(prefix="wh/", allow=ALLOW, allow_overwrite=False)
    async with start_harness(grant) as creating:
        refused = await creating.refusal("PUT", headers=sent)
        assert refused == (403, "Your grant does not allow overwriting.")


@pytest.mark.parametrize("condition", [{}, {"If-None-Match": ["*"]}])
async def test_a_completion_overwrites_only_if_granted(condition: dict[str, list[str]]) -> None:
    grant = make_open_grant(prefix="wh/", allow=ALLOW, allow_overwrite=False)
    async with start_harness(grant) as harness:
        answer = await harness.ask("POST", "wh/a?uploadId=u", headers=condition)
        assert answer.status_code == (200 if condition else 403)


async def test_create_only_needs_a_store_that_has_it() -> None:
    async with start_harness(conditional_writes=False) as harness:
        assert (await harness.refusal("PUT", headers={"If-None-Match": ["*"]}))[0] == 400
        assert "Authorization" in await harness.sign("PUT")


async def test_a_copy_is_a_download_and_an_upload(harness: Harness) -> None:
    sent = one_each(x_amz_copy_source="/demo/wh/caf%C3%A9")
    assert "x-amz-copy-source" in signed_names(await harness.sign("PUT", headers=sent))
    assert harness.audit_lines[-1]["keys"] == ["wh/a", "wh/caf\u00e9"]
    async with start_harness(
        make_open_grant(prefix="wh/", allow=["upload", "sign"]),
        make_open_grant(prefix="wh/", allow=["download"]),
    ) as without:
        assert (await without.refusal("PUT", headers=sent))[0] == 403


@in_virtual_time
async def test_only_copies_are_signed_by_the_session_for_copies() -> None:
    source, part = one_each(x_amz_copy_source="demo/wh/b"), "wh/a?partNumber=1&uploadId=u"
    more = {"open_sources": FakeSources().open, "clock": loop_clock()}
    async with start_harness(more=more) as harness:
        others = [await harness.sign(), await harness.sign("PUT", headers=UPLOAD)]
        others.append(await harness.sign("PUT", part, headers=one_each(Content_Length="5")))
        copies = [await harness.sign("PUT", key, headers=source) for key in ("wh/a", part)]
    (of_others,), (of_copies,) = ({*map(key_id, each)} for each in (others, copies))
    assert of_others != of_copies


def key_id(headers: Mapping[str, str]) -> str:
    return headers["Authorization"].partition("Credential=")[2].partition("/")[0]


async def test_a_copy_without_room_in_its_policy_is_refused() -> None:
    many = [make_open_grant(prefix=f"{'x' * 60}{n}/", allow=ALLOW) for n in range(30)]
    async with start_harness(*many) as crowded:
        sent = one_each(x_amz_copy_source=f"demo/{many[0]['prefix']}b")
        refused = await crowded.refusal("PUT", f"{many[0]['prefix']}a", headers=sent)
        assert refused[0] == 400
        assert refused[1].startswith("No session may read this source and write the copy.")


async def test_encryption_of_the_bucket_is_added() -> None:
    async with start_harness(encryption={"algorithm": "AES256"}) as harness:
        name = "x-amz-server-side-encryption"
        for method, key in (("PUT", "wh/a"), ("POST", "wh/a?uploads")):
            headers = await harness.sign(method, key)
            assert headers[name] == "AES256"
            assert name in signed_names(headers)
        sent = await harness.sign("PUT", headers={name: ["AES256"]})
        assert name in signed_names(sent)
        assert name not in sent
        assert (await harness.refusal("PUT", headers={name: ["aws:kms"]}))[0] == 400
        assert name not in await harness.sign("PUT", "wh/a?partNumber=1&uploadId=u")


async def test_the_hash_of_a_deletions_body_is_signed(harness: Harness) -> None:
    headers = await harness.sign("POST", "?delete", body=BODY)
    assert headers["x-amz-content-sha256"] == hashlib.sha256(BODY.encode()).hexdigest()
    assert harness.audit_lines[-1]["keys"] == ["wh/a", "wh/b"]
    assert harness.audit_lines[-1]["action"] == "DeleteObjects"


async def test_a_deletion_without_body_is_left_to_the_session(harness: Harness) -> None:
    """PyIceberg sends no body; the session's own policy allows to delete below `wh/` only."""
    headers = await harness.sign("POST", "?delete")
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert harness.audit_lines[-1]["keys"] == []


@pytest.mark.parametrize(
    ("body", "sent", "status"),
    [
        (BODY, None, 200),
        (BODY, hashlib.sha256(BODY.encode()).hexdigest(), 200),
        (BODY, "0" * 64, 400),
        (BODY, "UNSIGNED-PAYLOAD", 400),
        (BODY, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 400),
        (None, None, 400),
        (None, "0" * 64, 400),
    ],
)
async def test_a_shared_session_deletes_only_what_was_read(
    body: str | None, sent: str | None, status: int
) -> None:
    headers = {} if sent is None else {"x-amz-content-sha256": [sent]}
    async with start_harness(scoped_sessions=False) as harness:
        answer = await harness.ask("POST", "?delete", headers=headers, body=body)
        assert answer.status_code == status, answer.text


async def test_a_shared_session_signs_no_deletion_of_many_at_another_store() -> None:
    """It may take another body than the one whose hash is signed: SeaweedFS does."""
    store = "https://store.example"
    async with start_harness(endpoint_url=store, scoped_sessions=False) as harness:
        status, message = await harness.refusal("POST", "?delete", body=BODY)
        assert (status, "one by one" in message) == (400, True)
        assert "Authorization" in await harness.sign("DELETE")


@pytest.mark.parametrize("sent", ["UNSIGNED-PAYLOAD", "0" * 64])
async def test_keys_that_the_store_may_not_get_are_not_audited(harness: Harness, sent: str) -> None:
    headers = {"x-amz-content-sha256": [sent]}
    assert "Authorization" in await harness.sign("POST", "?delete", headers=headers, body=BODY)
    assert harness.audit_lines[-1]["keys"] == []
    foreign = BODY.replace("wh/b", "other/b")
    assert (await harness.refusal("POST", "?delete", headers=headers, body=foreign))[0] == 403


async def test_a_thousand_keys_are_judged_one_by_one(harness: Harness) -> None:
    def body(*keys: str) -> str:
        return f"<Delete>{''.join(f'<Object><Key>{key}</Key></Object>' for key in keys)}</Delete>"

    many = [f"wh/{'k' * 900}{n}" for n in range(1000)]
    assert "Authorization" in await harness.sign("POST", "?delete", body=body(*many))
    assert (await harness.refusal("POST", "?delete", body=body(*many[1:], "other/a")))[0] == 403


async def test_a_body_over_its_bound_is_refused_unread(harness: Harness) -> None:
    body = make_body("POST", "?delete", body="x" * 2 * 1024**2)
    answer = await harness.client.post(SIGN, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 413)


async def test_a_body_that_is_no_json_is_refused(harness: Harness) -> None:
    answer = await harness.client.post(SIGN, content=b'{"uri": evil')
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "BadRequestException")
    assert "evil" not in answer.text


async def test_a_host_that_begins_like_the_bucket_is_no_virtual_one() -> None:
    """Its store would read the bucket's name at the start of the key."""
    address = replace(PATH_STYLE, host="demo.store.test:9000")
    more = {"addresses": dict.fromkeys(("demo", "closed"), address)}
    async with start_harness(more=more) as harness:
        assert "Authorization" in await harness.sign(uri="http://demo.store.test:9000/demo/wh/a")
        uri = "http://store.test:9000/demo/demo/wh/a"
        assert (await harness.refusal(uri=uri))[0] == 400


@pytest.mark.parametrize(
    ("uri", "is_shared"),
    [
        ("http://store.test:9000/demo/wh/a", True),
        ("http://store.test:9000/demo?list-type=2&prefix=wh%2F", True),
        ("http://demo.store.test:9000/wh/a", False),
        ("http://inner.test/demo/wh/a", True),
    ],
)
async def test_a_shared_session_signs_in_the_style_of_the_store_only(
    uri: str, *, is_shared: bool
) -> None:
    """A store without virtual hosts reads the path of one as another bucket and key."""
    inner = replace(PATH_STYLE, host="inner.test")
    address = replace(PATH_STYLE, internal=inner)
    more = {"addresses": dict.fromkeys(("demo", "closed"), address)}
    async with start_harness(more=more) as harness:
        assert "Authorization" in await harness.sign(uri=uri)
    async with start_harness(more=more, scoped_sessions=False) as harness:
        assert ((await harness.ask(uri=uri)).status_code == 200) is is_shared
