"""What the fake answers where other programs meet the service: remote signing and credentials."""

from typing import Any
from urllib.parse import quote

import httpx

SECRET_KEY = "secret-key-of-the-tests"
SESSION_TOKEN = "session-token-of-the-tests"
# Of SigV4 for S3. What else is sent makes a signature one of this request alone.
PLAIN = frozenset({"host", "content-length", "range"})


def credentials(expiration: str = "2026-03-01T12:30:00Z") -> dict[str, str]:
    return {
        "AccessKeyId": "ASIAKEYOFTHETESTS",
        "SecretAccessKey": SECRET_KEY,
        "Token": SESSION_TOKEN,
        "Expiration": expiration,
    }


def remotely_signed(body: Any) -> httpx.Response:
    """Return headers that are new, and no valid signature."""
    is_plain = body["method"] in {"GET", "HEAD"} and body["headers"].keys() <= PLAIN
    return httpx.Response(
        200,
        headers={"cache-control": "private" if is_plain else "no-cache"},
        json={
            "uri": body["uri"],
            "headers": {
                "Authorization": ["AWS4-HMAC-SHA256 Signature=of-the-tests"],
                "x-amz-date": ["20260301T120000Z"],
                "x-amz-security-token": [SESSION_TOKEN],
            },
        },
    )


def iceberg_error(status: int, code: str, message: str) -> httpx.Response:
    error = {"message": message, "type": "Exception", "code": status, "reason": code}
    headers = {"x-request-id": "request-1"}
    return httpx.Response(status, headers=headers, json={"error": error})


def signed_cookies(body: Any) -> Any:
    """Answer `POST /v1/cookies`."""
    return {
        "cookies": {
            "CloudFront-Policy": "policy",
            "CloudFront-Signature": "signature-of-the-tests",
        },
        "url": f"https://d1.test/{quote(body['prefix'])}",
        "expires_at": "2026-03-01T12:15:00Z",
        **({} if "expires_in" not in body else {"limited_by": "grant"}),
    }
