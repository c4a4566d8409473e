"""The same in code: what is copied from the page is run, as whoever copied it would."""

import os
import re
import sys
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.console.harness import MULTIPART_KEY, ODD, ConsolePage, large_file, text_file
from tests.end_to_end.examples import node
from tests.support.processes import run_to_end
from tests.support.service import API_KEY

ROOT: Final = Path(__file__).parents[3]
LANGUAGES: Final = ["curl", "Python", "JavaScript"]


def code(console: ConsolePage, place: str, language: str) -> str:
    """What "Copy code" gives."""
    panel = console.page.locator(f"#{place}")
    if console.drawer.is_visible():
        console.close_drawer()
    if not console.page.locator(".workspace.with-code").count():
        console.tool("Show code")
    if place == "link-code":
        console.share()
    panel.get_by_role("radio", name=language, exact=True).check()
    status = console.page.get_by_role("status")
    status.evaluate("(said) => said.replaceChildren()")  # it may say so of another language
    panel.get_by_role("button", name="Copy code").click()
    expect(status).to_have_text("Copied.")
    copied: str = console.page.evaluate("navigator.clipboard.readText()")
    shown = panel.locator("pre").text_content()
    assert copied == shown
    assert API_KEY not in copied
    return copied


def run(language: str, text: str, directory: Path, token: str = API_KEY) -> None:
    """As whoever copied it would."""
    script = directory / {"curl": "it.sh", "Python": "it.py", "JavaScript": "it.mjs"}[language]
    script.write_text(text, encoding="utf-8")
    command = {"curl": ["/bin/bash", "-eu"], "Python": [sys.executable, "-W", "error"],
               "JavaScript": [node(), "--no-warnings"]}[language]  # fmt: skip
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    environment = {"PATH": path, "PRESIGN_TOKEN": token, "LANG": "C.UTF-8"}
    done = run_to_end([*command, script], cwd=directory, env=environment)
    assert done.returncode == 0, done.stderr
    assert not (directory / "broken").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_of_a_link_downloads_it(
    console: ConsolePage, tmp_path: Path, language: str
) -> None:
    body = os.urandom(3_000_000)
    console.harness.put(f"code/{ODD}", body)
    console.sign_in()
    console.share()
    console.field("File to share").fill(f"code/{ODD}")
    run(language, code(console, "link-code", language), tmp_path)
    assert (tmp_path / ODD).read_bytes() == body


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_of_an_upload_sends_the_file(
    console: ConsolePage, tmp_path: Path, language: str
) -> None:
    console.sign_in()
    console.new_folder(f"sent by/{language}")
    console.upload(text_file(ODD))
    console.wait_until_sent(ODD)
    body = os.urandom(3_000_000)  # of another length than what was chosen: the file's own counts
    (tmp_path / ODD).write_bytes(body)
    key = f"sent by/{language}/{ODD}"
    console.harness.remove(key)
    run(language, code(console, "upload-code", language), tmp_path)
    assert console.harness.read(key) == body
    assert console.harness.type_of(key) == "text/plain"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("overwrites", [False, True])
def test_the_code_of_an_upload_in_parts_sends_the_file(
    console: ConsolePage, tmp_path: Path, language: str, overwrites: bool
) -> None:
    name = f"parts {language} {overwrites}.bin"
    file = large_file(tmp_path, name)
    console.sign_in(MULTIPART_KEY)
    if overwrites:
        console.harness.put(name, b"first")
        console.field("Replace files of the same name").check()
    console.upload(text_file(name))
    console.wait_until_sent(name)
    if not overwrites:
        console.harness.remove(name)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "presign-client").symlink_to(ROOT / "client" / "js")
    run(language, code(console, "upload-code", language), tmp_path, MULTIPART_KEY)
    needs = console.page.locator("#upload-code .hint")
    expect(needs).to_contain_text("presign-client")
    assert console.harness.read(name) == file.read_bytes()


def test_there_is_code_before_a_file_is_chosen(console: ConsolePage) -> None:
    console.sign_in()
    console.new_folder("inbox")
    assert '"key":"inbox/report.pdf"' in code(console, "upload-code", "curl")


def test_without_a_clipboard_the_code_is_copied_all_the_same(console: ConsolePage) -> None:
    """As on a page that came by http from another machine."""
    page = console.page
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined});")
    page.reload()
    console.sign_in()
    console.tool("Show code")
    console.share()
    page.locator("#link-code").get_by_role("button", name="Copy code").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    field = console.field("File to share")
    field.focus()
    page.keyboard.press("Control+V")
    expect(field).to_have_value(re.compile(r"^sign\(\) \{"))


def test_the_code_that_fails_says_why_in_the_services_words(
    console: ConsolePage, tmp_path: Path
) -> None:
    console.sign_in()
    console.share()
    console.field("File to share").fill("code/a.txt")
    for language in LANGUAGES:
        with pytest.raises(AssertionError, match="valid API key or token"):
            run(language, code(console, "link-code", language), tmp_path, token="another")


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_to_paste_has_no_control_characters(console: ConsolePage, language: str) -> None:
    """A terminal would take them for keys: Ctrl-C, and what follows is a command of its own."""
    console.sign_in()
    console.field("File to share").evaluate(
        """(field) => {
          field.value = "a\\u001b[201~\\u0003touch broken #\\u007f\\u009b";
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    text = code(console, "link-code", language)
    assert "download-urls" in text
    assert [c for c in text if not (c.isprintable() or c == "\n")] == []
