"""What is asked of uploads in parts over HTTP, and what each refusal must be like."""

from typing import Any, Final

import httpx

from tests.api.conftest import SECRET, TOKEN, open_grant, settings_with
from tests.api.refusals import MARK

LEAST: Final = 5 * 1024**2
LENGTH: Final = LEAST + 5
ROOT: Final = "/v1/multipart-uploads"
ONE: Final = f"{ROOT}/upload-1"
KEY: Final = f"{MARK}.txt"
OBJECT: Final = {"bucket": "demo", "key": KEY}
NEW: Final = {**OBJECT, "content_length": LENGTH, "part_size": LEAST}
WINDOW: Final = {**NEW, "part_numbers": [1, 2]}
E: Final = f'"{"0" * 32}"'
DONE: Final = {**OBJECT, "content_length": 5, "parts": [{"part_number": 1, "etag": E}]}
CRC: Final = "AAAAAA=="
SETTINGS: Final = settings_with(
    open_grant(allow=["multipart"]), open_grant(bucket="closed", allow=["list"])
)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert (told["code"], told["status"]) == (code, status)
    assert told["request_id"] == answer.headers["x-request-id"]
    for secret in (MARK, SECRET, TOKEN, "X-Amz-Signature", "demo.s3.example"):
        assert secret not in answer.text
    return told


def pointers(answer: httpx.Response, status: int = 422, code: str = "invalid_request") -> list[str]:
    return [error["pointer"] for error in problem(answer, status, code).get("errors", [])]
