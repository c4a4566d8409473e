"""Conditions of grants: what a client signs by itself is under them too, and sets no such tag."""

from typing import Any, Final

import pytest

from tests.protocols.remote_signing.harness import ALLOW, BODY, UPLOAD, one_each, start_harness
from tests.support.app import make_open_grant
from tests.support.pool import FakeSources
from tests.support.virtual_time import in_virtual_time, loop_clock

OFFICE: Final = {"networks": ["203.0.113.0/24"]}
TAGGED: Final = {"only_if_tagged": {"Scan": "ok"}}


def grant(prefix: str, *operations: str, **more: Any) -> dict[str, Any]:
    return make_open_grant(prefix=prefix, allow=[*(operations or ALLOW), "sign"], **more)


SCANNED: Final = grant("wh/", "download", "head", **TAGGED)
UPLOADS: Final = grant("wh/", "upload", "multipart")


@pytest.mark.parametrize("call", ["PutObject", "CopyObject", "CreateMultipartUpload"])
@pytest.mark.parametrize("tagging", ["Scan=ok", "a=b&%73can=ok", "a=b&SCAN"])
async def test_no_request_is_signed_with_a_tag_that_is_read_by(call: str, tagging: str) -> None:
    reads = grant("wh/s/", "download")
    async with start_harness(UPLOADS, SCANNED, reads) as harness:
        headers = one_each(x_amz_tagging=tagging)
        headers |= UPLOAD if call == "PutObject" else {}
        headers |= one_each(x_amz_copy_source="demo/wh/s/a") if call == "CopyObject" else {}
        method, key = ("POST", "wh/a?uploads=") if call.startswith("Create") else ("PUT", "wh/a")
        answer = await harness.ask(method, key, headers=headers)
        assert answer.status_code == 403, answer.text
        assert "nobody may upload with it" in answer.json()["error"]["message"]
        [line] = harness.audit_lines
        assert (line["decision"], line["reason"]) == ("denied", "limit_exceeded")
        other = await harness.ask(method, key, headers=headers | one_each(x_amz_tagging="a=Scan"))
        assert other.status_code == 200, other.text


async def test_what_is_read_by_a_tag_is_no_source_of_a_signed_copy() -> None:
    async with start_harness(UPLOADS, SCANNED) as harness:
        headers = one_each(x_amz_copy_source="demo/wh/b")
        assert (await harness.refusal("PUT", headers=headers))[0] == 403
        assert [line["reason"] for line in harness.audit_lines] == ["forbidden"]


async def test_tags_are_no_call_that_is_signed() -> None:
    async with start_harness(UPLOADS, SCANNED) as harness:
        for method in ("PUT", "GET", "DELETE"):
            assert (await harness.refusal(method, "wh/a?tagging="))[0] == 400


@in_virtual_time
async def test_a_read_is_signed_under_the_conditions_of_its_grant() -> None:
    sources = FakeSources()
    more = {"open_sources": sources.open, "clock": loop_clock()}
    grants = [grant("wh/", "download", **OFFICE), grant("wh/free/", "download")]
    async with start_harness(*grants, more=more) as harness:
        for _ in range(2):  # then from the cache
            for key in ("wh/a", "wh/free/a"):
                await harness.sign(key=key)
    policies = [each or "" for each in sources["demo"].policies]
    assert ["aws:SourceIp" in each for each in policies[-2:]] == [True, False]


async def test_one_deletion_is_under_one_set_of_conditions() -> None:
    placed, free = grant("wh/a", "delete", **OFFICE), grant("wh/b", "delete")
    async with start_harness(placed, free) as harness:
        answer = await harness.ask("POST", "?delete=", body=BODY)
        assert answer.status_code == 400, answer.text
        text = "Grants with different conditions need a request each."
        assert answer.json()["error"]["message"] == text
    async with start_harness(placed, grant("wh/b", "delete", **OFFICE)) as harness:
        assert (await harness.ask("POST", "?delete=", body=BODY)).status_code == 200


async def test_an_upload_in_parts_is_started_under_no_conditions_of_its_own() -> None:
    """Else `/v1` would sign its parts by the other grant."""
    here, free = (
        grant("wh/", "multipart", **OFFICE),
        make_open_grant(prefix="wh/", allow=["multipart"]),
    )
    for others, status in (([free], 403), ([], 200)):
        async with start_harness(here, *others) as harness:
            answer = await harness.ask("POST", "wh/a?uploads=")
            assert answer.status_code == status, answer.text
