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


def share_links(request: httpx.Request) -> httpx.Response:
    match request.method:
        case "GET":
            return httpx.Response(200, json=_listed_links(request.url.params))
        case "POST":
            link = {"url": "https://presign.test/l/secret", "id": "7"}
            return httpx.Response(201, json=link | {"expires_at": "2026-03-01T12:15:00Z"})
    assert request.method == "DELETE"
    return httpx.Response(204)


def _listed_links(params: Any) -> Any:
    """Two pages of one link each."""
    times = {"created_at": "2026-03-01T12:00:00Z", "expires_at": "2026-03-08T12:00:00Z"}
    if params.get("after") == "5":
        more = {"key": "a.csv", "max_uses": 3, "operations": ["download"], "revoked": True}
        return {"links": [{"id": "8", "bucket": "reports", **times, **more}]}
    box = {"prefix": "in/", "operations": ["upload"], "label": "Ann", "revoked": False}
    url = "https://presign.test/l/secret"
    return {"links": [{"id": "9", "url": url, "bucket": "reports", **times, **box}], "next": "5"}
