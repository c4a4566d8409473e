"""Asks a presign service why a signed request failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from service.diagnosis.findings import quote_if_safe
from service.diagnosis.request import ReportedRequest

_TIMEOUT_SECONDS: Final = 10.0
_MAX_SHOWN: Final = 4096  # characters of a text in the service's response
_NOT_PRESIGN: Final = "the response is not a diagnosis; is --service the URL of presign?"


@dataclass(frozen=True, slots=True)
class RemoteFinding:
    """A finding of the service, which may be newer and know other codes."""

    code: str
    proven: bool
    summary: str
    fix: str


class DiagnosisFailed(Exception):
    """The service gave no findings. The message says why, and repeats nothing that was sent."""


def diagnose_remotely(
    request: ReportedRequest, service: str, token: str, transport: httpx.BaseTransport | None = None
) -> list[RemoteFinding]:
    """Return the service's findings for the caller of `token`. Raises DiagnosisFailed."""
    body = {
        "method": request.method,
        "url": request.url,
        "headers": None if request.headers is None else dict(request.headers),
        "response_status": request.status,
        "response_body": request.body,
    }
    present = {name: value for name, value in body.items() if value is not None}
    authorization = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(
            base_url=service, timeout=_TIMEOUT_SECONDS, transport=transport
        ) as client:
            response = client.post("/v1/diagnoses", json=present, headers=authorization)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # The error's message may contain the URL.
        raise DiagnosisFailed(f"the service does not answer: {type(error).__name__}") from None
    return list(_findings(response))


def _findings(response: httpx.Response) -> Iterator[RemoteFinding]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.status_code != 200:
        code = document.get("code") if isinstance(document, dict) else None
        shown = quote_if_safe(code, "") if isinstance(code, str) else ""
        raise DiagnosisFailed(f"the service refused: {response.status_code} {shown}".rstrip())
    try:
        for each in document["findings"]:
            code, summary, fix = (_printable(each[name]) for name in ("code", "summary", "fix"))
            yield RemoteFinding(code, each["proven"] is True, summary, fix)
    except (KeyError, TypeError):
        raise DiagnosisFailed(_NOT_PRESIGN) from None


def _printable(text: Any) -> str:
    """Replace control characters, which a terminal would obey. Raises TypeError if not a string."""
    if not isinstance(text, str):
        raise TypeError
    return "".join(each if each.isprintable() else "?" for each in text[:_MAX_SHOWN])
