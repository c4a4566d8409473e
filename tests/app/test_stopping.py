"""A request that a stop cuts off is refused in the form that the clients of its route read."""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from service.app.settings import Settings
from tests.protocols.links.harness import settings as settings_with_links
from tests.support.app import app_of, run_app

Answer = tuple[dict[str, Any], dict[str, str], str]  # how it starts, its headers, its body


def problem(answer: Answer) -> dict[str, Any]:
    _, headers, body = answer
    assert headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(body)
    assert found["code"] == "overloaded"
    assert found["request_id"] == headers["x-request-id"]
    return found


def of_uppy(answer: Answer) -> None:
    found = problem(answer)
    assert found["message"] == found["detail"]
    assert answer[0]["reason"] == found["detail"].encode()


def of_git_lfs(answer: Answer) -> None:
    assert answer[1]["content-type"] == "application/vnd.git-lfs+json"
    assert {"message", "code", "request_id"} == json.loads(answer[2]).keys()


def of_mlflow(answer: Answer) -> None:
    assert json.loads(answer[2])["error_code"] == "TEMPORARILY_UNAVAILABLE"


def of_the_hub(answer: Answer) -> None:
    assert answer[1]["x-error-message"] == json.loads(answer[2])["error"]


def of_turborepo(answer: Answer) -> None:
    assert json.loads(answer[2])["error"]["code"] == "overloaded"


def of_credentials(answer: Answer) -> None:
    assert {"message", "code", "request_id"} == json.loads(answer[2]).keys()


def of_iceberg(answer: Answer) -> None:
    assert json.loads(answer[2])["error"]["reason"] == "overloaded"


def of_a_visitor(answer: Answer) -> None:
    assert answer[1]["content-type"].startswith("text/html")
    assert answer[1]["x-request-id"] in answer[2]


FORMS: Final = [
    ("POST", "/v1/download-urls", problem),
    ("GET", "/o/demo/a.txt", problem),
    ("GET", "/simple/main/a/", problem),
    ("POST", "/uppy/s3/multipart", of_uppy),
    ("POST", "/lfs/models/objects/batch", of_git_lfs),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts", of_mlflow),
    ("GET", "/hf/acme/model/resolve/main/config.json", of_the_hub),
    ("GET", "/caches/web/v8/artifacts/abc", of_turborepo),
    ("GET", "/v1/credentials/demo", of_credentials),
    ("POST", "/v1/aws/s3/sign", of_iceberg),
    ("POST", "/sign/demo/v1/aws/s3/sign", of_iceberg),
    ("GET", "/l/ticket", of_a_visitor),
]


@pytest.mark.parametrize(("method", "path", "check"), FORMS, ids=[path for _, path, _ in FORMS])
async def test_a_stop_refuses_in_the_routes_own_form(
    tmp_path: Path, method: str, path: str, check: Callable[[Answer], object]
) -> None:
    status, answer = await answer_of_stop(settings_with_links(tmp_path), method, path)
    assert (status, answer[1]["retry-after"], answer[1]["connection"]) == (503, "1", "close")
    check(answer)


async def answer_of_stop(settings: Settings, method: str, path: str) -> tuple[int, Answer]:
    """Cancel a request of a stranger while its audit line is written."""
    is_writing, messages = asyncio.Event(), list[Any]()

    async def write() -> None:
        is_writing.set()
        await asyncio.Event().wait()

    def audit(_: Iterable[bytes]) -> Any:
        return write()

    async def collect(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        raise AssertionError

    headers = [(b"accept", b"text/html"), (b"authorization", b"Bearer nobody")]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    async with run_app(settings, audit=audit) as client:
        request = asyncio.create_task(app_of(client)(scope, receive, collect))
        writing = asyncio.create_task(is_writing.wait())
        await asyncio.wait({request, writing}, return_when=asyncio.FIRST_COMPLETED)
        assert request.cancel(), messages
        with suppress(asyncio.CancelledError):
            await request
    start, end = messages
    received = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], (start, received, end["body"].decode())
