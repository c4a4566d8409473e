"""Requests that are refused, and checks of the problems."""

import json
from typing import Any, Final

import httpx

from tests.support.app import SECRET, TOKEN

# In every input below; no response may repeat it.
MARK: Final = "canary"

UPLOAD: Final = {"bucket": "demo", "key": f"{MARK}.txt", "content_length": 5}
FORM: Final = {"bucket": "demo", "key_prefix": f"{MARK}/", "max_content_length": 5}
LIST: Final = {"bucket": "demo", "prefix": f"{MARK}/"}
GET: Final = {"bucket": "demo", "key": f"{MARK}.txt"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The members of a problem, which repeats nothing of the input."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    members: dict[str, Any] = answer.json()
    assert (members["code"], members["status"]) == (code, status)
    assert members["type"] == f"/errors#{code}"
    assert members["request_id"] == answer.headers["x-request-id"]
    for secret in (MARK, SECRET, TOKEN, "X-Amz-Signature", "demo.s3.example"):
        assert secret not in answer.text
    return members


def pointers(answer: httpx.Response, status: int = 422, code: str = "invalid_request") -> list[str]:
    return [error["pointer"] for error in problem(answer, status, code).get("errors", [])]


async def refused(
    client: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return problem(await client.post(f"/v1/{path}", content=content), status, code)


async def refused_at(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str, code: str = "invalid_request"
) -> None:
    status = 403 if code == "limit_exceeded" else 422
    problem = await refused(client, path, body, status, code)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
