"""A link that counts its uses: opening it uses nothing, its button does; and pages of refusals."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from redis import Redis

from tests.browser.axe import fits, violations
from tests.browser.console.images import png
from tests.browser.links.conftest import Open, kept_to_itself
from tests.browser.links.harness import LinkPage, LinksHarness, open_link

NAME: Final = "Bericht \u00e9 \U0001f600 100% 'a' \"b\".html"
PICTURE: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>'
BODY: Final = b"<script>document.title = 'run'</script>"


def end_windows(links: LinksHarness) -> None:
    """As if ten minutes had passed for the store of uses."""
    with Redis.from_url(links.valkey.url) as store:
        for record in store.scan_iter("presign:{links}:lnk_*"):
            store.hset(record, "open", 0)


def download(opened: LinkPage, into: Path) -> tuple[str, bytes]:
    with opened.page.expect_download() as downloaded:
        opened.button("Download").click()
    downloaded.value.save_as(into / "saved")
    return downloaded.value.suggested_filename, (into / "saved").read_bytes()


def test_only_the_button_uses_the_link(
    context: BrowserContext, links_of_each_store: LinksHarness, tmp_path: Path
) -> None:
    links = links_of_each_store
    links.store.put("odd/" + NAME, BODY)
    url = links.create(key="odd/" + NAME, max_uses=1)
    for _ in range(3):  # nor does opening it use anything
        opened = open_link(context, links, url)
        end_windows(links)
    expect(opened.page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(opened.page.get_by_text("This link can be used once.")).to_be_visible()
    for _ in range(2):  # in one window
        name, body = download(opened, tmp_path)
        assert body == BODY
        assert name.endswith(".html")
        assert name.startswith("Bericht \u00e9")
        assert opened.page.url == url  # the page stays, and its button
    kept_to_itself(opened)
    end_windows(links)
    opened.button("Download").click()
    expect(opened.page.get_by_role("heading", name="This link has expired")).to_be_visible()
    expect(opened.page.get_by_text("This link has been used up.")).to_be_visible()
    kept_to_itself(opened)


def test_the_link_names_the_downloaded_file(
    open_page: Open, links: LinksHarness, tmp_path: Path
) -> None:
    links.store.put("4711", b"report")
    opened = open_page(links.create(key="4711", max_uses=2, filename="Q3 report.pdf"))
    expect(opened.page.get_by_text("This link can be used 2 times.")).to_be_visible()
    assert download(opened, tmp_path) == ("Q3 report.pdf", b"report")


@pytest.mark.parametrize("is_box", [True, False])
def test_times_are_the_visitors_own(chromium: Browser, links: LinksHarness, is_box: bool) -> None:
    links.store.put("timed.txt")
    url = links.drop_box("timed/") if is_box else links.create(key="timed.txt")
    with chromium.new_context(locale="en-GB", timezone_id="Asia/Kolkata") as context:
        opened = open_link(context, links, url)
        shown = opened.page.locator("time")
        ends = datetime.fromisoformat(shown.get_attribute("datetime") or "")
        there = ends.astimezone(ZoneInfo("Asia/Kolkata"))
        month = "Sept" if there.month == 9 else f"{there:%b}"  # as British English has it
        expect(shown).to_have_text(f"{there.day} {month} {there:%Y, %H:%M}")
        kept_to_itself(opened)


def test_a_picture_is_seen_before_it_is_downloaded(
    context: BrowserContext, links_of_each_store: LinksHarness
) -> None:
    links = links_of_each_store
    admin = links.store.admin_client()
    admin.put_object(
        Bucket=links.store.bucket, Key="seen.png", Body=png(40, 30), ContentType="image/png"
    )
    opened = open_link(context, links, links.create(key="seen.png", label="Ann"))
    image = opened.page.get_by_role("img", name="seen.png")
    expect(image).to_be_visible()
    assert image.evaluate("async (image) => (await image.decode(), image.naturalWidth)") == 40
    expect(opened.button("Download")).to_be_in_viewport()
    kept_to_itself(opened)


def test_the_button_is_pressed_by_keyboard(open_page: Open, links: LinksHarness) -> None:
    links.store.put("keyboard.txt")
    opened = open_page(links.create(key="keyboard.txt", max_uses=1))
    opened.page.keyboard.press("Tab")
    expect(opened.button("Download")).to_be_focused()
    with opened.page.expect_download():
        opened.page.keyboard.press("Enter")


def test_a_link_to_a_file_is_a_page_with_one_button(
    context: BrowserContext, links: LinksHarness, tmp_path: Path
) -> None:
    put_typed(links, "plain.txt", b"shown", "text/plain")
    referers = []
    context.on(
        "request",
        lambda request: referers.append((request.url, request.headers.get("referer"))),
    )
    words = {"label": "Ann & Co", "message": "As promised"}
    url = links.create(key="plain.txt", filename="plain.txt", **words)
    opened = open_link(context, links, url)
    for text in ("5 bytes", "text/plain", "Ann & Co", "As promised"):
        expect(opened.page.get_by_text(text, exact=True)).to_be_visible()
    expect(opened.page.get_by_role("button")).to_have_count(1)
    assert download(opened, tmp_path) == ("plain.txt", b"shown")
    with opened.page.expect_download() as clicked:  # of a page that offers the link as a download
        opened.page.evaluate(
            "(url) => Object.assign(document.createElement('a'), { href: url, download: '' }).click()",
            url,
        )
    clicked.value.save_as(tmp_path / "clicked")
    assert (tmp_path / "clicked").read_bytes() == b"shown"
    # No store learns the ticket.
    assert {by for to, by in referers if to.startswith(links.gate.url)} == {None}
    links.store.admin_client().delete_object(Bucket=links.store.bucket, Key="plain.txt")
    opened.page.reload()
    expect(opened.page.get_by_role("heading", name="The file is not there")).to_be_visible()


def test_another_sites_page_shows_a_picture_by_its_link(
    open_page: Open, links: LinksHarness
) -> None:
    put_typed(links, "p.svg", PICTURE, "image/svg+xml")
    page = f'<!doctype html><link rel="icon" href="data:,"><img src="{links.create(key="p.svg")}">'
    put_typed(links, "site/page.html", page.encode(), "text/html")
    opened = open_page(f"{links.create(prefix='site/')}/page.html")
    opened.page.wait_for_function("document.images[0].naturalWidth === 7")


def put_typed(links: LinksHarness, key: str, body: bytes, kind: str) -> None:
    admin, bucket = links.store.admin_client(), links.store.bucket
    admin.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 360), ("dark", 360)]
)
def test_axe_finds_nothing_on_the_pages(
    chromium: Browser, links: LinksHarness, scheme: Any, width: int
) -> None:
    with chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    ) as context:
        links.store.put("a" * 200)
        words = {"label": "Ann " * 19, "message": "Please read.\n" * 20}
        for url in (
            links.create(key="a" * 200, max_uses=1),
            links.create(key="a" * 200, **words),
            f"{links.origin}/l/x",
        ):
            opened = open_link(context, links, url)
            assert violations(opened.page, least=5) == []
            assert fits(opened.page)


def test_a_robot_that_previews_links_uses_them(links: LinksHarness) -> None:
    """As docs/share-links.md says: it asks for no HTML, so it is like curl."""
    links.store.put("chat.txt")
    url = links.create(key="chat.txt", max_uses=1)
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.get(url, headers={"Accept": "*/*", "User-Agent": "Chatbot-LinkExpanding"})
        assert (answer.status_code, urlsplit(answer.headers["location"]).path[-8:]) == (
            307,
            "chat.txt",
        )
        end_windows(links)
        assert client.get(url).status_code == 410
