"""Changes of the section `uppy` while the service runs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.protocols.uppy import PROTOCOL
from service.protocols.uppy.uploads import UppyUploads
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.protocols.uppy.harness import MIN_PART, PARAMS, PDF, start_harness
from tests.support.app import app_of

UPPY: Final = {"bucket": "reports", "prefix": "u/{caller}/"}


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ({}, {"uppy": UPPY}, ["uppy"]),
        ({"uppy": UPPY}, {"uppy": {**UPPY, "prefix": "v/{caller}/", "expires_in": 5}}, []),
        ({"uppy": UPPY}, {}, []),
    ],
)
async def test_a_target_changes_at_once_and_the_first_at_the_start(
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
        uppy = service.harness.services.protocols[PROTOCOL].values
    assert (uppy and uppy.prefix) == after.get("uppy", {}).get("prefix")
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]


async def test_without_the_section_the_routes_are_gone() -> None:
    async with start_harness() as harness:
        app_of(harness.client).parts.use_case(UppyUploads).configure(None)
        answer = await harness.client.get(PARAMS, params=PDF)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_completion_ends_even_if_its_bucket_is_removed() -> None:
    async with start_harness() as harness:
        authorizer = app_of(harness.client).parts.core.authorizer

        def remove_bucket(do: Callable[[], httpx.Response]) -> httpx.Response:
            authorizer.snapshot = replace(authorizer.snapshot, buckets={})
            return do()

        url, key = await harness.create()
        part = harness.store.put("upload-1", 1, MIN_PART)
        harness.store.faults["complete"] = [remove_bucket]
        named = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
        answer = await harness.client.post(f"{url}/complete", params={"key": key}, json=named)
        assert (answer.status_code, answer.json()["key"]) == (200, key)
