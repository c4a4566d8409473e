"""Forms that are refused before their token is looked at."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

import pytest

from service.protocols.sts.request import MAX_FORM_BYTES
from tests.protocols.sts.harness import assume, make_form, make_sts_settings, refusal, text_of
from tests.support.app import API_KEY, run_app
from tests.support.waiting import until

ARABIC_ZERO: Final = "\N{ARABIC-INDIC DIGIT ZERO}"
FORM: Final = urlencode(make_form())
TYPE: Final = "application/x-www-form-urlencoded"
INVALID: Final = (400, "InvalidParameterValue", "Sender")
MALFORMED: Final = (400, "ValidationError", "Sender")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Action", "GetCallerIdentity"),
        ("Action", "AssumeRole"),
        ("Action", "assumerolewithwebidentity"),
        ("Action", None),
        ("Version", "2010-05-08"),
        ("Version", None),
    ],
)
async def test_another_action_says_what_is_answered(name: str, value: str | None) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await assume(client, **{name: value, "WebIdentityToken": None})
    assert refusal(answer) == (400, "InvalidAction", "Sender")
    assert "presign answers AssumeRoleWithWebIdentity" in (text_of(answer, "Message") or "")


@pytest.mark.parametrize("name", ["Policy", "PolicyArns.member.1.arn", "PolicyArns", "ProviderId"])
async def test_what_would_change_the_credentials_is_refused(name: str) -> None:
    async with run_app(make_sts_settings()) as client:
        assert refusal(await assume(client, **{name: ""})) == INVALID


async def test_no_parameters_name_is_said_again() -> None:
    """A program that builds its form wrongly may have the token in a name."""
    async with run_app(make_sts_settings()) as client:
        assert refusal(await assume(client, **{f"PolicyArns{API_KEY}": ""})) == INVALID


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RoleArn", None),
        ("RoleArn", "demo"),
        ("RoleArn", "arn:aws:iam::1:role/demo"),
        ("RoleArn", "arn:aws:iam::000000000000:role/"),
        ("RoleArn", "arn:aws:iam::000000000000:role/a/demo"),
        ("RoleArn", "arn:aws:iam::000000000000:role/demo\n"),
        ("RoleArn", f"arn:aws:iam::000000000000:role/{'a' * 256}"),
        ("RoleArn", f"arn:aws:iam::{ARABIC_ZERO * 12}:role/demo"),
        ("RoleSessionName", None),
        ("RoleSessionName", "a"),
        ("RoleSessionName", "a" * 65),
        ("RoleSessionName", "a b"),
        ("RoleSessionName", "ab\n"),
        ("DurationSeconds", "899"),
        ("DurationSeconds", "43201"),
        ("DurationSeconds", "1e3"),
        ("DurationSeconds", "-900"),
        ("DurationSeconds", ""),
        ("DurationSeconds", f"9{ARABIC_ZERO * 2}"),
        ("DurationSeconds", "9" * 5000),
    ],
)
async def test_a_malformed_parameter_is_refused(name: str, value: str | None) -> None:
    async with run_app(make_sts_settings()) as client:
        assert refusal(await assume(client, **{name: value})) == MALFORMED


@pytest.mark.parametrize("seconds", ["900", "3600", "43200"])
async def test_a_duration_changes_nothing(seconds: str) -> None:
    async with run_app(make_sts_settings()) as client:
        assert (await assume(client, DurationSeconds=seconds)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        FORM.encode("utf-16"),
        f"{FORM}&Action=AssumeRoleWithWebIdentity".encode(),
        f"{FORM}&%41ction=x".encode(),
        f"{FORM}&x=%ff".encode(),
        f"{FORM}&x=\xe9".encode("latin-1"),
        (FORM + "".join(f"&p{i}=1" for i in range(16))).encode(),
        f"{FORM}&&".encode(),
        f"{FORM}&novalue".encode(),
    ],
)
async def test_what_is_no_form_is_refused(body: bytes) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await client.post("/sts", content=body, headers={"Content-Type": TYPE})
    assert refusal(answer) == INVALID


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "application/json", "multipart/form-data; boundary=x", "text/plain"),
        *(f"{TYPE}; charset=iso-8859-1", f"{TYPE}; boundary=x", f"{TYPE},{TYPE}"),
    ],
)
async def test_another_content_type_is_refused(content_type: str) -> None:
    async with run_app(make_sts_settings()) as client:
        headers = {"Content-Type": content_type}
        assert refusal(await client.post("/sts", content=FORM, headers=headers)) == INVALID


@pytest.mark.parametrize("charset", ["; charset=utf-8", ";charset=UTF-8", '; charset="utf-8"'])
async def test_utf_8_is_accepted(charset: str) -> None:
    async with run_app(make_sts_settings()) as client:
        headers = {"Content-Type": f"{TYPE}{charset}"}
        assert (await client.post("/sts", content=FORM, headers=headers)).status_code == 200


async def test_a_compressed_form_is_refused() -> None:
    async with run_app(make_sts_settings()) as client:
        headers = {"Content-Type": TYPE, "Content-Encoding": "gzip"}
        assert refusal(await client.post("/sts", content=FORM, headers=headers)) == INVALID


@pytest.mark.parametrize("query", ["x=1", FORM, "Action=AssumeRoleWithWebIdentity"])
async def test_a_query_is_refused(query: str) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await client.post(f"/sts?{query}", data=make_form())
    assert refusal(answer) == INVALID
    assert "proxies log queries" in (text_of(answer, "Message") or "")


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
async def test_a_form_has_at_most_32_kib(more: int, status: int) -> None:
    body = f"{FORM}&x=".ljust(MAX_FORM_BYTES + more, "a")
    async with run_app(make_sts_settings()) as client:
        answer = await client.post("/sts", content=body, headers={"Content-Type": TYPE})
    assert answer.status_code == status
    if status == 413:
        assert refusal(answer) == (413, "InvalidParameterValue", "Sender")


async def test_forms_that_do_not_end_leave_room_for_callers() -> None:
    """All unknown clients together count as one caller, and a form that is there needs no room."""
    never = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"Action="
        await never.wait()

    async with run_app(make_sts_settings(server={"max_in_flight": 16})) as client:
        headers = {"Content-Type": TYPE}
        waiting = [
            asyncio.ensure_future(client.post("/sts", content=endless(), headers=headers))
            for _ in range(8)
        ]
        await until(lambda: sum(task.done() for task in waiting) == 4)  # no room for a fifth
        assert (await assume(client)).status_code == 200
        answer = await client.post("/v1/download-urls", json={"bucket": "demo", "key": "a/b"})
        assert answer.status_code == 200
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
