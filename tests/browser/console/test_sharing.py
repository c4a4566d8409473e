"""Links: what they give, how long they last, and how they are revoked."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Route, expect

from service.config.key_files import new_key
from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    LISTER_KEY,
    ODD,
    READER_KEY,
    SHORT,
    SHORT_KEY,
    ConsolePage,
    Harness,
    first_held,
    hold,
    let_token_expire,
    open_console,
    run_console,
    text_file,
)
from tests.browser.waiting import until
from tests.support.late import again_if_late, within
from tests.support.stores import Store
from tests.support.valkey import Valkey

SERVER: Final = {"drain_seconds": 0, "public_url": "https://files.example.com"}
MODULES: Final = Path(__file__).parent / "node_modules"
JSQR: Final = MODULES / "jsqr" / "dist" / "jsQR.js"
LEAN_QR: Final = MODULES / "lean-qr"
VENDORED: Final = Path(__file__).parents[3] / "service" / "console" / "page" / "lean_qr.js"


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60, follow_redirects=True) as client:
        return client.get(url, headers=headers)


@pytest.fixture(scope="module")
def linking(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """With share links, whose uses and ends a Valkey keeps."""
    directory = tmp_path_factory.mktemp("linking")
    (directory / "link.key").write_text(new_key(b"k" * 32))
    valkey = Valkey(directory)
    valkey.start()
    links = {
        "keys": [str(directory / "link.key")],
        "store_url": valkey.url,
    }
    try:
        with run_console(ministack, directory, links=links, server=SERVER) as harness:
            yield harness
    finally:
        valkey.stop()


@pytest.fixture
def shared(context: BrowserContext, linking: Harness) -> Iterator[ConsolePage]:
    opened = open_console(context, linking)
    yield opened
    kept_to_itself(opened)


def here(console: ConsolePage, url: str) -> str:
    """The link at the service's own address."""
    assert url.startswith("https://files.example.com/l/")
    return url.replace("https://files.example.com", console.harness.origin)


def test_a_share_link_works_until_it_is_revoked(shared: ConsolePage) -> None:
    shared.harness.put("shared/report.txt", b"report")
    shared.sign_in()
    shared.follow("shared")
    shared.act("report.txt", "Share")
    expect(shared.field("File to share")).to_have_value("shared/report.txt")
    shared.field("Valid for").select_option(label="1 day")
    shared.page.get_by_text("Names for the recipient (optional)").click()
    shared.field("File name for the recipient").fill("Our report.txt")
    shared.field("Your name, for the recipient").fill("Ann")
    shared.button("Create link").click()
    link = shared.links.first
    expect(link.get_by_role("timer")).to_contain_text("Expires in 23 h 59 min")
    url = here(shared, link.get_by_label("Link", exact=True).input_value())
    answer = get(url)
    assert answer.content == b"report"
    assert "Our report.txt" in answer.headers["content-disposition"]
    # It is there tomorrow, in another tab.
    shared.page.reload()
    shared.sign_in()
    shared.share()
    expect(shared.page.get_by_role("heading", name="My links")).to_be_visible()
    link = shared.links.filter(has_text="objects/shared/report.txt · Ann")
    expect(link).to_be_visible()
    assert here(shared, link.get_by_label("Link", exact=True).input_value()) == url
    revoke = link.get_by_role("button", name="Revoke")
    revoke.click()
    question = shared.page.get_by_role("dialog", name="Revoke this link?")
    expect(question).to_contain_text("report.txt")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    expect(revoke).to_be_focused()
    revoke.click()
    shared.page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    assert get(url).content == b"report"
    revoke.click()
    question.get_by_role("button", name="Revoke").click()
    expect(shared.links.filter(has_text="objects/shared/report.txt")).to_have_count(0)
    expect(shared.page.get_by_role("status")).to_have_text("Link revoked.")
    until(lambda: get(url).status_code != 200, shared.page)  # each replica knows it within 2 s
    assert get(url).status_code == 404


def test_a_share_link_can_be_used_as_often_as_is_said(shared: ConsolePage) -> None:
    shared.harness.put("once.txt", b"once")
    shared.sign_in()
    shared.share()
    shared.field("Downloads").select_option(label="Once")
    url = here(shared, shared.link("once.txt"))
    assert "This link can be used once." in get(url, Accept="text/html").text


def test_the_longest_lifetimes_are_those_of_share_links(shared: ConsolePage) -> None:
    shared.sign_in()
    shared.share()
    offered = shared.field("Valid for").locator("option")
    expect(offered).to_have_text(["1 hour", "1 day", "7 days"])
    expect(shared.field("Valid for")).to_have_value(str(7 * 86400))


