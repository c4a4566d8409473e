"""The receivers in docs/arrivals.md, with released frameworks, get events from the service."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.auth.api_keys import digest_of
from tests.clients.toolchains import NODE_MODULES
from tests.docs.documents import blocks
from tests.end_to_end.examples import node
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.support.processes import free_ports, run_process
from tests.support.service import API_KEY, RunningService, run_service
from tests.support.stores import Store

FRAMEWORKS: Final = ("fastapi", "flask", "express")
# Appended, to see when a receiver has started.
HEALTH: Final = {
    "fastapi": '\n\n@app.get("/")\ndef up() -> str:\n    return "up"\n',
    "flask": '\n\n@app.get("/")\ndef up() -> str:\n    return "up"\n',
    "express": "\napp.get('/', (_request, response) => response.sendStatus(200))\n",
}

# The page says what differs from FastAPI.
FLASK: Final = """
import os

from flask import Flask, abort, request
from presign_client import PresignError
from presign_client.webhooks import verify

app, seen = Flask(__name__), set()


@app.post("/uploads")
def uploads():
    try:
        data = verify(request.headers, request.get_data(), os.environ["HOOK_SECRET"])["data"]
    except PresignError as error:
        abort(401, error.detail)
    event_id = request.headers["webhook-id"]
    if event_id not in seen:
        print(data["bucket"], data["key"], data.get("caller"), flush=True)
        seen.add(event_id)
    return "", 204
"""


@dataclass(frozen=True)
class Receivers:
    service: RunningService
    bucket: str  # at the store
    ports: dict[str, int]
    directories: dict[str, Path]

    def push(self, key: str) -> int:
        """Return the status for a record of a store."""
        body = body_of(make_record(key=key, bucket=self.bucket))
        headers = {"content-type": "application/json"}
        answer = self.service.client.post("/v1/store-events", content=body, headers=headers)
        return answer.status_code

    def post(self, framework: str, body: bytes, **headers: str) -> int:
        """Return the status for a request that presign has not sent."""
        url = f"http://127.0.0.1:{self.ports[framework]}/uploads"
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.post(url, content=body, headers=headers).status_code

    def lines(self, framework: str) -> list[str]:
        """Return what it has printed about objects."""
        printed = (self.directories[framework] / "output.log").read_text().splitlines()
        return [line for line in printed if line.startswith("objects ")]


def command(framework: str, directory: Path, port: int) -> list[str]:
    """Write the page's receiver into the directory, and return how to start it."""
    [text] = [each for each in [*programs(), FLASK] if imports(framework, each)]
    name = "receiver.mjs" if framework == "express" else "receiver.py"
    (directory / name).write_text(text + HEALTH[framework])
    if framework == "express":
        (directory / "node_modules").symlink_to(NODE_MODULES)
        return [node(), name]
    if framework == "flask":
        return [sys.executable, "-m", "flask", "--app", "receiver", "run", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(port)]


def programs() -> list[str]:
    return [each.text for each in blocks("docs/arrivals.md")]


def imports(framework: str, text: str) -> bool:
    return f"from {framework} " in text or f"from '{framework}'" in text


@pytest.fixture(name="receivers", scope="module")
def _receivers(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    ports = dict(zip(FRAMEWORKS, free_ports(len(FRAMEWORKS)), strict=True))
    directories = {name: tmp_path_factory.mktemp(name) for name in FRAMEWORKS}
    hooks = {
        name: {
            "bucket": "objects",
            "prefix": f"{name}/",
            "url": f"http://127.0.0.1:{port}/uploads",
            "secret": SECRET,
        }
        for name, port in ports.items()
    }
    with ExitStack() as stack:
        for name, port in ports.items():
            stack.enter_context(
                run_process(
                    command(name, directories[name], port),
                    directories[name],
                    f"http://127.0.0.1:{port}/",
                    HOOK_SECRET=SECRET,
                    PORT=str(port),
                    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
                )
            )
        directory = tmp_path_factory.mktemp("service")
        grant = {"bucket": "objects", "prefix": "", "allow": ["notify"]}
        store = {"api_key": "store", "sha256": [digest_of(API_KEY)], "grants": [grant]}
        top = {"arrivals": {"hooks": hooks}}
        running = run_service(ministack, directory, callers=[store], top=top)
        service = stack.enter_context(running)
        yield Receivers(service, ministack.bucket, ports, directories)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_receiver_of_the_page_takes_an_event_once(receivers: Receivers, framework: str) -> None:
    statuses = [receivers.push(f"{framework}/a.txt") for _ in range(2)]
    nobody = "undefined" if framework == "express" else "None"
    assert statuses == [204, 204]
    assert receivers.lines(framework) == [f"objects {framework}/a.txt {nobody}"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("of_type", ["application/json", "text/plain"])
def test_a_receiver_of_the_page_refuses_what_is_not_signed(
    receivers: Receivers, framework: str, of_type: str
) -> None:
    body = b'{"type": "object.created", "data": {"bucket": "objects", "key": "forged"}}'
    forged = {"webhook-id": "evt_1", "webhook-timestamp": "1767225600", "webhook-signature": "v1,"}
    assert receivers.post(framework, body, **{"content-type": of_type}, **forged) == 401
    assert receivers.post(framework, b"", **{"content-type": of_type}) in {401, 422}
    assert not any("forged" in line for line in receivers.lines(framework))
