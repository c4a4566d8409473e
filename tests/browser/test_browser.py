from playwright.sync_api import Page


def test_a_page_runs_its_script(page: Page) -> None:
    page.set_content("<p id=out></p><script>out.textContent = 6 * 7</script>")
    assert page.text_content("#out") == "42"