def test_requested_files_arrive_in_the_folder(shared: ConsolePage) -> None:
    shared.sign_in()
    shared.new_folder("from outside")
    shared.share()
    shared.page.get_by_text("Get files from others").click()
    shared.field("Your name, for those who send files").fill("Ann")
    shared.field("What you ask for").fill("Two files, please")
    shared.button("Request files").click()
    link = shared.links.first
    expect(link).to_contain_text("Files for from outside")
    url = here(shared, link.get_by_label("Link", exact=True).input_value())
    visitor = shared.page.context.new_page()
    visitor.goto(url)
    expect(visitor.get_by_role("heading", name="Files for Ann")).to_be_visible()
    expect(visitor.get_by_text("Two files, please")).to_be_visible()
    visitor.get_by_label("Files", exact=True).set_input_files([text_file("sent.txt", b"sent")])
    visitor.get_by_text("Sent", exact=True).wait_for()
    visitor.close()
    shared.close_drawer()
    shared.page.get_by_role("navigation", name="Path").get_by_role("link").last.click()
    [key] = [
        each["Key"]
        for each in shared.harness.admin.list_objects_v2(
            Bucket=shared.harness.store.bucket, Prefix="from outside/"
        )["Contents"]
    ]
    assert key.endswith(" sent.txt")
    assert shared.harness.read(key) == b"sent"


def test_copy_link_copies_a_link_of_the_usual_lifetime(shared: ConsolePage) -> None:
    shared.harness.put("copied/a.txt", b"copied")
    shared.sign_in()
    shared.follow("copied")
    shared.act("a.txt", "Copy link")
    expect(shared.page.get_by_role("status")).to_contain_text("Link copied. It expires in 7 days")
    expect(shared.row("a.txt").get_by_role("button", name="More")).to_be_focused()
    copied = shared.page.evaluate("navigator.clipboard.readText()")
    assert get(here(shared, copied)).content == b"copied"


def decoded(page_of: ConsolePage, image: Locator) -> str:
    """What a camera reads, by jsQR."""
    shot = list(image.screenshot())
    page_of.page.evaluate(JSQR.read_text(encoding="utf-8"))
    text: str = page_of.page.evaluate(
        """async (bytes) => {
          const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
          const context = canvas.getContext("2d");
          context.drawImage(bitmap, 0, 0);
          const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
          return jsQR(data, bitmap.width, bitmap.height)?.data;
        }""",
        shot,
    )
    return text


def test_the_qr_code_is_the_link(shared: ConsolePage) -> None:
    assert JSQR.exists(), "jsQR is missing: `make clients` installs it"
    shared.harness.put("qr.txt", b"qr")
    shared.sign_in()
    url = shared.link("qr.txt")
    shared.links.first.get_by_role("button", name="Show QR code").click()
    image = shared.page.get_by_role("img", name="QR code")
    assert decoded(shared, image) == url
    shared.button("Hide QR code").click()
    expect(image).to_be_hidden()


def test_a_link_too_long_for_a_qr_code_says_so(console: ConsolePage) -> None:
    console.sign_in(LISTER_KEY)
    console.link("é" * 500)  # a signed URL, in which each has six characters
    console.button("Show QR code").click()
    expect(console.alert.filter(visible=True)).to_have_text("This link is too long for a QR code.")
    expect(console.button("Show QR code")).to_be_visible()


def test_the_library_of_qr_codes_is_that_of_npm() -> None:
    head, vendored = VENDORED.read_text(encoding="utf-8").split("*/\n", 1)
    assert vendored == (LEAN_QR / "index.mjs").read_text(encoding="utf-8")
    assert (LEAN_QR / "LICENSE").read_text(encoding="utf-8") in head
    version = json.loads((LEAN_QR / "package.json").read_text(encoding="utf-8"))["version"]
    assert head.startswith(f"/*!\nlean-qr {version}, as npm has it")


def test_a_link_is_sent_by_the_systems_share_sheet(shared: ConsolePage) -> None:
    stub = "navigator.share = async (what) => { window.sent = what; };"
    shared.page.add_init_script(stub)
    shared.page.reload()
    shared.harness.put("sheet.txt", b"sheet")
    shared.sign_in()
    url = shared.link("sheet.txt")
    shared.links.first.get_by_role("button", name="Send…").click()
    assert shared.page.evaluate("sent") == {"title": "sheet.txt", "url": url}


