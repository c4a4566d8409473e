"""A change of the section `uppy`, while the service runs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.protocols.uppy.house import (
    LEAST,
    PARAMS,
    PDF,
    a_house,
)

UPPY: Final = {"bucket": "reports", "prefix": "u/{caller}/"}
PAGES: Final = {**UPPY, "origins": ["https://a.example"]}


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ({}, {"uppy": UPPY}, ["uppy"]),
        ({"uppy": UPPY}, {"uppy": PAGES}, ["uppy.origins"]),
        ({"uppy": PAGES}, {"uppy": {**PAGES, "prefix": "v/{caller}/", "expires_in": 5}}, []),
        ({"uppy": UPPY}, {}, []),
    ],
)
async def test_where_uploads_go_changes_at_once_and_who_may_call_at_the_next_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any],
    after: dict[str, Any],
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(**before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(**after)) == "ok"
        place = service.harness.services.uppy.place
    assert (place and place.template) == after.get("uppy", {}).get("prefix")
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]


async def test_once_the_section_is_gone_so_are_its_routes() -> None:
    async with a_house() as house:
        transport: Any = house.client._transport
        assert isinstance(transport, httpx.ASGITransport)
        uploads: Any = transport.app
        uploads.state.uppy.place = None
        answer = await house.client.get(PARAMS, params=PDF)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_completion_is_told_though_its_bucket_has_gone_since() -> None:
    async with a_house() as house:
        transport: Any = house.client._transport
        authorizer = transport.app.state.authorizer

        def once_it_has_gone(do: Callable[[], httpx.Response]) -> httpx.Response:
            authorizer.snapshot = replace(authorizer.snapshot, buckets={})
            return do()

        one, key = await house.created()
        part = house.store.put("upload-1", 1, LEAST)
        house.store.faults["complete"] = [once_it_has_gone]
        named = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
        answer = await house.client.post(f"{one}/complete", params={"key": key}, json=named)
        assert (answer.status_code, answer.json()["key"]) == (200, key)
