"""Nobody is answered before what was decided stands in the trail, and nobody if it cannot."""

import asyncio
import json
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.presigning.audit_trail import AuditTrail
from service.presigning.requests import PresignRequest
from service.sessions.attempts import ATTEMPT_SECONDS
from service.signing.actions import DeleteObject, GetObject, ListObjects
from tests.presigning.house import (
    BOTH,
    NARROW,
    UPLOAD,
    House,
    a_form_ask,
    a_house,
    an_ask,
    refusal,
    signer_of,
    urls_of,
)
from tests.support.fakes import (
    REQUESTER,
    SECRET,
    TOKEN,
    WALL,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

FORM: Final = a_form_ask(key_prefix="in/")
MIXED: Final[list[PresignRequest | PresignError]] = [
    an_ask(key="a/1"),
    an_ask(key="x/2"),
    InvalidRequest("Malformed.", pointer="#/key"),
    an_ask(key="a/3"),
    an_ask(replace(UPLOAD, content_length=101), key="a/4"),
    an_ask(bucket="photos", key="5"),
]


def told(house: House) -> list[dict[str, Any]]:
    return [json.loads(line) for line in house.audit_trail]


def decisions(house: House) -> list[tuple[str, str | None, list[str]]]:
    return [(line["decision"], line.get("reason"), line["keys"]) for line in told(house)]


@in_virtual_time
async def test_an_answer_is_told_with_who_signed_it_and_for_how_long() -> None:
    house = a_house(a_snapshot(a_grant(max_expires_in=60)))
    signed = await house.presigner.presign(REQUESTER, an_ask(expires_in=600))
    [line] = told(house)
    assert (line["decision"], line["keys"], line["bucket"]) == ("allowed", ["a/b"], "reports")
    assert (line["expires_in_asked"], line["expires_in"]) == (600, 60)
    assert line["access_key_id"] == signer_of(signed.url)
    assert line["session_name"] == house.source.given[0].name
    assert (line["s3_bucket"], line["subject"]) == ("acme-reports", "billing")
    assert (line["request_id"], line["client"]) == ("request-1", "192.0.2.1")


@in_virtual_time
async def test_a_list_is_told_by_its_prefix_though_the_bucket_is_signed() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(REQUESTER, an_ask(ListObjects(prefix="a/"), key="a/"))
    assert decisions(house) == [("allowed", None, ["a/"])]


@in_virtual_time
async def test_a_form_is_told_by_the_key_that_was_made_for_it() -> None:
    house = a_house(a_snapshot(a_grant()))
    form = await house.presigner.presign_form(REQUESTER, FORM)
    assert form.key == "in/id1/${filename}"
    assert decisions(house) == [("allowed", None, [form.key])]


REFUSED = [
    pytest.param(an_ask(key="x/b"), Forbidden, id="another key"),
    pytest.param(an_ask(DeleteObject()), Forbidden, id="another operation"),
    pytest.param(an_ask(bucket="photos"), Forbidden, id="another's bucket"),
    pytest.param(an_ask(bucket="none"), Forbidden, id="no bucket"),
    pytest.param(an_ask(key=""), InvalidRequest, id="no key"),
    pytest.param(an_ask(key="a/\n"), InvalidRequest, id="a control character"),
    pytest.param(an_ask(GetObject(version_id="1")), LimitExceeded, id="a version"),
    pytest.param(an_ask(min_expires_in=3596), LifetimeUnavailable, id="too long a life"),
]


@pytest.mark.parametrize(("ask", "error"), REFUSED)
@in_virtual_time
async def test_a_refusal_is_told_once_by_its_code(
    ask: PresignRequest, error: type[PresignError]
) -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    assert type(await refusal(house, ask)) is error
    assert decisions(house) == [("denied", error.code, [ask.key])]


@pytest.mark.parametrize(
    ("changes", "error", "key"),
    [
        ({"key": "a/k"}, CreateOnlyUnsupported, "a/k"),
        ({"key_prefix": "a/../"}, InvalidRequest, "a/../"),
        ({"key_prefix": "x/", "filename": "n"}, Forbidden, "x/id1/n"),
        ({"key_prefix": "a/", "filename": "a/b"}, InvalidRequest, "a/"),
    ],
)
@in_virtual_time
async def test_a_refused_form_is_told_by_the_key_as_far_as_it_was_made(
    changes: dict[str, Any], error: type[PresignError], key: str
) -> None:
    house = a_house(a_snapshot(NARROW))
    with pytest.raises(error):
        await house.presigner.presign_form(REQUESTER, a_form_ask(**changes))
    assert decisions(house) == [("denied", error.code, [key])]


@in_virtual_time
async def test_a_store_without_conditions_has_its_refusals_told_too() -> None:
    buckets = {"reports": a_bucket(conditional_writes=False)}
    house = a_house(a_snapshot(a_grant(), buckets=buckets))
    assert isinstance(await refusal(house, an_ask(UPLOAD)), CreateOnlyUnsupported)
    assert decisions(house) == [("denied", "create_only_unsupported", ["a/b"])]


@in_virtual_time
async def test_a_batch_is_one_line_a_decision_under_one_request() -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    await house.sign_batch(MIXED)
    assert [(line["bucket"], line["operation"]) for line in told(house)] == [
        ("reports", "download"),
        ("reports", "download"),
        ("reports", "upload"),
        ("photos", "download"),
    ]
    assert decisions(house) == [
        ("allowed", None, ["a/1", "a/3"]),
        ("denied", "forbidden", ["x/2"]),
        ("denied", "limit_exceeded", ["a/4"]),
        ("denied", "forbidden", ["5"]),
    ]
    assert [(line["part"], line["parts"]) for line in told(house)] == [(n, 4) for n in range(1, 5)]
    assert {line["request_id"] for line in told(house)} == {"request-1"}


@in_virtual_time
async def test_a_batch_tells_which_session_signed_for_which_bucket() -> None:
    snapshot = a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH)
    house = a_house(snapshot)
    house.sources["photos"].fault = OSError("no route")
    asks = [an_ask(), an_ask(bucket="photos"), an_ask(key="c")]
    first, _, _ = await house.sign_batch(asks)
    one, other = told(house)
    assert (one["keys"], one["access_key_id"]) == (["a/b", "c"], signer_of(*urls_of([first])))
    assert (other["s3_bucket"], other["reason"]) == ("acme-photos", "credentials_unavailable")


