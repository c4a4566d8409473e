"""docs/cloudfront.md: its commands make a key that works, and its player sets the cookies."""

import subprocess
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from service.signing.cloudfront import read_private_key
from tests.client.fake import Fake
from tests.docs.documents import blocks

PAGE: Final = "docs/cloudfront.md"
RUN: Final = [each for each in blocks(PAGE) if each.mark.endswith("test_cloudfront_page.py")]
PLAYER: Final = [each for each in blocks(PAGE) if each.language == "python"]


def test_the_commands_make_a_key_that_works(tmp_path: Path) -> None:
    [commands] = [each.text for each in RUN if each.language == "sh"]
    subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, check=True, timeout=30)
    key = read_private_key((tmp_path / "cloudfront.pem").read_bytes())
    public = load_pem_public_key((tmp_path / "cloudfront.pub.pem").read_bytes())
    assert key.public_key() == public
    assert (tmp_path / "cloudfront.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("film", "path"), [("metropolis", "metropolis"), ("a b; Domain=x", "a%20b%3B%20Domain%3Dx")]
)
def test_the_player_sets_cookies_for_the_film_only(
    film: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"PRESIGN_URL": "https://a", "PRESIGN_TOKEN": "a", "COOKIE_DOMAIN": "example.com"}
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    [program] = [each.text for each in PLAYER]
    names: dict[str, Any] = {}
    exec(compile(program, PAGE, "exec"), names)
    names["signer"] = Fake().client()
    headers = names["watch"](film).headers.getlist("set-cookie")
    cookies = SimpleCookie(headers[0])
    assert len(headers) == 2
    assert cookies["CloudFront-Policy"].value == "policy"
    for header in headers:
        assert f"Path=/films/{path}/" in header.split("; ")
        assert {"Secure", "HttpOnly", "Domain=example.com"} <= {*header.split("; ")}
