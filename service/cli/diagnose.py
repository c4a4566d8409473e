"""`presign diagnose`: explain why a signed request failed, here or by asking the service."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final
from urllib.parse import urlsplit

import click
import httpx

from service.cli.curl_command import CurlCommand, parse_curl
from service.config.settings import callers_token
from service.diagnosis.diagnose import Context, parse_report
from service.diagnosis.diagnose import diagnose as find_causes
from service.diagnosis.findings import Finding, quote_if_safe
from service.diagnosis.request import MAX_BODY_LENGTH, MAX_URL_LENGTH, ReportedRequest

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


@click.command()
@click.option("--method", default="GET", show_default=True, help="The HTTP method.")
@click.option(
    "--header", "-H", "lines", multiple=True, help="A header, as 'Name: value'; repeatable."
)
@click.option(
    "--no-headers", is_flag=True, help="No headers were sent, except those that HTTP libraries add."
)
@click.option("--status", type=click.IntRange(100, 599), help="The status of the store's response.")
@click.option("--response", type=click.File("rb"), help="A file with the body of that response.")
@click.option("--url-file", type=click.File("rb"), help="A file with the URL. [default: stdin]")
@click.option(
    "--curl", "is_curl", is_flag=True, help="Read the curl command that failed, in place of a URL."
)
@click.option("--service", metavar="URL", help="Ask this presign service; it knows its sessions.")
def diagnose(
    *,
    method: str,
    lines: tuple[str, ...],
    no_headers: bool,
    status: int | None,
    response: IO[bytes] | None,
    url_file: IO[bytes] | None,
    is_curl: bool,
    service: str | None,
) -> None:
    """Explain why a signed request failed, and how to fix it.

    Reads the URL from standard input, or asks for it. It cannot be an argument, because other users
    of the machine see those. With --curl it reads a curl command: the method, the headers, and the
    length of a file to upload. With --service, set PRESIGN_TOKEN to an API key or token. Without it
    nothing is sent anywhere, and causes that only the session's secret can prove are not found.
    Exits with 0 if no cause is found, 1 if one is, and 2 if the request could not be diagnosed.
    """
    try:
        headers = parse_headers(lines)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--header'") from None
    try:
        sent = _read_request(url_file, method, headers, is_curl=is_curl)
        request = ReportedRequest(
            method=sent.method,
            url=sent.url,
            headers=sent.headers if sent.headers or no_headers or is_curl else None,
            status=status,
            body=None if response is None else _decoded(response.read(MAX_BODY_LENGTH)),
        )
        findings: Sequence[Finding | RemoteFinding]
        if service is None:
            findings = find_causes(parse_report(request), Context(now=time.time()))
        else:
            findings = diagnose_remotely(request, service, _token(service))
    except DiagnosisFailed as error:
        raise click.UsageError(str(error)) from None
    except (click.Abort, KeyboardInterrupt):  # click would exit with 1
        raise click.UsageError("cancelled") from None
    _echo(findings)
    sys.exit(1 if findings else 0)


def _echo(findings: Sequence[Finding | RemoteFinding]) -> None:
    for number, finding in enumerate(findings, 1):
        click.echo(f"{number}. {finding.code} ({'certain' if finding.proven else 'likely'})")
        click.echo(f"   {finding.summary}")
        click.echo(f"   Fix: {finding.fix}")
    if not findings:
        click.echo("No cause found.")


def parse_headers(lines: Sequence[str]) -> dict[str, str]:
    """Return the headers of `Name: value` lines. The ValueError repeats none of them."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError("write a header as 'Name: value'")
        headers[name.strip()] = value.strip()
    return headers


def _read_request(
    file: IO[bytes] | None, method: str, headers: dict[str, str], *, is_curl: bool
) -> CurlCommand:
    text = _read_url(file)
    if not is_curl:
        return CurlCommand(method=method, url=text, headers=headers)
    try:
        sent = parse_curl(text)
    except ValueError:
        raise click.UsageError("--curl needs a curl command with a URL") from None
    sent.headers |= headers
    return sent


def _read_url(file: IO[bytes] | None) -> str:
    if file is None and sys.stdin is None:  # it is closed
        raise click.UsageError("there is no standard input to read the URL from")
    if file is None and sys.stdin.isatty():
        return str(click.prompt("URL (hidden)", hide_input=True, err=True))
    source = sys.stdin.buffer if file is None else file
    url = _decoded(source.read(MAX_URL_LENGTH + 1)).strip()
    if not url or len(url) > MAX_URL_LENGTH:
        raise click.UsageError(f"the URL must have 1 to {MAX_URL_LENGTH} characters")
    return url


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _token(service: str) -> str:
    """Return PRESIGN_TOKEN. Warns if the connection to `service` is not encrypted."""
    try:
        parts = urlsplit(service)
    except ValueError:  # the request to it fails, and says so
        pass
    else:
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            click.echo("warning: http sends the URL and PRESIGN_TOKEN unencrypted", err=True)
    if (token := callers_token()) is None:
        raise click.UsageError("PRESIGN_TOKEN is not set; set it to an API key or token")
    return token


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
