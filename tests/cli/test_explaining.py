"""`presign diagnose`: what it reads, what it says, how it ends, and what it never shows."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from click.testing import CliRunner, Result

from service.cli.explain import NotAsked, diagnose_remotely, parse_headers
from service.cli.main import main
from service.diagnosis.request import MAX_URL_LENGTH, ReportedRequest
from tests.diagnosis.helpers import TOKEN, UPLOAD, error, signed
from tests.docs.documents import commands
from tests.support.demo import ROOT

SECONDS: Final = 60.0  # for a process, on a busy machine
URL: Final = signed()
SIGNATURE: Final = URL.rpartition("=")[2]
MISMATCH: Final = error("SignatureDoesNotMatch")["body"]
ASKED: Final = ReportedRequest(method="GET", url=URL, headers={"a": "b"}, status=403, body=MISMATCH)
FINDING: Final = {"code": "expired", "proven": True, "summary": "It is late.", "fix": "Be early."}


def presign(*options: str, url: str = URL, **environment: str) -> Result:
    done = CliRunner().invoke(main, ["diagnose", *options], input=url, env=environment)
    for secret in (SIGNATURE, TOKEN, "key-of-mine"):
        assert secret not in done.output
    return done


def test_it_says_in_words_what_is_found_and_how_to_mend_it() -> None:
    done = presign(url=URL.replace("&", "&amp;"))
    assert done.exit_code == 1
    first, *more = done.output.splitlines()
    assert first == "1. url_escaped (certain)"
    assert more[0] == (
        "   The URL is escaped for HTML: `&` became `&amp;`, so the store sees other parameters."
    )
    assert more[1].startswith("   To change: Unescape it once")


def test_what_is_not_certain_is_called_likely(tmp_path: Path) -> None:
    answer = tmp_path / "answer.xml"
    answer.write_text(MISMATCH)
    done = presign(
        "--response", str(answer), "--no-headers", url=f"{signed(now=2**32)}&utm_source=a"
    )
    assert "query_changed (likely)" in done.output


def test_where_nothing_is_found_it_says_so_and_exits_with_0() -> None:
    done = presign("--status", "200")
    assert (done.exit_code, done.output) == (0, "Nothing is found.\n")


def test_headers_and_the_answer_are_looked_at(tmp_path: Path) -> None:
    answer = tmp_path / "answer.xml"
    answer.write_bytes(error("NoSuchKey")["body"].encode() + b"\xff")
    done = presign("--response", str(answer))
    assert done.output.startswith("1. object_missing (certain)")
    headers = ["-H", "Content-Type: text/plain", "-H", "content-length:5"]
    url = signed(UPLOAD, now=2**32)
    done = presign("--method", "put", *headers, url=url)
    assert "header_missing (certain)" in done.output
    assert "`if-none-match`" in done.output
    assert "`content-type`" not in done.output.partition("To change")[0]


def test_the_line_of_the_page_says_what_is_wrong(tmp_path: Path) -> None:
    page = "docs/troubleshooting.md"
    [line] = [each.text for each in commands(page) if each.text.startswith("presign diagnose")]
    (tmp_path / "answer.xml").write_text(MISMATCH)
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


def test_without_headers_they_are_untold_and_said_to_be_none_only_if_asked() -> None:
    url = signed(UPLOAD, now=2**32)
    assert "header_missing (likely)" in presign("--method", "PUT", url=url).output
    assert "header_missing (certain)" in presign("--method", "PUT", "--no-headers", url=url).output


def test_the_url_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url.txt"
    file.write_text(f"\n{URL[:-5]}\n")
    done = presign("--url-file", str(file), url="")
    assert done.output.startswith("1. url_truncated")


def test_at_a_terminal_it_is_asked_for_and_not_shown() -> None:
    """A terminal of one's own: what it shows is read at its other end."""
    with at_a_terminal("--status", "200") as (process, ours):
        shown = shown_until(ours, "URL (is not shown)")
        os.write(ours, f"{URL}\n".encode())
        shown += shown_until(ours, "found.")
        assert process.wait(SECONDS) == 0
    assert "Nothing is found." in shown
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
            process.kill()  # else a failure would wait for its end
            os.close(ours)


def shown_until(terminal: int, words: str) -> str:
    shown = ""
    while words not in shown:
        assert select.select([terminal], [], [], SECONDS)[0], shown
        shown += os.read(terminal, 4096).decode()
    return shown


def test_the_url_is_no_argument() -> None:
    done = CliRunner().invoke(main, ["diagnose", URL])
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("options", "url", "words"),
    [
        ([], "", "give a URL of 1 to 16384 characters"),
        ([], "a" * (MAX_URL_LENGTH + 1), "give a URL of 1 to 16384 characters"),
        (["-H", "no colon"], URL, "write a header as 'Name: value'"),
        (["-H", ": no name"], URL, "write a header as 'Name: value'"),
        (["--status", "99"], URL, "Invalid value for '--status'"),
        (["--service", "http://127.0.0.1:9"], URL, "PRESIGN_TOKEN is not set"),
    ],
)
def test_what_cannot_be_asked_exits_with_2(options: list[str], url: str, words: str) -> None:
    done = presign(*options, url=url)
    assert done.exit_code == 2
    assert words in done.output


