"""Asks that are refused, and what each refusal must be like."""

import json
from typing import Any, Final

import httpx

from tests.api.conftest import SECRET, TOKEN

# Stands in every input below; no answer may repeat it.
MARK: Final = "canary"

UPLOAD: Final = {"bucket": "demo", "key": f"{MARK}.txt", "content_length": 5}
FORM: Final = {"bucket": "demo", "key_prefix": f"{MARK}/", "max_content_length": 5}
LIST: Final = {"bucket": "demo", "prefix": f"{MARK}/"}
GET: Final = {"bucket": "demo", "key": f"{MARK}.txt"}


async def refused(
    client: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post(f"/v1/{path}", content=content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:presign:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    for secret in (MARK, SECRET, TOKEN, "X-Amz-Signature"):
        assert secret not in answer.text
    return problem


async def refused_at(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str, code: str = "invalid_request"
) -> None:
    status = 403 if code == "limit_exceeded" else 422
    problem = await refused(client, path, body, status, code)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
