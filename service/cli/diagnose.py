"""`presign diagnose`: explain why a signed request failed, on this machine or by the service."""

import sys
import time
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from service.cli.curl_command import CurlCommand, parse_curl
from service.cli.options import as_json, print_json, warn

if TYPE_CHECKING:
    from service.cli.remote_diagnosis import RemoteFinding
    from service.diagnosis.findings import Finding
    from service.diagnosis.request import ReportedRequest

_NO_ARGUMENT: Final = (
    "the URL cannot be an argument: other users of the machine can see it, and shells store it. "
    "Give it on standard input, or name a file that has it with --url-file"
)


class _File(click.File):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        _refuse_url(value, ctx)
        return super().convert(value, param, ctx)


class _Status(click.IntRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        _refuse_url(value, ctx)
        return super().convert(value, param, ctx)


def _refuse_url(value: Any, ctx: click.Context | None) -> None:
    """Click repeats a wrong value of these options: it must not repeat a URL."""
    if isinstance(value, str) and "://" in value:
        raise click.UsageError(_NO_ARGUMENT, ctx)


@click.command(
    context_settings={"allow_extra_args": True},
    epilog="""\b
Examples:
  presign diagnose --method PUT --status 403 --response answer.xml --url-file url.txt
  presign diagnose --service https://presign.example.com --url-file url.txt
  presign diagnose --url-file url.txt --json | jq -r '.findings[0].code'

\b
Exit codes:
  0  no cause was found
  1  a cause was found
  2  the request could not be diagnosed
""",
)
@click.option("--method", help="The HTTP method. [default: unknown]")
@click.option(
    "--header", "-H", "lines", multiple=True, help="A header, as 'Name: value'; repeatable."
)
@click.option(
    "--no-headers", is_flag=True, help="No headers were sent, except those that HTTP libraries add."
)
@click.option("--status", type=_Status(100, 599), help="The status of the store's response.")
@click.option("--response", type=_File("rb"), help="A file with the body of that response.")
@click.option("--url-file", type=_File("rb"), help="A file with the URL. [default: stdin]")
@click.option(
    "--curl", "is_curl", is_flag=True, help="Read the curl command that failed, in place of a URL."
)
@click.option("--service", metavar="URL", help="Ask this presign service; it knows its sessions.")
@as_json
def diagnose(
    *,
    method: str | None,
    lines: tuple[str, ...],
    no_headers: bool,
    status: int | None,
    response: IO[bytes] | None,
    url_file: IO[bytes] | None,
    is_curl: bool,
    service: str | None,
    is_json: bool,
) -> None:
    """Explain why a signed request failed, and how to fix it.

    Reads the URL from standard input, or asks for it. It cannot be an argument, because other users
    of the machine see those. With --curl it reads a curl command: the method, the headers, and the
    length of a file to upload. With --service, set PRESIGN_TOKEN to an API key or token. Without it
    nothing is sent anywhere, and causes that only the session's secret can prove are not found.
    """
    from service.cli.remote_diagnosis import DiagnosisFailed
    from service.diagnosis.request import MAX_BODY_LENGTH, ReportedRequest

    if click.get_current_context().args:
        raise click.UsageError(_NO_ARGUMENT)
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
        findings = _findings(request, service)
    except DiagnosisFailed as error:
        raise click.UsageError(str(error)) from None
    except (click.Abort, KeyboardInterrupt):  # click would exit with 1
        raise click.UsageError("cancelled") from None
    if is_json:
        names = ("code", "proven", "summary", "fix")  # as the service's response has it
        print_json({"findings": [{n: getattr(each, n) for n in names} for each in findings]})
    else:
        _echo(findings)
    sys.exit(1 if findings else 0)


def _findings(
    request: "ReportedRequest", service: str | None
) -> "Sequence[Finding | RemoteFinding]":
    """Diagnose the request here, or ask the service. Raises DiagnosisFailed."""
    if service is not None:
        from service.cli.remote_diagnosis import diagnose_remotely

        return diagnose_remotely(request, service, _token(service))
    from service.diagnosis.diagnose import Context, parse_report
    from service.diagnosis.diagnose import diagnose as find_causes

    return find_causes(parse_report(request), Context(now=time.time()))


def _echo(findings: "Sequence[Finding | RemoteFinding]") -> None:
    for number, finding in enumerate(findings, 1):
        code = click.style(finding.code, fg="red" if finding.proven else "yellow")
        click.echo(f"{number}. {code} ({'certain' if finding.proven else 'likely'})")
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
    file: IO[bytes] | None, method: str | None, headers: dict[str, str], *, is_curl: bool
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
    from service.diagnosis.request import MAX_URL_LENGTH

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
    from service.config.process import callers_token

    try:
        parts = urlsplit(service)
    except ValueError:  # the request to it fails, and says so
        pass
    else:
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            warn("http sends the URL and PRESIGN_TOKEN unencrypted", err=True)
    if (token := callers_token()) is None:
        raise click.UsageError("PRESIGN_TOKEN is not set; set it to an API key or token")
    return token
