"""The service in front of a recorded store, and an endpoint whose credentials end soon.

Real credentials live for half an hour. So the endpoint says that they end in a minute, or have
ended: each client asks for others before its next request. From the fourth time on, it gets those
of another session.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import httpx

from service.auth.api_keys import digest_of
from tests.clients.recording import Recording, SentRequest, recording
from tests.support.processes import run_to_end
from tests.support.service import run_service
from tests.support.stores import Store

KEY: Final = "key-of-a-program"
BUCKET: Final = "reports"
OWN: Final = "a/"
NEIGHBOURS: Final = "b/secret"
ALLOW: Final = ("download", "upload", "multipart", "delete", "list", "credentials")
_SECONDS: Final = 300
_NARROWED: Final = {"permission": "READWRITE", "prefix": f"{OWN}run/"}


@dataclass
class Endpoint:
    """`answers` are what clients got, in order. `ends_in` is in seconds."""

    uri: str
    service: str
    ends_in: int
    answers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, authorization: str) -> tuple[int, bytes]:
        """Return the service's answer with another end. Narrowed from the fourth time on."""
        narrowed = _NARROWED if len(self.answers) >= 3 else {}
        given = _credentials(self.service, authorization, narrowed)
        if given.status_code != 200:
            return given.status_code, given.content
        found: dict[str, str] = given.json()
        ends = time.gmtime(time.time() + self.ends_in)
        found["Expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", ends)
        self.answers.append(found)
        return 200, json.dumps(found).encode()


def _credentials(service: str, authorization: str, query: Mapping[str, str]) -> httpx.Response:
    url, headers = f"{service}/v1/credentials/{BUCKET}", {"Authorization": authorization}
    return httpx.get(url, params=query, headers=headers, trust_env=False, timeout=30)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        status, body = self.server.endpoint.answer(self.headers["Authorization"])
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: str, ends_in: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        uri = f"http://127.0.0.1:{self.server_address[1]}/"
        self.endpoint = Endpoint(uri, service, ends_in)


@dataclass(frozen=True, kw_only=True)
class Place:
    store: Store
    recording: Recording
    service: str

    @property
    def uri(self) -> str:
        return f"{self.service}/v1/credentials/{BUCKET}"

    @contextmanager
    def ending_soon(self, ends_in: int = 60) -> Iterator[Endpoint]:
        with _Server(self.service, ends_in) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield server.endpoint
            finally:
                server.shutdown()
                thread.join()

    def run(
        self, command: list[str], home: Path, source: str | Mapping[str, str], **more: str
    ) -> tuple[subprocess.CompletedProcess[str], list[SentRequest]]:
        """Run a client that knows where the store is. Its only credential is the token.

        `source` is the address of the container credentials, or variables that name another source.
        """
        before = len(self.recording.requests)
        token = home / "token"
        token.write_text(KEY)
        if isinstance(source, str):
            source = {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": source,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            }
        done = run_to_end(
            command,
            cwd=home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "AWS_REGION": self.store.region,
                "AWS_DEFAULT_REGION": self.store.region,
                "AWS_ENDPOINT_URL_S3": self.recording.url,
                **source,
                **more,
            },
            seconds=_SECONDS,
        )
        return done, self.recording.requests[before:]


@contextmanager
def place_of(store: Store, directory: Path, **sections: object) -> Iterator[Place]:
    grant = {"bucket": BUCKET, "prefix": OWN, "allow": ALLOW, "allow_overwrite": True}
    callers = [{"api_key": "program", "sha256": [digest_of(KEY)], "grants": [grant]}]
    bucket = {
        "bucket": store.bucket,
        "region": store.region,
        "role_arn": store.role_arn,
        "endpoint_url": store.endpoint_url,
        "sts_endpoint_url": store.sts_endpoint_url,
    }
    with (
        recording(store.endpoint_url) as sent,
        run_service(
            store, directory, callers=callers, top={"buckets": {BUCKET: bucket}, **sections}
        ) as running,
    ):
        service = str(running.client.base_url).rstrip("/")
        # Some SDKs wait for credentials for a second only. Now the sessions are there.
        queries: list[Mapping[str, str]] = [{}, _NARROWED]
        for query in queries:
            assert _credentials(service, KEY, query).status_code == 200
        yield Place(store=store, recording=sent, service=service)
