"""Answers that come when who asked is gone, and answers that are none of the service's."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.console.house import SHORT_KEY, Desk
from tests.support.service import API_KEY


def held(desk: Desk, path: str) -> list[Route]:
    """Requests that are left without an answer."""
    routes: list[Route] = []
    desk.page.route(path, lambda route: routes.append(route))  # noqa: PLW0108 (playwright marks its handlers)
    return routes


def asked_for_a_link(desk: Desk) -> Route:
    desk.house.put("of-the-first.txt", b"first")
    desk.sign_in()
    routes = held(desk, "**/v1/download-urls")
    with desk.page.expect_request("**/v1/download-urls"):
        desk.field("Object").fill("of-the-first.txt")
        desk.button("Link").click()
    desk.button("Sign out").click()
    desk.field("API key or token").wait_for()
    desk.sign_in(SHORT_KEY)
    return routes[0]


def let_it_come(desk: Desk) -> None:
    desk.page.wait_for_timeout(500)


def test_a_late_link_is_not_shown_to_the_next_caller(desk: Desk) -> None:
    asked_for_a_link(desk).fulfill(
        json={
            "url": "https://store.example/of-the-first.txt",
            "expires_at": "2999-01-01T00:00:00Z",
        }
    )
    let_it_come(desk)
    assert desk.page.locator("#link-url").input_value() == ""
    assert "of-the-first" not in desk.page.content()
    expect(desk.button("Link")).to_be_enabled()


def test_a_refusal_of_the_last_callers_token_signs_nobody_out(desk: Desk) -> None:
    asked_for_a_link(desk).fulfill(status=401, json={"detail": "no", "code": "unauthenticated"})
    let_it_come(desk)
    expect(desk.button("Sign out")).to_be_visible()


def test_late_findings_are_not_shown_to_the_next_caller(desk: Desk) -> None:
    desk.page.route(
        "**/openapi.json", lambda route: route.fulfill(json={"paths": {"/v1/diagnoses": {}}})
    )
    desk.sign_in()
    routes = held(desk, "**/v1/diagnoses")
    with desk.page.expect_request("**/v1/diagnoses"):
        desk.field("Failing URL").fill("https://store.example/a")
        desk.button("Diagnose").click()
    desk.button("Sign out").click()
    desk.sign_in(SHORT_KEY)
    finding = {"code": "of_the_first", "proven": True, "summary": "s", "fix": "f"}
    routes[0].fulfill(json={"findings": [finding]})
    let_it_come(desk)
    assert "of_the_first" not in desk.page.content()
    expect(desk.button("Diagnose")).to_be_enabled()


@pytest.mark.parametrize(
    "body", ["null", '{"errors": "x"}', '{"errors": [{"code": "x"}]}', '{"errors": [null]}']
)
def test_json_that_is_no_problem_is_told_by_its_status(desk: Desk, body: str) -> None:
    """As a proxy answers that is in between."""
    desk.page.route(
        "**/v1/caller",
        lambda route: route.fulfill(status=400, body=body, content_type="application/json"),
    )
    desk.field("API key or token").fill(API_KEY)
    desk.button("Sign in").click()
    expect(desk.alert.first).to_contain_text("The service answered 400.")
    expect(desk.button("Sign in")).to_be_enabled()


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_code_to_paste_has_no_control_characters(desk: Desk, language: str) -> None:
    """A terminal would take them for keys: Ctrl-C, and what follows is a command of its own."""
    desk.sign_in()
    desk.page.locator("#object").evaluate(
        """(field) => {
          field.value = "a\\u001b[201~\\u0003touch broken #\\u007f\\u009b";
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    code = desk.page.locator("#link-code")
    code.get_by_text("The same in code").click()
    code.get_by_text(language, exact=True).click()
    text = code.locator("pre").text_content() or ""
    assert "download-urls" in text
    assert [c for c in text if not (c.isprintable() or c == "\n")] == []