def test_a_link_may_expire_while_the_page_asks_about_it(shared: ConsolePage) -> None:
    shared.harness.put("expires.txt", b"e")
    shared.page.clock.install()
    shared.sign_in()
    shared.link("expires.txt")
    shared.links.first.get_by_role("button", name="Revoke").click()
    shared.page.clock.fast_forward(8 * 86400 * 1000)
    link = shared.page.locator("#links > li").first
    expect(link).to_contain_text("This link has expired")
    question = shared.page.get_by_role("dialog", name="Revoke this link?")
    question.get_by_role("button", name="Revoke").click()
    expect(link).to_be_focused()


def test_a_link_that_cannot_be_revoked_stays_in_the_list(shared: ConsolePage) -> None:
    shared.harness.put("stays.txt", b"stays")
    shared.sign_in()
    shared.link("stays.txt")
    problem = {"code": "storage_unavailable", "detail": "No store."}
    answer = {"status": 503, "body": json.dumps(problem)}
    kind = "application/problem+json"
    shared.page.route("**/v1/links/*", lambda route: route.fulfill(**answer, content_type=kind))
    first = shared.links.first
    first.get_by_role("button", name="Revoke").click()
    question = shared.page.get_by_role("dialog", name="Revoke this link?")
    question.get_by_role("button", name="Revoke").click()
    alert = shared.links.first.get_by_role("alert")
    expect(alert).to_contain_text("The link was not revoked.", timeout=60_000)
    expect(first.get_by_role("button", name="Revoke")).to_be_enabled()


# Where no share links are configured, or none are granted, a link is a signed URL.


def test_without_share_links_a_link_is_a_signed_url(console: ConsolePage, tmp_path: Path) -> None:
    console.harness.put(f"shared/{ODD}", b"shared bytes")
    console.sign_in()
    url = console.link(f"shared/{ODD}")
    assert get(url).content == b"shared bytes"
    link = console.links.first
    expect(link.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    link.get_by_role("button", name="Copy", exact=True).click()
    assert console.page.evaluate("navigator.clipboard.readText()") == url
    expect(console.button("Revoke")).to_be_hidden()
    expect(console.page.get_by_text("Get files from others")).to_be_hidden()


def test_the_drawer_leads_to_the_file_and_back(shared: ConsolePage) -> None:
    shared.harness.put("drawer/a.txt", b"a")
    shared.sign_in()
    expect(shared.drawer).to_be_hidden()
    shared.follow("drawer")
    shared.act("a.txt", "Share")
    expect(shared.drawer.get_by_role("heading", name="Share", exact=True)).to_be_visible()
    expect(shared.field("Valid for")).to_be_focused()
    shared.close_drawer()
    expect(shared.row("a.txt").get_by_role("button", name="More")).to_be_focused()
    shared.button("Share").click()
    expect(shared.drawer.get_by_role("heading", name="Share", exact=True)).to_be_focused()
    shared.drawer.get_by_role("button", name="Close").click()
    expect(shared.button("Share")).to_be_focused()


def test_an_upload_leaves_the_file_that_is_being_shared(console: ConsolePage) -> None:
    console.harness.put("chosen/a.txt", b"a")
    console.sign_in()
    console.follow("chosen")
    held = hold(console.page, "**/v1/upload-urls")
    console.upload(text_file("b.txt"))
    route = first_held(console.page, held)
    console.act("a.txt", "Share")
    route.continue_()
    console.wait_until_sent("b.txt")
    expect(console.field("File to share")).to_have_value("chosen/a.txt")


def test_files_are_requested_without_passing_many_links(shared: ConsolePage) -> None:
    shared.harness.put("many-links.txt", b"m")
    shared.page.set_viewport_size({"width": 1280, "height": 800})
    shared.sign_in()
    for _ in range(3):
        shared.link("many-links.txt")
    shared.close_drawer()
    shared.share()
    expect(shared.page.get_by_text("Get files from others")).to_be_in_viewport()


@pytest.mark.parametrize("copies", [True, False])
def test_a_new_link_is_copied_where_the_browser_allows(shared: ConsolePage, copies: bool) -> None:
    if not copies:
        refusing = "() => { throw new Error('no'); }"
        shared.page.add_init_script(
            f"navigator.clipboard.writeText = {refusing}; document.execCommand = () => false;"
        )
        shared.page.reload()
    shared.harness.put("handed out.txt", b"h")
    shared.sign_in()
    url = shared.link("handed out.txt")
    said = "Link copied." if copies else "The link is ready."
    expect(shared.page.get_by_role("status")).to_contain_text(f"{said} It expires in")
    assert (shared.page.evaluate("navigator.clipboard.readText()") == url) is copies
    expect(shared.links.first.get_by_role("button", name="Copy", exact=True)).to_be_focused()


def test_files_that_cannot_be_requested_are_explained(console: ConsolePage) -> None:
    console.sign_in()
    console.share()
    console.page.get_by_text("Get files from others").click()
    console.button("Request files").click()
    alert = console.alert.filter(visible=True)
    expect(alert).to_contain_text("Files cannot be requested here.")
    expect(console.page.get_by_text("Get files from others")).to_be_hidden()


@again_if_late
def test_a_link_ends_when_the_countdown_says(console: ConsolePage) -> None:
    console.harness.put("short.txt", b"short")
    console.page.reload()  # if it runs again
    console.sign_in(SHORT_KEY)
    console.share()
    expect(console.field("Valid for")).to_have_value(str(SHORT))
    url = console.link("short.txt")
    began = time.monotonic()
    timer = console.page.get_by_role("timer")
    with within(SHORT + 1.5):
        with within(SHORT - 1):
            expect(timer).to_contain_text("Expires in")
            assert get(url).status_code == 200
        expect(timer).to_have_text("This link has expired")
    assert time.monotonic() - began > SHORT - 2
    time.sleep(1.5)  # the countdown never promises more: the store may be a second behind
    assert get(url).status_code == 403
    assert url not in console.page.content()
    expect(console.links.first).to_be_focused()


def test_the_countdown_goes_by_the_services_clock(console: ConsolePage) -> None:
    console.harness.put("clock.txt", b"clock")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    console.page.clock.set_fixed_time(ahead)  # it stands still, so the countdown does too
    console.page.reload()
    console.sign_in(LISTER_KEY)
    console.link("clock.txt")
    console.page.clock.set_fixed_time(ahead + timedelta(seconds=5))
    expect(console.page.get_by_role("timer")).to_contain_text("Expires in 14 min 5")


def test_an_end_that_came_earlier_than_asked_is_explained(console: ConsolePage) -> None:
    def shorten(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "limited_by": "session"})

    console.harness.put("limited.txt", b"limited")
    console.page.route("**/v1/download-urls", shorten)
    console.sign_in(LISTER_KEY)
    console.link("limited.txt")
    expect(console.links.first).to_contain_text("It could not be made to last longer.")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Choose a file first"),
        ("a/../b", "A name or folder cannot be “.” or “..”"),
        ("nowhere.txt", "There is no file with this name."),
    ],
)
def test_what_cannot_be_shared_is_explained(console: ConsolePage, key: str, words: str) -> None:
    console.sign_in()
    console.share()
    console.field("File to share").fill(key)
    console.button("Create link").click()
    alert = console.alert.filter(visible=True)
    expect(alert).to_contain_text(words)
    expect(alert).to_be_focused()


