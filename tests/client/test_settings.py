"""Where the service is, and the token."""

from collections.abc import Callable
from pathlib import Path

import pytest

from presign_client import PresignError
from presign_client.settings import service_url, token_source


@pytest.mark.parametrize("token", ["", " ", "tökén", "two words", "a\nb"])
def test_a_token_that_is_none_is_never_sent(token: str) -> None:
    with pytest.raises(PresignError, match="invalid_token"):
        token_source(lambda: token, None)()


@pytest.mark.parametrize(
    "url",
    [
        "presign.test",
        "ftp://a",
        "https://",
        "https://u@a",
        "https://a?b",
        "https://ä",
        "https://a/b c",
        "https://a/#b",
        "https://a/#",
        "https://a:b",
        "https://a:99999",
        "https://[",
    ],
)
def test_an_invalid_service_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        service_url(url)


def test_url_and_token_come_from_the_environment() -> None:
    environment = {"PRESIGN_URL": "https://a.test/presign/", "PRESIGN_TOKEN": "abc"}

    assert service_url(None, environment) == "https://a.test/presign"
    assert token_source(None, None, environment)() == "abc"


@pytest.mark.parametrize(
    "call", [lambda: service_url(None, {}), lambda: token_source(None, None, {})]
)
def test_a_missing_setting_is_named(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="PRESIGN_"):
        call()


@pytest.mark.parametrize("content", ["one".encode("utf-16"), b"\xff"])
def test_a_token_file_in_another_encoding_is_said(tmp_path: Path, content: bytes) -> None:
    """As PowerShell's `>` writes it."""
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(PresignError, match=r"Copy it again, in UTF-8\.") as refused:
        token_source(None, file)()

    assert refused.value.code == "invalid_token"
    assert repr(content)[2:-1] not in repr(refused.value)
    assert refused.value.__context__ is None  # no error of decoding, which has the token


def test_a_token_file_is_read_for_each_call(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = token_source(None, file)

    assert token() == "one"
    file.write_text("two\n")
    assert token() == "two"
