"""A request that is open while the configuration changes is authenticated again."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from service.auth.api_keys import digest_of
from tests.server.process import BODY, ServiceProcess, configured, run_server_process
from tests.support.app import API_KEY
from tests.support.socket_server import make_post, wait_until

NEW_KEY: Final = "new-key"
ONE: Final = json.dumps(BODY).encode()
REQUESTS: Final = {
    "a URL": make_post("/v1/download-urls", ONE),
    "a batch": make_post("/v1/download-urls/batch", b'{"items": [%b]}' % ONE),
    "repeated headers": make_post("/v1/download-urls", ONE, "x-odd: 1", "x-odd: 2"),
    "an upload in parts": make_post("/v1/multipart-uploads", ONE[:-1] + b', "content_length": 5}'),
}


def change(directory: Path, *sha256: str) -> None:
    """Give the caller these API keys, and revoke its earlier URLs."""
    changed: dict[str, Any] = configured(drain_seconds=0)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    changed["callers"][0] |= {"sha256": list(sha256), "revoked_before": now}
    (directory / "presign.yaml").write_text(json.dumps(changed))


def status_of(running: ServiceProcess, key: str) -> int:
    with running.http_client() as http:
        headers = {"authorization": f"Bearer {key}"}
        return http.post("/v1/download-urls", json=BODY, headers=headers).status_code


def test_an_open_request_with_a_removed_key_is_unauthenticated(tmp_path: Path) -> None:
    with run_server_process(tmp_path, drain_seconds=0) as running, ExitStack() as stack:
        clients = {name: stack.enter_context(running.connect()) for name in REQUESTS}
        for name, client in clients.items():
            client.send(REQUESTS[name][:-1])
        time.sleep(0.2)  # they are authenticated
        change(tmp_path, digest_of(NEW_KEY))
        wait_until(lambda: status_of(running, NEW_KEY) == 200)
        for name, client in clients.items():
            assert client.request(REQUESTS[name][-1:]).code == "unauthenticated", name
        lines = [json.loads(each) for each in (tmp_path / "output.log").read_text().splitlines()]
        refused = [line for line in lines if line.get("reason") == "unauthenticated"]
        assert len(refused) >= len(REQUESTS)


def test_an_open_request_with_a_kept_key_is_served(tmp_path: Path) -> None:
    with run_server_process(tmp_path, drain_seconds=0) as running, running.connect() as client:
        client.send(REQUESTS["a URL"][:-1])
        time.sleep(0.2)
        change(tmp_path, digest_of(API_KEY), digest_of(NEW_KEY))
        wait_until(lambda: status_of(running, NEW_KEY) == 200)
        assert client.request(REQUESTS["a URL"][-1:]).status == 200