def test_what_is_outside_of_the_grants_is_not_asked_for(console: ConsolePage) -> None:
    console.sign_in(READER_KEY)
    console.page.route("**/v1/**", lambda route: route.abort())
    console.share()
    console.field("File to share").fill("reports/2025/a.txt")
    console.button("Create link").click()
    expect(console.alert.filter(visible=True)).to_have_text("You cannot share this file.")


def test_only_lifetimes_that_are_granted_are_offered(console: ConsolePage) -> None:
    console.sign_in(SHORT_KEY)
    offered = console.field("Valid for").locator("option")
    expect(offered).to_have_text(["4 seconds"])
    console.button("Sign out").click()
    console.sign_in(LISTER_KEY)
    expect(offered).to_have_text(
        ["1 minute", "5 minutes", "15 minutes", "1 hour", "4 hours", "1 day", "7 days"]
    )


def test_the_list_of_links_goes_on_after_a_new_sign_in(shared: ConsolePage) -> None:
    def listed(route: Route) -> None:
        page = "second" if "after=" in route.request.url else "first"
        fact = {"key": "a.txt", "bucket": "objects", "operations": ["download"], "revoked": False}
        times = {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z"}
        links = [{**fact, **times, "id": f"{page} {number}", "label": page} for number in range(5)]
        more = {"next": "n"} if page == "first" else {}
        route.fulfill(json={"links": links, **more})

    shared.page.route(re.compile(r"/v1/links(\?.*)?$"), listed)
    shared.sign_in()
    shared.share()
    expect(shared.links).to_have_count(5)
    shared.close_drawer()
    let_token_expire(shared)
    shared.sign_in()
    shared.share()
    shared.button("Show more links").press("Enter")
    expect(shared.links).to_have_count(10)
    expect(shared.links.nth(5).get_by_role("button", name="Revoke")).to_be_focused()
