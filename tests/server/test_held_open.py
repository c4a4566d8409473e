"""Requests that were held open while the configuration changed: who calls is asked again."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from service.auth.api_keys import digest_of
from tests.api.conftest import API_KEY
from tests.server.house import post, until
from tests.server.process import ASK, Services, configured, serving_process

NEW_KEY: Final = "new-key"
PATIENCE: Final = 20.0  # the file is looked at every two seconds
ONE: Final = json.dumps(ASK).encode()
REQUESTS: Final = {
    "a URL": post("/v1/download-urls", ONE),
    "a batch": post("/v1/download-urls/batch", b'{"items": [%b]}' % ONE),
    "the long way": post("/v1/download-urls", ONE, "x-odd: 1", "x-odd: 2"),
    "an upload in parts": post("/v1/multipart-uploads", ONE[:-1] + b', "content_length": 5}'),
}


def change(directory: Path, *sha256: str) -> None:
    """The caller has these keys from now on, and what was signed for it before is revoked."""
    changed: dict[str, Any] = configured(drain_seconds=0)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    changed["callers"][0] |= {"sha256": list(sha256), "revoked_before": now}
    (directory / "presign.yaml").write_text(json.dumps(changed))


def status_of(running: Services, key: str) -> int:
    with running.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        return client.post("/v1/download-urls", json=ASK, headers=headers).status_code


def test_a_removed_key_gets_nothing_by_a_request_held_open(tmp_path: Path) -> None:
    with serving_process(tmp_path, drain_seconds=0) as running, ExitStack() as stack:
        wires = {name: stack.enter_context(running.connect()) for name in REQUESTS}
        for name, wire in wires.items():
            wire.send(REQUESTS[name][:-1])
        time.sleep(0.2)  # they are authenticated
        change(tmp_path, digest_of(NEW_KEY))
        until(lambda: status_of(running, NEW_KEY) == 200, PATIENCE)
        for name, wire in wires.items():
            wire.send(REQUESTS[name][-1:])
            assert wire.answer().code == "unauthenticated", name
        lines = [json.loads(each) for each in (tmp_path / "output.log").read_text().splitlines()]
        refused = [line for line in lines if line.get("reason") == "unauthenticated"]
        assert len(refused) >= len(REQUESTS)


def test_a_key_that_stays_is_served_though_the_configuration_changed(tmp_path: Path) -> None:
    with serving_process(tmp_path, drain_seconds=0) as running, running.connect() as wire:
        wire.send(REQUESTS["a URL"][:-1])
        time.sleep(0.2)
        change(tmp_path, digest_of(API_KEY), digest_of(NEW_KEY))
        until(lambda: status_of(running, NEW_KEY) == 200, PATIENCE)
        wire.send(REQUESTS["a URL"][-1:])
        assert wire.answer().status == 200
