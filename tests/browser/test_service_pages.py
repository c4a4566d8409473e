"""The pages that the service writes itself, as people see them, and as axe reads them."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from service.config.key_files import new_key
from tests.browser.axe import fits, violations
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.socket_server import wait_until
from tests.support.stores import Store

FOLDER: Final = "/o/objects/pages/"
PAGES: Final = ["/", "/docs", "/errors", FOLDER, "/l/unknown"]
SCREENS: Final = [("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)]
# axe takes half a minute of CPU for the contract: it is read light and wide, and dark and narrow.
SEEN: Final = [
    (path, *screen)
    for path in PAGES
    for screen in (SCREENS if path != "/docs" else (SCREENS[0], SCREENS[3]))
]
READY: Final = {"/docs": "Sign a download"}


@pytest.fixture(scope="module")
def service(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    directory = tmp_path_factory.mktemp("pages")
    (directory / "link.key").write_text(new_key(b"k" * 32))
    for name in ("a.txt", "a-name-that-is-too-long-for-one-line-of-a-phone.tar.gz", "sub/b.txt"):
        ministack.put(f"pages/{name}")
    more: dict[str, Any] = {
        "console": True,
        "server": {"drain_seconds": 0, "public_url": "https://files.example.com"},
        "links": {"keys": [str(directory / "link.key")], "store_url": "memory://"},
    }
    callers = [make_caller("tests", API_KEY, "")]
    with run_service(ministack, directory, callers=callers, top=more) as running:
        yield running


def open_page(page: Page, service: RunningService, path: str) -> list[str]:
    """Return what goes wrong in the page from now on: also what it asks of another host."""
    origin, wrong = str(service.client.base_url).rstrip("/"), list[str]()

    def ask(sent: Request) -> None:
        if not sent.url.startswith((origin, "data:")):
            wrong.append(sent.url)

    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", ask)
    page.goto(f"{origin}{path}")
    if path in READY:
        expect(page.get_by_role("heading", name=READY[path])).to_be_visible()
    return wrong


@pytest.mark.parametrize(("path", "scheme", "width"), SEEN)
def test_everybody_can_read_each_page(
    chromium: Browser, service: RunningService, path: str, scheme: Any, width: int
) -> None:
    key = {"Authorization": f"Bearer {API_KEY}"} if path == FOLDER else {}
    with chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, extra_http_headers=key
    ) as context:
        page = context.new_page()
        wrong = open_page(page, service, path)
        assert violations(page, least=5) == []
        assert fits(page)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light, dark = ("244, 246, 246", "255, 255, 255"), ("12, 18, 17", "20, 28, 27")
        assert ground in {f"rgb({each})" for each in (light if scheme == "light" else dark)}
        assert [line for line in wrong if "404 (Not Found)" not in line] == []


def test_the_docs_show_each_call_of_the_contract(page: Page, service: RunningService) -> None:
    open_page(page, service, "/docs")
    contract = service.client.get("/openapi.json").json()
    summaries = [
        call["summary"]
        for path in contract["paths"].values()
        for method, call in path.items()
        if method in {"get", "put", "post", "delete", "head"}
    ]
    assert len(summaries) > 20
    shown = page.get_by_role("heading", level=2)
    wait_until(lambda: set(summaries) <= {each.strip() for each in shown.all_text_contents()})
