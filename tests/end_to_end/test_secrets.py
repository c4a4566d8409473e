"""The output at the most verbose level has the audit trail, and no secret."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from tests.support.service import API_KEY, RunningService, run_service
from tests.support.stores import Store

FORGED: Final = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZW50aW5lbCJ9.c2VudGluZWw"
GOOD: Final[list[tuple[str, dict[str, Any]]]] = [
    ("download-urls", {"key": "a/b"}),
    ("upload-urls", {"key": "a/b", "content_length": 5}),
    ("upload-forms", {"key_prefix": "in/", "max_content_length": 5}),
    ("head-urls", {"key": "a/b"}),
    ("delete-urls", {"key": "a/b"}),
    ("list-urls", {"prefix": "a/"}),
]
REFUSED: Final[list[dict[str, Any]]] = [
    {"bucket": "none", "key": "a/b"},
    {"bucket": "objects", "key": "../b"},
    {"bucket": "objects", "key": "a/b", "min_expires_in": 604_800},
]


class Secrets:
    """The secrets that were sent and received."""

    def __init__(self, store: Store) -> None:
        self.known = {API_KEY, store.secret_access_key, *FORGED.split(".")}

    def learn(self, answer: dict[str, Any]) -> None:
        for part in answer.get("parts", []):
            self.learn(part)
        if "url" not in answer:
            return
        query = parse_qs(urlsplit(answer["url"]).query)
        fields = answer.get("fields", {})
        signature = [*query.get("X-Amz-Signature", []), fields.get("x-amz-signature")]
        token = [*query.get("X-Amz-Security-Token", []), fields.get("x-amz-security-token")]
        found = {each for each in (*signature, *token, fields.get("policy")) if each}
        assert len(found) >= 2, answer
        self.known |= found | {quote(each, safe="") for each in found}


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    """Return the output of both streams."""
    return tmp_path / "output.log"


@pytest.fixture(name="loud")
def _loud(moto: Store, tmp_path: Path) -> Iterator[RunningService]:
    with run_service(moto, tmp_path, {"PRESIGN_LOG_LEVEL": "DEBUG"}) as service:
        yield service


def ask_for_what_is_granted(service: RunningService, secrets: Secrets) -> None:
    for path, body in GOOD:
        secrets.learn(service.post(path, **body))
    place = {"bucket": "objects", "key": "a/large"}
    created = service.client.post("/v1/multipart-uploads", json={**place, "content_length": 5})
    secrets.learn(created.json())
    service.client.get(
        f"/v1/multipart-uploads/{created.json()['upload_id']}/parts", params=place
    ).raise_for_status()
    service.post("object-checks", **place)
    items = [{"bucket": "objects", "key": str(n)} for n in range(50)]
    answer = service.client.post("/v1/download-urls/batch", json={"items": items}).json()
    for result in answer["results"]:
        secrets.learn(result["request"])


def ask_for_what_is_refused(client: httpx.Client) -> None:
    for body in REFUSED:
        assert client.post("/v1/download-urls", json=body).status_code in {403, 422}
    for token in (FORGED, f"{API_KEY}x", f"{API_KEY}, Bearer {FORGED}"):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/v1/download-urls", json={}, headers=headers).status_code == 401
    for content in (b'{"key": "%b"' % FORGED.encode(), API_KEY.encode() * 10_000):
        assert client.post("/v1/download-urls", content=content).status_code in {400, 413}
    assert client.get(f"/v1/{API_KEY}?access_token={FORGED}").status_code == 404


def send_what_is_no_http(url: httpx.URL) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
    for raw in (
        f"{FORGED} {API_KEY}\r\n\r\n",
        f"GET /{API_KEY} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization Bearer {API_KEY}\r\n\r\n",
        f"POST /v1/download-urls HTTP/1.1\r\nHost: a\r\nContent-Length: {API_KEY}\r\n\r\n",
        (
            f"GET /?key={API_KEY} HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n"
            f"Sec-WebSocket-Key: YQ==\r\nSec-WebSocket-Protocol: {FORGED}\r\n\r\n"
        ),
    ):
        with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
            connection.sendall(raw.encode())
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1 << 16)


def audited(output: Path) -> list[dict[str, Any]]:
    lines = [line for line in output.read_text().splitlines() if '"event":"audit"' in line]
    return [json.loads(line) for line in lines]


def shown(output: Path, secrets: Secrets) -> list[str]:
    text = output.read_text()
    return [secret for secret in secrets.known if secret in text]


def test_a_process_at_debug_level_logs_no_secret(
    loud: RunningService, moto: Store, output: Path
) -> None:
    secrets = Secrets(moto)
    ask_for_what_is_granted(loud, secrets)
    ask_for_what_is_refused(loud.client)
    send_what_is_no_http(loud.client.base_url)
    assert len(secrets.known) > 60
    assert shown(output, secrets) == []
    lines = audited(output)
    unknown = [line for line in lines if line.get("reason") == "unauthenticated"]
    assert unknown
    assert all("operation" not in line and line["keys"] == [] for line in unknown)
    known = [line for line in lines if line not in unknown]
    signed = ["download", "upload", "form", "head", "delete", "list"]
    assert [(line["decision"], line["operation"]) for line in known] == [
        *(("allowed", each) for each in [*signed, "multipart", "multipart", "check", "download"]),
        *[("denied", "download")] * len(REFUSED),
    ]


TOKEN: Final = "sentinel-token-of-a-session"
# As an echo of what was signed. tests/sessions has responses that cannot be read.
ECHO: Final = (
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The Canonical String should "
    f"have been 'POST&#10;x-amz-security-token:{TOKEN}&#10;&#10;host'</Message></Error>"
    "</ErrorResponse>"
)


@contextmanager
def echoing_sts() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", str(len(ECHO)))
            self.end_headers()
            self.wfile.write(ECHO.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as above
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_secrets_in_sts_errors_are_not_logged(moto: Store, tmp_path: Path, output: Path) -> None:
    debug = {"PRESIGN_LOG_LEVEL": "DEBUG"}
    with (
        echoing_sts() as sts_url,
        run_service(moto, tmp_path, debug, health="/livez", sts_endpoint_url=sts_url) as service,
    ):
        answer = service.client.post("/v1/download-urls", json={"bucket": "objects", "key": "a"})
    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_unavailable")
    assert [line["reason"] for line in audited(output)] == ["credentials_unavailable"]
    assert "no new session" in output.read_text()
    for secret in (TOKEN, API_KEY, moto.secret_access_key):
        assert secret not in output.read_text()
        assert secret not in answer.text
