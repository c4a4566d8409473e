"""Each decision is in the audit trail before the caller gets its answer."""

import asyncio
from typing import Final

import pytest

from service.errors import CredentialsUnavailable
from service.sessions.attempts import ATTEMPT_SECONDS
from service.signing.actions import ListObjects
from tests.support.authorizer import make_harness, urls_of
from tests.support.factories import (
    TWO_BUCKETS,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of
from tests.support.virtual_time import CLOCK_START, in_virtual_time

FORM: Final = make_form_request(key_prefix="in/")


@in_virtual_time
async def test_an_audit_line_has_the_signer_and_the_lifetime() -> None:
    harness = make_harness(make_snapshot(make_grant(max_expires_in=60)))
    signed = await harness.presign(make_request(expires_in=600))
    [line] = harness.audit_lines
    assert (line["decision"], line["keys"], line["bucket"]) == ("allowed", ["a/b"], "reports")
    assert (line["expires_in_asked"], line["expires_in"]) == (600, 60)
    assert line["access_key_id"] == access_key_id_of(signed.url)
    assert line["session_name"] == harness.source.sessions[0].name
    assert (line["s3_bucket"], line["subject"]) == ("acme-reports", "billing")
    assert (line["request_id"], line["client"]) == ("request-1", "192.0.2.1")


@in_virtual_time
async def test_the_line_of_a_list_or_a_form_has_its_key() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    await harness.presign(make_request(ListObjects(prefix="a/"), key="a/"))
    form = await harness.presign_form(FORM)
    assert form.key == "in/id1/${filename}"
    assert harness.decisions == [("allowed", None, ["a/"]), ("allowed", None, [form.key])]


@in_virtual_time
async def test_the_lines_of_a_batch_have_the_session_of_each_bucket() -> None:
    snapshot = make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=TWO_BUCKETS)
    harness = make_harness(snapshot)
    harness.sources["photos"].error = OSError("no route")
    requests = [make_request(), make_request(bucket="photos"), make_request(key="c")]
    first, _, _ = await harness.presign_batch(requests)
    one, other = harness.audit_lines
    assert one["keys"] == ["a/b", "c"]
    assert one["access_key_id"] == access_key_id_of(*urls_of([first]))
    assert (other["s3_bucket"], other["reason"]) == ("acme-photos", "credentials_unavailable")


@in_virtual_time
async def test_the_audit_time_is_the_time_of_the_decision() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=2.5)
    await harness.presign(make_request())
    assert harness.clock.wall() == pytest.approx(CLOCK_START + 2.5, abs=0.01)
    assert harness.audit_lines[0]["time"] == "2026-01-01T00:00:02.500Z"


@in_virtual_time
async def test_a_request_that_waits_has_one_line_with_its_result() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=1)
    asked = [asyncio.ensure_future(harness.presign(make_request(key=str(n)))) for n in range(3)]
    await asyncio.sleep(0.5)
    assert harness.audit_bytes == []
    await asyncio.gather(*asked)
    assert sorted(harness.decisions) == [("allowed", None, [str(n)]) for n in range(3)]


@in_virtual_time
async def test_a_request_that_waits_in_vain_has_one_refusal() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    harness.source.hangs = True
    error = await harness.refusal(make_request())
    assert isinstance(error, CredentialsUnavailable)
    assert harness.clock.boot() >= ATTEMPT_SECONDS
    assert harness.decisions == [("denied", "credentials_unavailable", ["a/b"])]


@in_virtual_time
async def test_a_grant_lost_during_the_wait_gives_one_refusal() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=1)
    one = asyncio.ensure_future(harness.presign(make_request()))
    form = asyncio.ensure_future(harness.presign_form(FORM))
    batch = asyncio.ensure_future(harness.presign_batch([make_request(key="c")]))
    await asyncio.sleep(0.5)
    harness.authorizer.snapshot = make_snapshot()
    await asyncio.gather(one, form, batch, return_exceptions=True)
    assert {each[:2] for each in harness.decisions} == {("denied", "forbidden")}
    keys = sorted(key for _, _, keys in harness.decisions for key in keys)
    assert keys == ["a/b", "c", "in/id1/${filename}"]


@in_virtual_time
async def test_a_task_that_is_cancelled_during_the_wait_has_no_line() -> None:
    """A client that goes away cancels nothing: tests/server/test_departed_clients.py."""
    harness = make_harness(make_snapshot(make_grant()), delay=1)
    asked = asyncio.ensure_future(harness.presign(make_request()))
    await asyncio.sleep(0.5)
    asked.cancel()
    await asyncio.sleep(3)
    assert asked.cancelled()
    assert harness.audit_bytes == []


@in_virtual_time
async def test_a_line_is_written_before_the_answer_goes_out() -> None:
    """A caller who awaits an answer runs on only after the line stands."""
    harness = make_harness(make_snapshot(make_grant()))
    order: list[str] = []
    harness.write_audit_to(lambda lines: order.extend("line" for _ in lines))
    for answer in (
        lambda: harness.presign(make_request()),
        lambda: harness.presign_form(FORM),
        lambda: harness.presign_batch([make_request()]),
    ):
        await answer()
        order.append("answer")
    assert order == ["line", "answer"] * 3
