"""The page's name, its colour, and the issuer where people sign in."""

from html.parser import HTMLParser
from typing import Any, Final

import httpx
import pytest

from service.console.page_settings import PageSettings
from tests.app.services.harness import settings, start_services
from tests.support.app import make_app_settings, make_open_grant, run_app

MARKUP: Final = "<b>Acme</b> & 'co' $name"
ISSUER: Final = {
    "issuer": "https://id.example:8443/tenant",
    "audience": "console",
    "jwks_url": "https://id.example/keys",
}
CONSOLE: Final = {
    "name": MARKUP,
    "colour": "#fc0",
    "issuer": "company",
    "client_id": '"><script>',
    "issuer_origins": ["https://token.example"],
}


@pytest.fixture(name="branded")
async def _branded() -> Any:
    branded = make_app_settings(make_open_grant(), issuers={"company": ISSUER}, console=CONSOLE)
    async with run_app(branded) as client:
        yield client


async def test_the_policy_names_the_issuers_origins(branded: httpx.AsyncClient) -> None:
    policy = (await branded.get("/console")).headers["content-security-policy"]
    origins = "https://id.example:8443 https://token.example"
    assert f"; connect-src 'self' https://demo.s3.example {origins};" in policy
    assert policy.count("id.example") == 1


async def test_the_page_has_its_name_and_issuer_as_text(branded: httpx.AsyncClient) -> None:
    page = Page((await branded.get("/console")).text)
    assert page.title == MARKUP
    assert page.root == {
        "lang": "en",
        "data-issuer": "https://id.example:8443/tenant",
        "data-issuer-name": "company",
        "data-client-id": '"><script>',
    }


class Page(HTMLParser):
    """The title, and the attributes of the root element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root: dict[str, str | None] = {}
        self.title, self._is_title = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.root = dict(attrs) if tag == "html" else self.root
        self._is_title = tag == "title"

    def handle_data(self, data: str) -> None:
        self.title += data if self._is_title else ""

    def handle_endtag(self, tag: str) -> None:
        self._is_title = self._is_title and tag != "title"


async def test_the_style_has_the_configured_colour(branded: httpx.AsyncClient) -> None:
    response = await branded.get("/console/colour.css")
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.text == ":root { --brand: #fc0; }\n"


async def test_a_new_configuration_changes_the_page() -> None:
    async with start_services(settings(console=CONSOLE, issuers={"company": ISSUER})) as harness:
        console = harness.services.console
        assert console.values is not None
        assert console.values.sign_in is not None
        await harness.services.reconfigure(settings(console={"name": "Acme"}))
        assert console.values == PageSettings(name="Acme", colour="#0f766e")
        await harness.services.reconfigure(settings())
        assert console.values is None
