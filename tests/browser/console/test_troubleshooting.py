"""Why a signed URL fails: what is pasted, what is found, and the fix to copy."""

import json
import uuid
from typing import Any, Final

import pytest
from playwright.sync_api import Route, expect

from tests.browser.console.harness import ConsolePage
from tests.support.service import send

URL: Final = "https://store.example/a.txt?X-Amz-Signature=0"
FINDING: Final = {
    "code": "expired", "proven": True, "summary": "It ran out.", "fix": "Ask for another.",
}  # fmt: skip


def answering(console: ConsolePage, answer: Any, status: int = 200) -> list[Any]:
    """Sign in where the service has this answer. Return what it is asked."""
    asked: list[Any] = []

    def reply(route: Route) -> None:
        asked.append(route.request.post_data_json)
        kind = "application/json" if status == 200 else "application/problem+json"
        route.fulfill(status=status, content_type=kind, body=json.dumps(answer))

    console.page.route("**/v1/diagnoses", reply)
    console.sign_in()
    console.tool("Troubleshoot")
    return asked


def diagnose(console: ConsolePage, text: str) -> None:
    console.field("URL or curl command").fill(text)
    console.button("Diagnose").click()


def test_a_curl_command_that_the_store_refuses_is_explained(console: ConsolePage) -> None:
    signed = console.harness.service.sign("download-urls", key=f"{uuid.uuid4().hex}.txt")
    assert send(signed, b"body", method="PUT").status_code == 403
    console.sign_in()
    console.tool("Troubleshoot")
    diagnose(console, f"curl -X PUT -T body.txt \\\n  '{signed.url}'")
    found = console.page.get_by_role("list", name="Findings").get_by_role("listitem")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("The URL is signed for GET, but was sent as PUT.")
    console.button("Copy fix").click()
    copied = console.page.evaluate("navigator.clipboard.readText()")
    assert copied == found.locator("pre").text_content()
    assert "curl '<url>'" in copied


def test_a_fix_is_found_and_copied_by_keyboard(console: ConsolePage) -> None:
    answering(console, {"findings": [FINDING]})
    keyboard = console.page.keyboard
    expect(console.field("URL or curl command")).to_be_focused()
    keyboard.type(URL)
    for _ in ("Add details (optional)", "Diagnose"):
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(console.page.get_by_role("list", name="Findings")).to_be_focused()
    for _ in ("the fix", "Copy fix"):
        keyboard.press("Tab")
    expect(console.button("Copy fix")).to_be_focused()
    keyboard.press("Enter")
    expect(console.page.locator("#status")).to_have_text("Copied.")
    assert console.page.evaluate("navigator.clipboard.readText()") == FINDING["fix"]


def test_a_url_is_sent_with_what_is_known(console: ConsolePage) -> None:
    likely = {**FINDING, "code": "clock", "proven": False, "summary": "A clock is wrong."}
    asked = answering(console, {"findings": [FINDING, likely]})
    console.page.get_by_text("Add details (optional)").click()
    console.field("Method").select_option("PUT")
    console.field("HTTP status").fill("403")
    console.field("Headers, one per line").fill("Content-Type: text/plain\n\nX-Odd: a: b\nnonsense")
    console.field("Response body").fill("<Error/>")
    diagnose(console, f"  {URL}\n")
    found = console.page.get_by_role("list", name="Findings").get_by_role("listitem")
    expect(found).to_have_count(2)
    expect(found.first).to_contain_text("Proven")
    expect(found.last).to_contain_text("Likely")
    assert asked == [{
        "method": "PUT", "url": URL, "response_status": 403, "response_body": "<Error/>",
        "headers": {"content-type": "text/plain", "x-odd": "a: b"},
    }]  # fmt: skip


def test_a_curl_command_says_which_headers_were_sent(console: ConsolePage) -> None:
    asked = answering(console, {"findings": []})
    diagnose(console, f"curl -T a -H 'If-None-Match: *' '{URL}'")
    expect(console.page.get_by_text("No problem was found.")).to_be_visible()
    diagnose(console, f"curl '{URL}'")
    expect(console.page.get_by_text("No problem was found.")).to_be_visible()
    assert asked == [
        {"method": "PUT", "url": URL, "headers": {"if-none-match": "*"}},
        {"method": "GET", "url": URL, "headers": {}},
    ]


def test_the_method_and_headers_of_a_bare_url_are_unknown(console: ConsolePage) -> None:
    asked = answering(console, {"findings": []})
    diagnose(console, URL)
    expect(console.page.get_by_text("No problem was found.")).to_be_visible()
    assert asked == [{"url": URL}]


@pytest.mark.parametrize("text", ["", "a.txt", "wget https://a.example", "curl 'https://a.example"])
def test_what_is_neither_url_nor_command_is_not_sent(console: ConsolePage, text: str) -> None:
    asked = answering(console, {"findings": []})
    diagnose(console, text)
    expect(console.alert).to_have_text("Paste a URL that begins with https://, or a curl command.")
    expect(console.alert).to_be_focused()
    assert asked == []


def test_a_status_must_be_a_number(console: ConsolePage) -> None:
    asked = answering(console, {"findings": []})
    console.page.get_by_text("Add details (optional)").click()
    console.field("HTTP status").fill("4o3")
    diagnose(console, URL)
    expect(console.alert).to_have_text("The status must be a number such as 403.")
    assert asked == []


def test_what_was_pasted_is_gone_after_sign_out(console: ConsolePage) -> None:
    answering(console, {"findings": [FINDING]})
    diagnose(console, URL)
    console.page.get_by_text("It ran out.").wait_for()
    console.button("Close").click()
    console.button("Sign out").click()
    expect(console.field("API key or token")).to_be_focused()
    assert "X-Amz-Signature" not in console.page.content()
    assert "It ran out." not in console.page.content()
    expect(console.field("URL or curl command")).to_have_value("")


def test_a_refusal_is_shown(console: ConsolePage) -> None:
    answering(console, {"detail": "Not yours.", "code": "forbidden"}, status=403)
    diagnose(console, URL)
    expect(console.alert).to_contain_text("You are not allowed to do this.")
    expect(console.alert).to_be_focused()


def test_findings_are_text_whatever_is_in_them(console: ConsolePage) -> None:
    markup = "<img src=x onerror=\"document.title='broken'\">"
    answering(console, {"findings": [{**FINDING, "summary": markup, "fix": markup}]})
    diagnose(console, URL)
    expect(console.page.get_by_role("list", name="Findings")).to_contain_text(markup)
    assert console.page.locator("#findings img").count() == 0


def test_a_service_without_the_call_offers_nothing(console: ConsolePage) -> None:
    console.page.route("**/openapi.json", lambda route: route.fulfill(json={"paths": {}}))
    with console.page.expect_response("**/openapi.json"):
        console.sign_in()
    console.button("Tools").click()
    expect(console.page.get_by_role("menuitem")).to_have_text(
        ["Your access", "Keyboard", "Show code"]
    )
