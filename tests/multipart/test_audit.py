"""It stands in the trail, and counts against the rate, before the store hears of it."""

from contextlib import suppress
from typing import NoReturn

import pytest

from service.access.callers import Rate
from service.errors import InvalidPart, Overloaded, RateLimited
from service.multipart.part_plan import PartPlan
from service.presigning.audit_trail import AuditTrail
from tests.multipart.calls import EVERY, Act, abort, complete, create, list_
from tests.multipart.fake_s3 import LEAST, a_house, a_window, an_upload, new_upload, refusal
from tests.support.fakes import (
    REQUESTER,
    SECRET,
    TOKEN,
    in_virtual_time,
)


@pytest.mark.parametrize(("act", "action", "upload_id"), EVERY)
@in_virtual_time
async def test_it_is_written_down_before_the_store_hears_of_it(
    act: Act, action: str, upload_id: str | None
) -> None:
    async with a_house() as house:
        await create()(house)
        del house.order[:], house.lines[:]
        with suppress(InvalidPart):  # nothing was sent that could be completed
            await act(house)
        assert house.order[:1] == ["line"]
        assert (len(house.order) == 1) == (action == "UploadPart")  # a part is not ours to send
        [line] = house.told
        assert (line["decision"], line["action"], line.get("upload_id")) == (
            *("allowed", action),
            upload_id,
        )
        assert (line["operation"], line["bucket"], line["keys"]) == (
            "multipart",
            "reports",
            ["a/b"],
        )
        assert line["access_key_id"] == "ASIAFAKE000000000000"
        signs = action in {"CreateMultipartUpload", "UploadPart"}
        assert line.get("expires_in") == (900 if signs else None)


@pytest.mark.parametrize(("act", "action", "upload_id"), EVERY)
@in_virtual_time
async def test_what_cannot_be_written_down_is_not_done(
    act: Act, action: str, upload_id: str | None
) -> None:
    def full(lines: object) -> NoReturn:
        raise Overloaded("The trail is full.", retry_after=1)

    async with a_house() as house:
        house.authorizer._audit_trail = AuditTrail(full, clock=house.clock, observer=house.metrics)
        await refusal(act(house), Overloaded)
        assert house.store.requests == []
        assert house.signed() == 0
        registry = house.metrics.registry
        assert registry.get_sample_value("presign_audit_failures_total") == 1


@in_virtual_time
async def test_the_trail_holds_no_secret() -> None:
    async with a_house() as house:
        created = await house.multipart.create(REQUESTER, new_upload())
        await house.multipart.abort(REQUESTER, an_upload())
        audit_trail = b"".join(house.lines).decode()
        signatures = [part.url.rpartition("=")[2] for part in created.parts]
        for secret in (*signatures, SECRET, TOKEN):
            assert secret not in audit_trail
            assert secret not in repr(created)


# Rates


@in_virtual_time
async def test_each_url_and_each_call_counts_against_the_rate() -> None:
    async with a_house(rate=Rate(9, 60)) as house:
        await create()(house)  # three URLs
        await house.multipart.sign_parts(REQUESTER, a_window(1, 2, 3))
        await list_()(house)
        told = await refusal(house.multipart.sign_parts(REQUESTER, a_window(1, 2, 3)), RateLimited)
        assert told.retry_after
        await list_()(house)
        await abort()(house)
        calls = len(house.store.requests)
        for act in (list_(), abort(), complete(), create()):
            await refusal(act(house), RateLimited)
        assert len(house.store.requests) == calls
        assert house.told[-1]["reason"] == "rate_limited"


@in_virtual_time
async def test_no_more_first_parts_are_signed_than_the_rate_allows_at_all() -> None:
    async with a_house(rate=Rate(5, 60)) as house:
        ask = new_upload(PartPlan(40 * LEAST, LEAST))
        created = await house.multipart.create(REQUESTER, ask)
        assert [part.part_number for part in created.parts] == [1, 2, 3, 4, 5]
        await refusal(list_()(house), RateLimited)