def test_a_service_that_does_not_answer_is_told_of_without_its_address() -> None:
    done = presign("--service", "http://127.0.0.1:9/secret", PRESIGN_TOKEN="key-of-mine")
    assert done.exit_code == 2
    assert "the service does not answer: ConnectError" in done.output
    assert "secret" not in done.output


def test_whoever_cannot_be_a_host_is_told_of_as_well() -> None:
    for service in ("http://[", "nowhere", "http://a b"):
        done = presign("--service", service, PRESIGN_TOKEN="key-of-mine")
        assert (done.exit_code, "Traceback" in done.output) == (2, False)
        assert "the service does not answer" in done.output


def asked_of(answer: httpx.Response) -> tuple[list[httpx.Request], httpx.MockTransport]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer

    return requests, httpx.MockTransport(handle)


def test_the_service_is_asked_as_the_contract_says() -> None:
    requests, transport = asked_of(httpx.Response(200, json={"findings": [FINDING]}))
    [finding] = diagnose_remotely(ASKED, "https://presign.example", "key", transport)
    assert (finding.code, finding.proven, finding.summary) == ("expired", True, "It is late.")
    [request] = requests
    assert str(request.url) == "https://presign.example/v1/diagnoses"
    assert request.headers["authorization"] == "Bearer key"
    assert json.loads(request.content) == {
        "method": "GET",
        "url": URL,
        "headers": {"a": "b"},
        "response_status": 403,
        "response_body": MISMATCH,
    }


def test_what_is_not_known_is_left_out() -> None:
    requests, transport = asked_of(httpx.Response(200, json={"findings": []}))
    assert (
        diagnose_remotely(
            ReportedRequest(method="GET", url=URL), "https://a.example", "key", transport
        )
        == []
    )
    assert json.loads(requests[0].content) == {"method": "GET", "url": URL}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(403, json={"code": "forbidden"}), "the service refuses: 403 `forbidden`"),
        (httpx.Response(500, text="<html>"), "the service refuses: 500"),
        (httpx.Response(502, json=["\x1b"]), "the service refuses: 502"),
        (httpx.Response(503, json={"code": "\x1b[31m"}), "the service refuses: 503"),
        (httpx.Response(200, text="<html>"), "the answer is not that of this service"),
        (httpx.Response(200, json={"findings": [{}]}), "the answer is not that of this service"),
        (httpx.Response(200, json={"findings": [5]}), "the answer is not that of this service"),
        (
            httpx.Response(200, json={"findings": [{**FINDING, "code": [5]}]}),
            "the answer is not that of this service",
        ),
        (httpx.Response(200, json={"findings": 5}), "the answer is not that of this service"),
    ],
)
def test_an_answer_that_is_none_is_told_of(answer: httpx.Response, words: str) -> None:
    _, transport = asked_of(answer)
    with pytest.raises(NotAsked, match=f"^{re.escape(words)}$"):
        diagnose_remotely(ASKED, "https://presign.example", "key", transport)


def test_a_finding_of_a_newer_service_is_shown_and_gives_no_orders_to_a_terminal() -> None:
    newer = {**FINDING, "code": "brand_new", "summary": "Red: \x1b[31m", "fix": "\r\n\x07"}
    _, transport = asked_of(httpx.Response(200, json={"findings": [newer]}))
    [finding] = diagnose_remotely(ASKED, "https://presign.example", "key", transport)
    assert (finding.code, finding.summary) == ("brand_new", "Red: ?[31m")
    assert finding.fix == "???"


def test_a_header_may_have_colons_in_its_value() -> None:
    lines: Any = ["Date: Sun, 01 Mar 2026 12:00:00 GMT", "a:b"]
    assert parse_headers(lines) == {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "a": "b"}


def test_who_stops_it_at_a_terminal_is_told_that_it_was_not_asked() -> None:
    with at_a_terminal() as (process, ours):
        shown_until(ours, "URL (is not shown)")
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 2


def test_without_a_standard_input_it_says_so() -> None:
    command = f"exec {shlex.quote(sys.executable)} -m service diagnose <&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2
    assert "no standard input" in done.stderr


@pytest.mark.parametrize(
    ("service", "warns"),
    [("http://presign.invalid", True), ("http://127.0.0.1:1", False)],
)
def test_it_warns_where_the_token_goes_in_the_clear(service: str, *, warns: bool) -> None:
    done = presign("--service", service, PRESIGN_TOKEN="key")
    assert done.exit_code == 2
    assert ("warning: http shows" in done.output) is warns
