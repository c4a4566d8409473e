"""Answers that come when the caller is gone, and answers that are none of the service's."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.console.harness import (
    LIMITED_KEY,
    LISTER_KEY,
    SHORT_KEY,
    ConsolePage,
    expired,
    first_held,
    hold,
    large_file,
    refuse,
    stop_clock,
    text_file,
)
from tests.browser.console.test_browsing import UNDO_MS
from tests.browser.console.test_versions import Kept

# A browser that asks whether the page may copy.
ASKING_CLIPBOARD: Final = """() => {
  navigator.clipboard.writeText = () => new Promise((resolve) => (window.allow = resolve));
}"""


def asked_for_a_link(console: ConsolePage) -> Route:
    console.harness.put("of-the-first.txt", b"first")
    console.sign_in(LISTER_KEY)
    routes = hold(console.page, "**/v1/download-urls")
    console.share()
    with console.page.expect_request("**/v1/download-urls"):
        console.field("File to share").fill("of-the-first.txt")
        console.button("Create link").click()
    console.close_drawer()
    console.button("Sign out").click()
    console.field("API key or token").wait_for()
    console.sign_in(SHORT_KEY)
    return routes[0]


def status_of(console: ConsolePage) -> Locator:
    """What was announced last."""
    return console.page.get_by_role("status")


def let_it_come(console: ConsolePage) -> None:
    console.page.wait_for_timeout(500)


def test_a_late_link_is_not_shown_to_the_next_caller(console: ConsolePage) -> None:
    url = "https://store.example/of-the-first.txt"
    asked_for_a_link(console).fulfill(json={"url": url, "expires_at": "2999-01-01T00:00:00Z"})
    let_it_come(console)
    console.share()
    expect(console.links).to_have_count(0)
    assert "of-the-first" not in console.page.content()
    expect(console.button("Create link")).to_be_enabled()


def test_a_refusal_of_the_last_callers_token_signs_nobody_out(console: ConsolePage) -> None:
    refuse(asked_for_a_link(console), 401, "no")
    let_it_come(console)
    expect(console.button("Sign out")).to_be_visible()


def test_nobody_deletes_a_folder_for_the_caller_before(console: ConsolePage) -> None:
    console.harness.put("of the first/below/a.txt", b"first")
    console.sign_in()
    console.follow("of the first")
    console.row("below").wait_for()
    held = hold(console.page, "**/v1/objects?**below**")
    console.act("below", "Delete")
    request = first_held(console.page, held).request
    with console.page.expect_event("requestfailed", lambda failed: failed == request):
        console.button("Sign out").click()
    console.sign_in(LISTER_KEY)
    let_it_come(console)
    assert len(held) == 1
    assert console.button("Undo").count() == 0  # now: its time would be over


def test_a_deletion_is_not_tried_again_after_the_sign_out(console: ConsolePage) -> None:
    console.harness.put("tried once/a.txt", b"a")
    console.page.clock.install()
    console.sign_in()
    console.follow("tried once")
    console.row("a.txt").wait_for()
    stop_clock(console.page)
    held = hold(console.page, f"{console.harness.store_origin}/**/a.txt?*")
    console.act("a.txt", "Delete")
    console.page.clock.run_for(UNDO_MS + 500)
    route = first_held(console.page, held)
    console.button("Sign out").click()
    with console.page.expect_response("**/v1/objects?**"):  # what the page asks for by itself
        console.sign_in(LISTER_KEY)
    asked = list[str]()
    console.page.on("request", lambda request: asked.append(request.url))
    with console.page.expect_response(route.request.url):
        route.fulfill(status=503, headers={"access-control-allow-origin": "*"})
    console.page.clock.run_for(60_000)
    let_it_come(console)
    assert asked == []
    assert console.harness.has("tried once/a.txt")


def test_a_late_download_does_not_begin(console: ConsolePage) -> None:
    console.harness.put("late download/a.txt", b"a")
    console.sign_in()
    console.follow("late download")
    held = hold(console.page, "**/v1/download-urls")
    console.act("a.txt", "Download")
    route = first_held(console.page, held)
    console.button("Sign out").click()
    console.field("API key or token").wait_for()
    url = f"{console.harness.store_origin}/objects/a.txt"
    begun = list[str]()
    console.page.context.on("request", lambda request: begun.append(request.url))
    route.fulfill(json={"url": url, "expires_at": "2999-01-01T00:00:00Z"})
    let_it_come(console)
    assert begun == []
    assert len(console.page.context.pages) == 1


def test_nothing_else_is_done_while_a_sign_out_cancels_uploads(
    console: ConsolePage, tmp_path: Path
) -> None:
    console.harness.put("leaving/a.txt", b"a")
    console.page.clock.install()
    console.sign_in()
    console.follow("leaving")
    console.row("a.txt").wait_for()
    parts = hold(console.page, f"{console.harness.store_origin}/**/large.bin?*")
    console.upload(large_file(tmp_path))
    first_held(console.page, parts)
    cancelled = hold(console.page, "**/v1/multipart-uploads/*?*")
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    console.button("Sign out").click()
    console.button("Cancel and sign out").click()
    first_held(console.page, cancelled)
    asked = hold(console.page, "**/v1/delete-urls")
    console.page.clock.run_for(UNDO_MS + 500)
    let_it_come(console)
    assert asked == []
    console.page.clock.run_for(UNDO_MS)  # it does not wait for long
    expect(console.field("API key or token")).to_be_focused()
    assert console.harness.has("leaving/a.txt")


def test_a_folder_that_is_listed_while_a_sign_out_cancels_uploads_stays(
    console: ConsolePage, tmp_path: Path
) -> None:
    console.harness.put("leaving too/f/a.txt", b"a")
    console.sign_in()
    console.follow("leaving too")
    console.row("f").wait_for()
    parts = hold(console.page, f"{console.harness.store_origin}/**/large.bin?*")
    console.upload(large_file(tmp_path))
    first_held(console.page, parts)
    listed = hold(console.page, "**/v1/objects?**f%2F**")
    console.act("f", "Delete")
    first_held(console.page, listed)
    cancelled = hold(console.page, "**/v1/multipart-uploads/*?*")
    console.button("Sign out").click()
    console.button("Cancel and sign out").click()
    first_held(console.page, cancelled)
    listed[0].continue_()
    let_it_come(console)
    assert console.button("Undo").count() == 0
    cancelled[0].continue_()
    expect(console.field("API key or token")).to_be_focused()


def test_a_sign_out_waits_for_no_sign_in_that_has_ended(
    console: ConsolePage, tmp_path: Path
) -> None:
    console.page.clock.install()
    console.sign_in()
    parts = hold(console.page, f"{console.harness.store_origin}/**.bin?*")
    console.upload(large_file(tmp_path, "one.bin"))
    first_held(console.page, parts)
    created = hold(console.page, "**/v1/multipart-uploads")
    console.upload(large_file(tmp_path, "two.bin"))
    first_held(console.page, created)
    cancelled = hold(console.page, "**/v1/multipart-uploads/*?*")
    stop_clock(console.page)  # else the sign-out would go on after some seconds anyway
    console.button("Sign out").click()
    console.button("Cancel and sign out").click()
    expired(first_held(console.page, cancelled))
    expect(console.page.get_by_role("status")).to_have_text("You are signed out.")
    console.page.clock.resume()
    console.page.unroute("**/v1/multipart-uploads/*?*")
    console.sign_in(LISTER_KEY)
    expect(console.alert.filter(visible=True)).to_have_count(0)


def test_a_late_move_shows_the_next_person_nothing(console: ConsolePage) -> None:
    console.harness.put("moving/late move.txt", b"a")
    console.harness.put("inbox/moved/other.txt", b"a")
    console.sign_in()
    console.follow("moving")
    deleted = list[Route]()

    def hold_deletion(route: Route) -> None:
        if route.request.method == "DELETE":
            deleted.append(route)
        else:
            route.continue_()

    console.page.route(f"{console.harness.store_origin}/**", hold_deletion)
    console.act("late move.txt", "Move")
    for name in ("↑ One level up", "inbox", "moved", "Move here"):
        console.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    route = first_held(console.page, deleted)
    console.button("Sign out").click()
    console.button("Cancel and sign out").click()
    console.sign_in(LIMITED_KEY)
    console.new_folder("moved")
    with console.page.expect_response(route.request.url):
        route.continue_()
    let_it_come(console)
    assert "late move" not in console.page.content()


def restore_version(console: ConsolePage) -> None:
    console.act("a.txt", "Versions")
    console.page.get_by_role("dialog").get_by_role("button", name="Restore").first.click()


def restore_deleted(console: ConsolePage) -> None:
    console.row("deleted.txt").get_by_role("button", name="Restore").click()


@pytest.mark.parametrize("begin", [restore_version, restore_deleted])
@pytest.mark.parametrize("status", [200, 409], ids=["done", "refused"])
def test_a_late_restoration_is_not_told_after_the_sign_out(
    console: ConsolePage, begin: Callable[[ConsolePage], None], status: int
) -> None:
    kept = Kept(console.harness)
    kept.put("late restored/a.txt", b"first", b"second")
    kept.put("late restored/deleted.txt", b"first")
    kept.remove("late restored/deleted.txt")
    console.sign_in(bucket="versions")
    console.follow("late restored")
    console.field("Show deleted files").check()
    console.row("deleted.txt").wait_for()
    held = hold(console.page, f"{console.harness.store_origin}/**/late**.txt*")
    begin(console)
    route = first_held(console.page, held)
    console.page.keyboard.press("Escape")
    console.button("Sign out").click()
    expect(status_of(console)).to_have_text("You are signed out.")
    console.sign_in(bucket="versions")
    console.follow("late restored")
    before = status_of(console).text_content()
    if status == 200:
        route.continue_()
    else:
        route.fulfill(status=status, headers={"access-control-allow-origin": "*"})
    let_it_come(console)
    assert status_of(console).text_content() == before
    expect(console.alert.filter(visible=True)).to_have_count(0)


def test_a_copy_that_the_browser_allows_late_is_not_told(console: ConsolePage) -> None:
    console.harness.put("late copy/a.txt", b"a")
    console.sign_in()
    console.follow("late copy")
    console.page.evaluate(ASKING_CLIPBOARD)
    console.act("a.txt", "Copy link")
    console.page.wait_for_function("() => window.allow")
    console.button("Sign out").click()
    expect(status_of(console)).to_have_text("You are signed out.")
    console.page.evaluate("allow()")
    let_it_come(console)
    expect(status_of(console)).to_have_text("You are signed out.")
    expect(console.page.locator("#toasts").get_by_role("listitem")).to_have_count(0)


def test_a_late_preview_does_not_cover_the_sign_in(console: ConsolePage) -> None:
    console.harness.put("late preview/a.txt", b"a")
    console.sign_in()
    console.follow("late preview")
    held = hold(console.page, "**/preview.js")
    console.button("a.txt").click()
    route = first_held(console.page, held)
    console.button("Sign out").click()
    console.field("API key or token").wait_for()
    route.continue_()
    let_it_come(console)
    expect(console.page.get_by_role("dialog")).to_have_count(0)


def test_late_findings_are_not_shown_to_the_next_caller(console: ConsolePage) -> None:
    console.sign_in()
    routes = hold(console.page, "**/v1/diagnoses")
    console.tool("Troubleshoot")
    with console.page.expect_request("**/v1/diagnoses"):
        console.field("URL or curl command").fill("https://store.example/a")
        console.button("Diagnose").click()
    console.button("Close").click()
    console.button("Sign out").click()
    console.sign_in(SHORT_KEY)
    finding = {"code": "of_the_first", "proven": True, "summary": "s", "fix": "f"}
    routes[0].fulfill(json={"findings": [finding]})
    let_it_come(console)
    assert "of_the_first" not in console.page.content()
    console.tool("Troubleshoot")
    expect(console.button("Diagnose")).to_be_enabled()


def test_a_caller_that_is_refused_is_asked_for_once(console: ConsolePage) -> None:
    """Each refusal asks what the grants are now."""
    console.sign_in()
    asked = list[str]()

    def refuse_caller(route: Route) -> None:
        asked.append(route.request.url)
        refuse(route, 403, "No.", "forbidden")

    console.page.route("**/v1/caller", refuse_caller)
    console.page.route("**/v1/upload-urls", lambda route: refuse(route, 403, "No.", "forbidden"))
    console.upload(text_file("forbidden.txt"))
    expect(console.item("forbidden.txt").get_by_role("alert")).to_be_visible()
    let_it_come(console)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "body", ["null", '{"errors": "x"}', '{"errors": [{"code": "x"}]}', '{"errors": [null]}']
)
def test_json_that_is_no_problem_is_shown_by_its_status(console: ConsolePage, body: str) -> None:
    """As a proxy answers that is in between."""
    answer = {"status": 400, "body": body, "content_type": "application/json"}
    console.page.route("**/v1/caller", lambda route: route.fulfill(**answer))
    console.try_to_sign_in()
    expect(console.alert.first).to_contain_text("The service answered 400.")
    expect(console.button("Sign in")).to_be_enabled()
