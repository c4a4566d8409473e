"""`presign diagnose`: a failing request explained in words, from here or by asking the service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from service.diagnosis.diagnose import Context, diagnose, parse_report
from service.diagnosis.findings import Finding, quote_if_safe
from service.diagnosis.request import ReportedRequest

_SECONDS: Final = 10.0
_MOST_WORDS: Final = 4096  # of an answer that is shown


@dataclass(frozen=True, slots=True)
class RemoteFinding:
    """A finding of the service's, which may know kinds that are not known here."""

    code: str
    proven: bool
    summary: str
    fix: str


class NotAsked(Exception):
    """The service gave no findings; the words say why, and hold nothing that was sent."""


def parse_headers(lines: Sequence[str]) -> dict[str, str]:
    """Of `Name: value` lines. Raises ValueError, whose words repeat none."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError("write a header as 'Name: value'")
        headers[name.strip()] = value.strip()
    return headers


def diagnose_locally(asked: ReportedRequest, now: float) -> list[Finding]:
    """What can be seen without the session that signed."""
    return diagnose(parse_report(asked), Context(now=now))


def diagnose_remotely(
    asked: ReportedRequest, service: str, token: str, transport: httpx.BaseTransport | None = None
) -> list[RemoteFinding]:
    """What the service says, to whoever `token` is. Raises NotAsked."""
    body = {
        "method": asked.method,
        "url": asked.url,
        "headers": None if asked.headers is None else dict(asked.headers),
        "response_status": asked.status,
        "response_body": asked.body,
    }
    present = {name: value for name, value in body.items() if value is not None}
    try:
        with httpx.Client(base_url=service, timeout=_SECONDS, transport=transport) as client:
            authorization = {"Authorization": f"Bearer {token}"}
            answer = client.post("/v1/diagnoses", json=present, headers=authorization)
            return _findings(answer)
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        UnicodeError,
    ) as error:  # its words may hold the address
        raise NotAsked(f"the service does not answer: {type(error).__name__}") from None


def words(findings: Sequence[Finding | RemoteFinding]) -> Iterator[str]:
    for number, finding in enumerate(findings, 1):
        sure = "certain" if finding.proven else "likely"
        yield f"{number}. {finding.code} ({sure})"
        yield f"   {finding.summary}"
        yield f"   To change: {finding.fix}"
    if not findings:
        yield "Nothing is found."


def _findings(answer: httpx.Response) -> list[RemoteFinding]:
    told = _json(answer)
    if answer.status_code != 200:
        code = told.get("code")
        what = quote_if_safe(code, "") if isinstance(code, str) else ""
        raise NotAsked(f"the service refuses: {answer.status_code} {what}".rstrip())
    try:
        return [_finding(each) for each in told["findings"]]
    except (KeyError, TypeError, ValueError):
        raise NotAsked("the answer is not that of this service") from None


def _finding(told: dict[str, Any]) -> RemoteFinding:
    code, summary, fix = (_printable(told[name]) for name in ("code", "summary", "fix"))
    return RemoteFinding(code, told["proven"] is True, summary, fix)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _printable(text: object) -> str:
    """For a terminal, which takes orders from control characters. Raises TypeError of what is no text."""
    if not isinstance(text, str):
        raise TypeError
    return "".join(each if each.isprintable() else "?" for each in text[:_MOST_WORDS])
