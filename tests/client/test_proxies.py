"""The same variables name the same proxy for calls of presign, by httpx, and for the bytes."""

from itertools import product

import httpx
import pytest

from presign_client import PresignError
from presign_client.proxies import FORM, proxy_for

PROXY = "http://proxy.test:3128"
URLS = [
    f"{scheme}://{host}/a?b"
    for scheme, host in product(
        ("http", "https"),
        ("example.com", "s3.example.com", "wwwexample.com", "10.0.0.1", "localhost", "a.localhost",
         "[::1]", "example.com:8333", "S3.Example.com"),
    )
]  # fmt: skip
EXCLUDED = [
    "",
    "*",
    "example.com",
    ".example.com",
    "EXAMPLE.com",
    "example.com:8333",
    "10.0.0.1",
    "10.0.0.0/8",
    "localhost",
    "::1",
    "http://example.com",
    "all://s3.example.com",
    "other.test, example.com ,",
]


@pytest.mark.parametrize("excluded", EXCLUDED)
@pytest.mark.parametrize("scheme", ["http", "https", "all"])
def test_httpx_would_take_the_same_proxy(
    monkeypatch: pytest.MonkeyPatch, scheme: str, excluded: str
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(f"{scheme}_proxy", PROXY)
    monkeypatch.setenv("no_proxy", excluded)
    with httpx.Client() as client:
        direct = client._transport
        expected = {url: client._transport_for_url(httpx.URL(url)) is not direct for url in URLS}

    settings = {scheme: PROXY, "no": excluded}
    assert {url: proxy_for(url, settings) == PROXY for url in URLS} == expected


def test_the_scheme_of_a_url_comes_before_all() -> None:
    settings = {"https": "secure.test:1", "all": "socks.test:2"}

    assert proxy_for("https://example.com/", settings) == "http://secure.test:1"
    assert proxy_for("http://example.com/", settings) == "http://socks.test:2"
    assert proxy_for("http://example.com/", {}) is None


@pytest.mark.parametrize(
    "unknown", ["fd00::/8", "[fd00::]/8", "example.com:any", "a:99999", "[::1"]
)
def test_an_exception_of_another_form_names_no_host(unknown: str) -> None:
    settings = {"https": PROXY, "no": f"{unknown},other.test"}

    assert proxy_for("https://example.com/", settings) == PROXY
    assert proxy_for("https://[fd00::1]/", settings) == PROXY
    assert proxy_for("https://other.test/", settings) is None


@pytest.mark.parametrize(
    "malformed",
    ["http://[", "ftp://x", "socks5://x:1", "http://ann@", "http://:3128", "http://", "http://x:port",
     "http://a b:1", "ann:pass-of-ann@", "http://ann:pass-of-ann/@x:1", "http://ann:pass-of-ann@x:99999"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["https", "all"])
def test_a_proxy_that_is_none_names_its_variable(scheme: str, malformed: str) -> None:
    with pytest.raises(PresignError) as failed:
        proxy_for("https://example.com/", {scheme: malformed})

    assert failed.value.detail.startswith(f"{scheme.upper()}_PROXY must look like {FORM}, ")
    assert "pass-of-ann" not in failed.value.detail


@pytest.mark.parametrize("short", ["localhost", "ann:p@ss@proxy.test:3128", "[::1]:3128"])
def test_a_proxy_without_a_scheme_speaks_http(short: str) -> None:
    assert proxy_for("https://example.com/", {"https": short}) == f"http://{short}"