@in_virtual_time
async def test_the_time_is_when_it_was_decided_and_not_when_it_was_asked() -> None:
    house = a_house(a_snapshot(a_grant()), delay=2.5)
    await house.presigner.presign(REQUESTER, an_ask())
    assert house.clock.wall() == pytest.approx(WALL + 2.5, abs=0.01)
    assert told(house)[0]["time"] == "2026-01-01T00:00:02.500Z"


@in_virtual_time
async def test_who_waits_for_a_session_is_told_once_with_what_came_of_it() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = [
        asyncio.ensure_future(house.presigner.presign(REQUESTER, an_ask(key=str(n))))
        for n in range(3)
    ]
    await asyncio.sleep(0.5)
    assert house.audit_trail == []
    await asyncio.gather(*asked)
    assert sorted(decisions(house)) == [("allowed", None, [str(n)]) for n in range(3)]


@in_virtual_time
async def test_who_waits_in_vain_is_told_once_as_refused() -> None:
    house = a_house(a_snapshot(a_grant()))
    house.source.hangs = True
    error = await refusal(house, an_ask())
    assert isinstance(error, CredentialsUnavailable)
    assert house.clock.boot() >= ATTEMPT_SECONDS
    assert decisions(house) == [("denied", "credentials_unavailable", ["a/b"])]


@in_virtual_time
async def test_who_loses_the_grant_while_waiting_is_told_once_as_refused() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    one = asyncio.ensure_future(house.presigner.presign(REQUESTER, an_ask()))
    form = asyncio.ensure_future(house.presigner.presign_form(REQUESTER, FORM))
    batch = asyncio.ensure_future(house.sign_batch([an_ask(key="c")]))
    await asyncio.sleep(0.5)
    house.authorizer.snapshot = a_snapshot()
    await asyncio.gather(one, form, batch, return_exceptions=True)
    assert {each[:2] for each in decisions(house)} == {("denied", "forbidden")}
    keys = sorted(key for _, _, keys in decisions(house) for key in keys)
    assert keys == ["a/b", "c", "in/id1/${filename}"]


@in_virtual_time
async def test_a_batch_that_loses_its_grant_before_it_waits_is_told_as_refused() -> None:
    house = a_house(a_snapshot(a_grant()))
    asked = asyncio.ensure_future(house.sign_batch([an_ask()]))
    await asyncio.sleep(0)  # one turn: it is decided that it has to wait
    house.authorizer.snapshot = a_snapshot()
    [answer] = await asked
    assert isinstance(answer, Forbidden)
    assert decisions(house) == [("denied", "forbidden", ["a/b"])]


@in_virtual_time
async def test_who_goes_away_while_waiting_was_given_nothing_and_is_not_told() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = asyncio.ensure_future(house.presigner.presign(REQUESTER, an_ask()))
    await asyncio.sleep(0.5)
    asked.cancel()
    await asyncio.sleep(3)
    assert asked.cancelled()
    assert house.audit_trail == []


@in_virtual_time
async def test_a_line_is_written_before_the_answer_goes_out() -> None:
    """A caller who awaits an answer runs on only after the line stands."""
    house = a_house(a_snapshot(a_grant()))
    order: list[str] = []
    house.authorizer._audit_trail = AuditTrail(
        lambda lines: order.extend("line" for _ in lines), clock=house.clock
    )
    for answer in (
        lambda: house.presigner.presign(REQUESTER, an_ask()),
        lambda: house.presigner.presign_form(REQUESTER, FORM),
        lambda: house.sign_batch([an_ask()]),
    ):
        await answer()
        order.append("answer")
    assert order == ["line", "answer"] * 3


@in_virtual_time
async def test_the_trail_never_holds_a_signature_a_token_or_a_secret() -> None:
    house = a_house(a_snapshot(a_grant(allow_overwrite=True)))
    signed = await house.presigner.presign(REQUESTER, an_ask(UPLOAD))
    form = await house.presigner.presign_form(REQUESTER, FORM)
    batch = await house.sign_batch([an_ask(), an_ask(key="a/../b")])
    urls = [signed.url, *urls_of(batch)]
    signatures = [parse_qs(urlsplit(url).query)["X-Amz-Signature"][0] for url in urls]
    audit_trail = b"".join(house.audit_trail).decode()
    assert len(house.audit_trail) == 4
    for secret in (
        *signatures,
        form.fields["x-amz-signature"],
        form.fields["policy"],
        SECRET,
        TOKEN,
    ):
        assert secret not in audit_trail
