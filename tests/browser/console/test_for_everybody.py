"""Whoever uses it: by keyboard, by a screen reader, in the dark, on a telephone, without motion."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.axe import fits, violations
from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import ConsolePage, Harness, open_console, text_file
from tests.support.service import API_KEY

FINDING: Final = {
    "code": "expired", "proven": True, "summary": "It ran out.", "fix": "Ask for another.",
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_in_any_state(
    chromium: Browser, harness: Harness, scheme: Any, width: int
) -> None:
    with chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    ) as context:
        context.route("**/v1/diagnoses", lambda route: route.fulfill(json={"findings": [FINDING]}))
        opened = open_console(context, harness)
        assert violations(opened.page) == []
        opened.button("Sign in").click()
        assert violations(opened.page) == []
        opened.sign_in()
        fill(opened, f"{scheme} {width}")
        assert violations(opened.page) == []
        for summary in opened.page.locator("summary").all():
            summary.click()
        assert violations(opened.page) == []
        assert fits(opened.page)


def fill(opened: ConsolePage, name: str) -> None:
    """Something of each kind."""
    opened.upload(text_file(f"{name}.txt"))
    opened.wait_until_sent(f"{name}.txt")
    opened.upload(text_file(f"{name}.txt", b"again"))
    expect(opened.page.get_by_role("alert").first).to_be_visible()
    opened.choose(text_file(f"ready {name}.txt"), text_file("x" * 1100))
    opened.link(f"{name}.txt")
    opened.field("Failing URL").fill("https://store.example/a?X-Amz-Signature=0")
    opened.button("Diagnose").click()
    opened.page.get_by_text("It ran out.").wait_for()


def test_all_of_it_is_done_without_a_mouse(console: ConsolePage, tmp_path: Path) -> None:
    keyboard = console.page.keyboard
    file = tmp_path / "by keyboard.txt"
    file.write_text("typed")

    def press(key: str, on: str, *, backwards: bool = False) -> None:
        to(console, on, backwards=backwards)
        keyboard.press(key)

    to(console, "API key or token")
    keyboard.type(API_KEY)
    keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Where")).to_be_focused()
    to(console, "Folder")
    keyboard.type("keys")
    with console.page.expect_file_chooser() as chosen:
        # Playwright does not wait until Chromium intercepts choosers, and a key can be faster.
        # The round trips of `to` come after it: without them one press in 15 is lost.
        press("Space", on="Files")
    chosen.value.set_files(file)
    press("Enter", on="Upload")
    console.wait_until_sent("by keyboard.txt")
    press("Enter", on="Object")
    expect(console.button("Copy")).to_be_focused()
    assert console.harness.read("keys/by keyboard.txt") == b"typed"
    press("Enter", on="The same in code", backwards=True)
    press("ArrowRight", on="curl")
    expect(console.page.locator("#upload-code").get_by_role("radio", name="Python")).to_be_checked()
    press("Space", on="Copy code")
    expect(console.page.get_by_role("status")).to_have_text("Copied.")
    press("Enter", on="Sign out", backwards=True)
    expect(console.field("API key or token")).to_be_focused()


def to(console: ConsolePage, name: str, *, backwards: bool = False) -> None:
    """By Tab, until the focus is on what is called so."""
    for _ in range(40):
        if console.page.evaluate(NAME_OF_FOCUSED) == name:
            return
        console.page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError(f"no Tab leads to {name}")


NAME_OF_FOCUSED: Final = """() => {
  const focused = document.activeElement;
  return (focused.labels?.[0] ?? focused).textContent.trim();
}"""


def test_what_has_the_focus_is_seen_to(console: ConsolePage) -> None:
    console.sign_in()
    for name in ("Folder", "Files", "Upload", "Object", "Link"):
        to(console, name)
        width = console.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2


def test_what_happens_is_told_to_who_does_not_see_it(console: ConsolePage) -> None:
    page = console.page
    page.evaluate("""() => {
      window.told = [];
      new MutationObserver(() => told.push(document.querySelector('[role=status]').textContent))
        .observe(document.querySelector('[role=status]'), {childList: true});
    }""")
    console.sign_in()
    console.upload(text_file("told.txt"))
    console.wait_until_sent("told.txt")
    console.link("told.txt")
    console.button("Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    told = page.evaluate("told")
    assert told[0] == "told.txt: Sent."
    assert re.match(r"The link is ready\. Expires in 1[45] min", told[1])  # by how fast it came
    assert told[2:] == ["Copied."]  # and no word of each second


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
def test_nothing_moves_for_who_wants_no_motion(
    chromium: Browser, harness: Harness, motion: Any, moves: bool
) -> None:
    with chromium.new_context(reduced_motion=motion) as context:
        opened = open_console(context, harness)
        style = "getComputedStyle(document.querySelector('button'))"
        assert (opened.page.evaluate(f"{style}.transitionDuration") != "0s") is moves
        kept_to_itself(opened)


# What explains a failing URL is asked of a service that has the call, and is not offered by another


def test_nothing_is_explained_where_the_service_has_no_such_call(console: ConsolePage) -> None:
    console.page.route("**/openapi.json", lambda route: route.fulfill(json={"paths": {}}))
    with console.page.expect_response("**/openapi.json"):
        console.sign_in()
    expect(console.field("Failing URL")).to_be_hidden()
    expect(console.button("Diagnose")).to_be_hidden()


def explaining(console: ConsolePage, answer: Any, status: int = 200) -> list[Any]:
    asked: list[Any] = []

    def reply(route: Route) -> None:
        asked.append(route.request.post_data_json)
        kind = "application/json" if status == 200 else "application/problem+json"
        route.fulfill(status=status, content_type=kind, body=json.dumps(answer))

    console.page.route("**/v1/diagnoses", reply)
    console.sign_in()
    return asked


URL: Final = "https://store.example/a.txt?X-Amz-Signature=0"


def test_a_failing_url_is_explained(console: ConsolePage) -> None:
    likely = {**FINDING, "code": "clock", "proven": False, "summary": "A clock is wrong.",
              "fix": "curl -sS \\\n  '<url>'"}  # fmt: skip
    asked = explaining(console, {"findings": [FINDING, likely]})
    console.field("Failing URL").fill(f"  {URL}\n")
    console.field("Method").select_option("PUT")
    console.field("HTTP status").fill("403")
    console.page.get_by_text("Headers and response body").click()
    console.field("Headers, one per line").fill("Content-Type: text/plain\n\nX-Odd: a: b\nnonsense")
    console.field("Response body").fill("<Error/>")
    console.button("Diagnose").click()
    found = console.page.get_by_role("list", name="Findings").get_by_role("listitem")
    expect(found).to_have_count(2)
    first, second = found.all()
    expect(first).to_contain_text("Provenexpired")
    expect(first).to_contain_text("Ask for another.")
    expect(second).to_contain_text("Likelyclock")
    expect(second.locator("pre")).to_have_text("curl -sS \\\n  '<url>'")
    assert asked == [{
        "method": "PUT", "url": URL, "response_status": 403, "response_body": "<Error/>",
        "headers": {"content-type": "text/plain", "x-odd": "a: b"},
    }]  # fmt: skip
    console.button("Sign out").click()
    assert URL not in console.page.content()
    expect(console.field("Failing URL")).to_have_value("")


def test_only_what_is_known_is_asked_with(console: ConsolePage) -> None:
    asked = explaining(console, {"findings": []})
    console.field("Failing URL").fill(URL)
    console.button("Diagnose").click()
    expect(console.page.get_by_text("No problem was found.")).to_be_visible()
    assert asked == [{"method": "GET", "url": URL}]


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("", "", "Paste the URL that fails."),
        (URL, "4o3", "The status must be a number such as 403."),
    ],
)
def test_what_cannot_be_explained_is_told(
    console: ConsolePage, url: str, status: str, words: str
) -> None:
    asked = explaining(console, {"findings": []})
    console.field("Failing URL").fill(url)
    console.field("HTTP status").fill(status)
    console.button("Diagnose").click()
    expect(console.alert).to_have_text(words)
    expect(console.alert).to_be_focused()
    assert asked == []


def test_a_refusal_to_explain_is_told_in_the_services_words(console: ConsolePage) -> None:
    refusal = {"detail": "This key is another caller's.", "code": "forbidden"}
    explaining(console, refusal, status=403)
    console.field("Failing URL").fill(URL)
    console.button("Diagnose").click()
    expect(console.alert).to_have_text("This key is another caller's.")
    expect(console.alert).to_be_focused()
