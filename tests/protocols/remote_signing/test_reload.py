"""Grants with `sign` that come and go while the service runs."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.protocols.remote_signing.harness import start_harness
from tests.support.app import app_of

SIGNING: Final = {
    "api_key": "tables",
    "sha256": ["0" * 64],
    "grants": [{"bucket": "reports", "prefix": "wh/", "allow": ["sign", "download"]}],
}


@pytest.mark.parametrize("is_first", [True, False])
async def test_only_the_first_grant_needs_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_first: bool
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    before: dict[str, Any] = {} if is_first else {"callers": [SIGNING]}
    put(path, configuration(**before))
    async with watching(path) as service:
        more = {"callers": [SIGNING], "console": True}
        assert await service.changed_to(configuration(**more)) == "ok"
    text = "changed, but will take effect only after a restart: the first `sign` of a grant"
    assert (text in log_messages(caplog)) is is_first


async def test_a_new_address_of_the_bucket_takes_effect_at_once() -> None:
    async with start_harness() as harness:
        authorizer = app_of(harness.client).parts.core.authorizer
        buckets = authorizer.snapshot.buckets
        moved = replace(buckets["demo"], address=replace(buckets["demo"].address, host="demo.new"))
        assert (await harness.ask()).status_code == 200
        authorizer.snapshot = replace(authorizer.snapshot, buckets={**buckets, "demo": moved})
        assert (await harness.ask()).status_code == 400
        assert (await harness.ask(uri="https://demo.new/wh/a")).status_code == 200
