"""The curl commands that `presign diagnose --curl` reads."""

import shlex
from pathlib import Path
from typing import Final

import pytest

from service.cli.curl_command import parse_curl

URL: Final = "https://store.example/b/k?X-Amz-Signature=0"
FORM: Final = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("words", "method", "headers"),
    [
        ("", "GET", {}),
        ("-I", "HEAD", {}),
        ("--head", "HEAD", {}),
        ("-X DELETE", "DELETE", {}),
        ("-XDELETE", "DELETE", {}),
        ("-H 'Content-Type: text/plain'", "GET", {"content-type": "text/plain"}),
        ("-H 'Accept:'", "GET", {}),
        ("-fsS -o out --max-time 5", "GET", {}),
        ("-e https://referrer.example/", "GET", {}),
        ("-T five", "PUT", {"content-length": "5"}),
        ("--upload-file missing", "PUT", {}),
        ("-d hello", "POST", {"content-type": FORM, "content-length": "5"}),
        (
            "-X PUT --data-binary @five -H 'content-type: a/b'",
            "PUT",
            {"content-type": "a/b", "content-length": "5"},
        ),
    ],
)
def test_a_command_says_what_it_sends(
    words: str,
    method: str,
    headers: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "five").write_text("hello")
    monkeypatch.chdir(tmp_path)
    for text in (f"curl {words} '{URL}'", f"curl '{URL}' \\\n  {words}\n"):
        sent = parse_curl(text)
        assert (sent.method, sent.url) == (method, URL)
        assert sent.headers == headers


@pytest.mark.parametrize("text", ["", URL, "wget " + URL, "curl", "curl 'unclosed " + URL])
def test_what_is_no_curl_command_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is checked
        parse_curl(text)
    assert "X-Amz" not in str(refused.value)


def test_its_repr_shows_no_url_and_no_header() -> None:
    sent = parse_curl(shlex.join(["curl", "-H", "x: secret", URL]))
    assert "secret" not in repr(sent)
    assert "Signature" not in repr(sent)
