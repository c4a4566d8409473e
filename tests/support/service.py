"""The last layer: `presign serve` as a process in front of a store, and a client of its API."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from service.auth.api_keys import digest_of
from tests.support.factories import OPERATIONS
from tests.support.processes import free_ports, run_process
from tests.support.stores import Store

API_KEY = "end-to-end"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The service's answer, with the `method` and `headers` to send."""

    method: str
    url: str
    headers: dict[str, str]
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunningService:
    client: httpx.Client

    def sign(self, path: str, **body: Any) -> SignedRequest:
        return as_signed(self.post(path, **body))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        reply = self.client.post(f"/v1/{path}", json={"bucket": "objects", **body})
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def first_part(self, key: str, **body: Any) -> SignedRequest:
        """Create a multipart upload, and return the request for its first part."""
        place = {"bucket": "objects", "key": key}
        reply = self.client.post("/v1/multipart-uploads", json={**place, **body})
        return as_signed(reply.json()["parts"][0])


def as_signed(answer: dict[str, Any]) -> SignedRequest:
    """Return the request of an answer. That of a form has neither method nor headers."""
    return SignedRequest(
        answer.get("method", "POST"), answer["url"], answer.get("headers", {}), answer
    )


def send(
    signed: SignedRequest,
    body: bytes | None = None,
    *,
    method: str | None = None,
    url: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send a signed request, with the given parts replaced."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(
            method or signed.method,
            url or signed.url,
            content=body,
            headers=signed.headers if headers is None else headers,
        )


def post_form(url: str, fields: dict[str, str], body: bytes) -> httpx.Response:
    """Submit a form; httpx sends the file after all fields."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(url, data=fields, files={"file": ("name.txt", body, "text/plain")})


@contextmanager
def run_service(
    store: Store,
    directory: Path,
    environment: dict[str, str] | None = None,
    callers: list[dict[str, Any]] | None = None,
    top: dict[str, Any] | None = None,
    *,
    health: str = "/readyz",
    port: int | None = None,
    **bucket: Any,
) -> Iterator[RunningService]:
    """Run the service in front of `store`, with its buckets as `objects` and `versions`.

    `environment`, `callers`, `top` and `bucket` are settings that add to or replace the usual ones.
    It has started once `health` answers.
    """
    port = port or free_ports(1)[0]
    settings = make_settings(store, callers, **bucket) | (top or {})
    variables = store.base_keys | (environment or {})
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with (
        run_service_process(settings, directory, port, health=health, **variables),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=60
        ) as client,
    ):
        yield RunningService(client)


def run_service_process(
    settings: Mapping[str, Any],
    directory: Path,
    port: int,
    *,
    health: str = "/readyz",
    **environment: str,
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run `presign serve` until the block ends. It has started once `health` answers."""
    configuration = directory / "presign.yaml"
    configuration.write_text(json.dumps(settings))  # JSON is YAML
    command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
    url = f"http://127.0.0.1:{port}{health}"
    return run_process(command, directory, url, PRESIGN_CONFIG=str(configuration), **environment)


def make_settings(
    store: Store, callers: list[dict[str, Any]] | None = None, **bucket: Any
) -> dict[str, Any]:
    common = {
        "region": store.region,
        "role_arn": store.role_arn,
        "endpoint_url": store.endpoint_url,
        "sts_endpoint_url": store.sts_endpoint_url,
        **bucket,
    }
    return {
        "server": {"drain_seconds": 0},  # nothing sends it requests while it stops
        "buckets": {
            "objects": {"bucket": store.bucket, **common},
            "versions": {"bucket": store.versioned_bucket, **common},
        },
        "callers": [make_caller("tests", API_KEY, "")] if callers is None else callers,
    }


def make_caller(
    name: str, key: str, *prefixes: str, allow: Sequence[str] = OPERATIONS
) -> dict[str, Any]:
    """Return a caller with the operations `allow` below these prefixes, in both buckets."""
    grants = [
        {"bucket": bucket, "prefix": prefix, "allow": list(allow), "allow_overwrite": True}
        for bucket in ("objects", "versions")
        for prefix in prefixes
    ]
    return {"api_key": name, "sha256": [digest_of(key)], "grants": grants}
