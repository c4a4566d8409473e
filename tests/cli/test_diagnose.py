"""`presign diagnose`: what it reads, prints and never shows, and its exit codes."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from click.testing import CliRunner, Result

from service.cli.diagnose import parse_headers
from service.cli.main import main
from service.cli.remote_diagnosis import _NOT_PRESIGN, DiagnosisFailed, diagnose_remotely
from service.diagnosis.request import MAX_URL_LENGTH, ReportedRequest
from tests.diagnosis.reports import TOKEN, UPLOAD, error, signed
from tests.docs.documents import commands
from tests.support.demo import ROOT

SECONDS: Final = 60.0  # for a process, on a busy machine
URL: Final = signed()
SIGNATURE: Final = URL.rpartition("=")[2]
MISMATCH: Final = error("SignatureDoesNotMatch")["body"]
REQUEST: Final = ReportedRequest(
    method="GET", url=URL, headers={"a": "b"}, status=403, body=MISMATCH
)
FINDING: Final = {"code": "expired", "proven": True, "summary": "It is late.", "fix": "Be early."}


def presign(*options: str, url: str = URL, **environment: str) -> Result:
    done = CliRunner().invoke(main, ["diagnose", *options], input=url, env=environment)
    for secret in (SIGNATURE, TOKEN, "key-of-mine"):
        assert secret not in done.output
    return done


def test_it_says_what_is_wrong_and_how_to_fix_it() -> None:
    done = presign(url=URL.replace("&", "&amp;"))
    assert done.exit_code == 1
    first, *more = done.output.splitlines()
    assert first == "1. url_escaped (certain)"
    assert "escaped" in more[0]
    assert more[1].startswith("   Fix: ")


def test_a_curl_command_has_the_method_and_the_headers() -> None:
    url = signed(UPLOAD, now=int(time.time()))
    command = shlex.join(["curl", "-X", "PUT", "-H", "content-type: text/html", url])
    done = presign("--curl", url=command)
    assert "were not sent: `if-none-match`." in done.output
    assert "curl -T FILE -H 'content-type: text/html' -H 'if-none-match: *'" in done.output
    assert presign("--curl", url=url).exit_code == 2


def test_the_fix_of_a_curl_command_has_no_charset_that_a_browser_added() -> None:
    url = signed(UPLOAD, now=int(time.time()))
    sent = ["curl", url, "-X", "PUT", "-H", "content-type: text/plain;charset=UTF-8"]
    done = presign("--curl", url=shlex.join(sent))
    assert "1. header_missing (certain)" in done.output
    assert "2. content_type_changed (likely)" in done.output
    assert "probably signed for the type `text/plain`" in done.output
    fixes = [line for line in done.output.splitlines() if line.startswith("   Fix: ")]
    assert all("charset=" not in fix for fix in fixes)


def test_no_method_is_assumed(tmp_path: Path) -> None:
    answer = tmp_path / "answer.xml"
    answer.write_text(MISMATCH)
    url = signed(UPLOAD, now=2**32)
    assert "method_changed" not in presign("--response", str(answer), url=url).output
    assert "method_changed" in presign("--method", "GET", url=url).output


def test_an_uncertain_cause_is_called_likely(tmp_path: Path) -> None:
    answer = tmp_path / "answer.xml"
    answer.write_text(MISMATCH)
    url = f"{signed(now=2**32)}&utm_source=a"
    done = presign("--response", str(answer), "--no-headers", url=url)
    assert "query_changed (likely)" in done.output


def test_without_a_cause_it_exits_with_0() -> None:
    done = presign("--status", "200")
    assert (done.exit_code, done.output) == (0, "No cause found.\n")


def test_findings_are_json_on_request() -> None:
    done = presign("--json", url=URL.replace("&", "&amp;"))
    assert done.exit_code == 1
    finding = json.loads(done.output)["findings"][0]
    assert (finding["code"], finding["proven"]) == ("url_escaped", True)
    assert {"summary", "fix"} < finding.keys()
    assert json.loads(presign("--json", "--status", "200").output) == {"findings": []}


def test_headers_and_the_response_are_examined(tmp_path: Path) -> None:
    answer = tmp_path / "answer.xml"
    answer.write_bytes(error("NoSuchKey")["body"].encode() + b"\xff")
    done = presign("--response", str(answer))
    assert done.output.startswith("1. object_missing (certain)")
    headers = ["-H", "Content-Type: text/plain", "-H", "content-length:5"]
    url = signed(UPLOAD, now=2**32)
    done = presign("--method", "put", *headers, url=url)
    assert "header_missing (certain)" in done.output
    assert "`if-none-match`" in done.output
    assert "`content-type`" not in done.output.partition("Fix:")[0]


@pytest.mark.parametrize("number", [0, 1])
def test_the_commands_of_the_page_work(tmp_path: Path, number: int) -> None:
    page = "docs/troubleshooting.md"
    lines = [each.text for each in commands(page) if each.text.startswith("presign diagnose")]
    line = lines[number]
    (tmp_path / "answer.xml").write_text(MISMATCH)
    (tmp_path / "put.sh").write_text(shlex.join(["curl", "-T", "FILE", URL[:-10]]))
    (tmp_path / "url.txt").write_text(URL[:-10])
    done = subprocess.run(
        ["bash", "-c", line.replace("presign", f"{sys.executable} -m service", 1)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("1. url_truncated (certain)")


def test_missing_headers_are_unknown_unless_there_were_none() -> None:
    url = signed(UPLOAD, now=2**32)
    assert "header_missing (likely)" in presign("--method", "PUT", url=url).output
    assert "header_missing (certain)" in presign("--method", "PUT", "--no-headers", url=url).output


def test_the_url_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url.txt"
    file.write_text(f"\n{URL[:-5]}\n")
    done = presign("--url-file", str(file), url="")
    assert done.output.startswith("1. url_truncated")


def test_a_terminal_asks_for_the_url_and_hides_it() -> None:
    with at_a_terminal("--status", "200") as (process, ours):
        shown = shown_until(ours, "URL (hidden)")
        os.write(ours, f"{URL}\n".encode())
        shown += shown_until(ours, "found.")
        assert process.wait(SECONDS) == 0
    assert "No cause found." in shown
    assert "X-Amz" not in shown


@contextmanager
def at_a_terminal(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process, and the other end of its terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "service", "diagnose", *options]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        try:
            yield process, ours
        finally:
            process.kill()  # otherwise a failing test would wait for it
            os.close(ours)


def shown_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in shown:
        assert select.select([terminal], [], [], SECONDS)[0], shown
        shown += os.read(terminal, 4096).decode()
    return shown


@pytest.mark.parametrize(
    "words",
    [
        *([URL], ["--status", "403", URL, "more"]),
        *([option, URL] for option in ("--url-file", "--response", "--status")),
    ],
)
def test_a_url_as_an_argument_is_refused_and_not_shown(words: list[str]) -> None:
    done = presign(*words, url="")
    assert done.exit_code == 2
    assert "the URL cannot be an argument: other users of the machine can see it" in done.output
    assert "--url-file" in done.output
    assert "X-Amz" not in done.output


@pytest.mark.parametrize(
    ("options", "url", "message"),
    [
        ([], "", "the URL must have 1 to 16384 characters"),
        ([], "a" * (MAX_URL_LENGTH + 1), "the URL must have 1 to 16384 characters"),
        (["-H", "no colon"], URL, "write a header as 'Name: value'"),
        (["-H", ": no name"], URL, "write a header as 'Name: value'"),
        (["--status", "99"], URL, "Invalid value for '--status'"),
        (["--service", "http://127.0.0.1:9"], URL, "PRESIGN_TOKEN is not set"),
    ],
)
def test_an_unusable_option_or_url_exits_with_2(options: list[str], url: str, message: str) -> None:
    done = presign(*options, url=url)
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize(
    "service", ["http://127.0.0.1:9/hush", "http://[", "nowhere", "http://a b"]
)
def test_an_unreachable_service_is_reported_without_its_address(service: str) -> None:
    done = presign("--service", service, PRESIGN_TOKEN="key-of-mine")
    assert (done.exit_code, "Traceback" in done.output) == (2, False)
    assert "the service does not answer: " in done.output
    assert "hush" not in done.output


def service_with(response: httpx.Response) -> tuple[list[httpx.Request], httpx.MockTransport]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return response

    return requests, httpx.MockTransport(handle)


def test_the_service_gets_a_request_of_the_contract() -> None:
    requests, transport = service_with(httpx.Response(200, json={"findings": [FINDING]}))
    [finding] = diagnose_remotely(REQUEST, "https://presign.example", "key", transport)
    assert (finding.code, finding.proven, finding.summary) == ("expired", True, "It is late.")
    [request] = requests
    assert str(request.url) == "https://presign.example/v1/diagnoses"
    assert request.headers["authorization"] == "Bearer key"
    answer = {"headers": {"a": "b"}, "response_status": 403, "response_body": MISMATCH}
    assert json.loads(request.content) == {"method": "GET", "url": URL, **answer}
    diagnose_remotely(ReportedRequest(method="GET", url=URL), "https://a.example", "key", transport)
    assert json.loads(requests[1].content) == {"method": "GET", "url": URL}  # no unknown values
    diagnose_remotely(ReportedRequest(url=URL), "https://a.example", "key", transport)
    assert json.loads(requests[2].content) == {"url": URL}


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(403, json={"code": "forbidden"}), "the service refused: 403 `forbidden`"),
        (httpx.Response(500, text="<html>"), "the service refused: 500"),
        (httpx.Response(502, json=["\x1b"]), "the service refused: 502"),
        (httpx.Response(503, json={"code": "\x1b[31m"}), "the service refused: 503"),
        (httpx.Response(200, text="<html>"), _NOT_PRESIGN),
        (httpx.Response(200, json={"findings": [{}]}), _NOT_PRESIGN),
        (httpx.Response(200, json={"findings": [5]}), _NOT_PRESIGN),
        (httpx.Response(200, json={"findings": [{**FINDING, "code": [5]}]}), _NOT_PRESIGN),
        (httpx.Response(200, json={"findings": 5}), _NOT_PRESIGN),
    ],
)
def test_a_response_without_findings_is_reported(response: httpx.Response, message: str) -> None:
    _, transport = service_with(response)
    with pytest.raises(DiagnosisFailed, match=f"^{re.escape(message)}$"):
        diagnose_remotely(REQUEST, "https://presign.example", "key", transport)


def test_an_unknown_finding_is_shown_without_control_characters() -> None:
    newer = {**FINDING, "code": "brand_new", "summary": "Red: \x1b[31m", "fix": "\r\n\x07"}
    _, transport = service_with(httpx.Response(200, json={"findings": [newer]}))
    [finding] = diagnose_remotely(REQUEST, "https://presign.example", "key", transport)
    assert (finding.code, finding.summary) == ("brand_new", "Red: ?[31m")
    assert finding.fix == "???"


def test_a_headers_value_can_contain_colons() -> None:
    lines = ["Date: Sun, 01 Mar 2026 12:00:00 GMT", "a:b"]
    assert parse_headers(lines) == {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "a": "b"}


def test_a_cancelled_prompt_exits_with_2() -> None:
    with at_a_terminal() as (process, ours):
        shown_until(ours, "URL (hidden)")
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 2


def test_a_closed_standard_input_is_reported() -> None:
    command = f"exec {shlex.quote(sys.executable)} -m service diagnose <&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2
    assert "no standard input" in done.stderr


@pytest.mark.parametrize(
    ("service", "warns"), [("http://presign.invalid", True), ("http://127.0.0.1:1", False)]
)
def test_it_warns_of_an_unencrypted_connection(service: str, *, warns: bool) -> None:
    done = presign("--service", service, PRESIGN_TOKEN="key")
    assert done.exit_code == 2
    assert ("warning: http sends" in done.output) is warns
