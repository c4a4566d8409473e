"""The console's panel and the service's call, together: a URL that fails at a true store is explained."""

import uuid

from playwright.sync_api import expect

from tests.browser.console.house import Desk
from tests.support.service import send


def test_a_url_that_the_store_refuses_is_explained_with_proof(desk: Desk) -> None:
    key = f"explained/{uuid.uuid4().hex}.txt"
    signed = desk.house.service.sign("download-urls", key=key)
    answer = send(signed, b"body", method="PUT")
    assert answer.status_code == 403
    desk.sign_in()
    desk.field("Failing URL").fill(signed.url)
    desk.field("Method").select_option("PUT")
    desk.field("HTTP status").fill("403")
    desk.page.get_by_text("Headers and response body").click()
    desk.field("Response body").fill(answer.text)
    desk.button("Diagnose").click()
    found = desk.page.get_by_role("list", name="Findings").get_by_role("listitem")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Provenmethod_changed")
    expect(found).to_contain_text("The URL is signed for GET, but was sent as PUT.")
    expect(found.locator("pre")).to_contain_text("curl '<url>'")
