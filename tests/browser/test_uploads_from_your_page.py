"""docs/guides/uploads-from-your-page.md in Chromium: its page as files, built by Vite, and with a user's token."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from ruamel.yaml import YAML

from tests.browser.console.harness import first_held
from tests.clients.toolchains import NODE_MODULES
from tests.docs.documents import blocks, commands, text_of
from tests.end_to_end.examples import node
from tests.support.demo import ROOT
from tests.support.processes import free_ports, run_process, run_to_end
from tests.support.service import API_KEY, make_caller, run_service
from tests.support.stores import Store

GUIDE: Final = "docs/guides/uploads-from-your-page.md"
MIB: Final = 1024**2
SIZE: Final = 20 * MIB  # three parts
WAYS: Final = ("files", "Vite", "token")
FOLDER: Final = "uploads/user-ann/"
WATCH: Final = """() => {
    window.seen = []
    const bar = document.querySelector('progress')
    new MutationObserver(() => window.seen.push(bar.value)).observe(bar, { attributes: true })
}"""
SLOW: Final = 90_000  # milliseconds: the service may ask for the backend's keys twice, with a pause
LAST_PART: Final = re.compile("partNumber=3")


@dataclass(frozen=True, kw_only=True)
class Harness:
    store: Store
    origins: dict[str, str]  # of the pages, by WAYS


def block(part: str) -> str:
    [found] = [each for each in commands(GUIDE) if part in each.text]
    return found.text


def configured(origins: dict[str, str]) -> dict[str, Any]:
    """Return the configuration of the guide for our origin and bucket."""
    [shown] = [each.text for each in blocks(GUIDE) if each.language == "yaml"]
    ours = shown.replace("https://app.example.com", origins["token"])
    read = YAML(typ="safe", pure=True).load(ours.replace("bucket: uploads,", "bucket: objects,"))
    read["callers"].append(make_caller("demo", API_KEY, ""))
    return {
        "issuers": read["issuers"],
        "callers": read["callers"],
        "objects": read["objects"],
        "server": {"drain_seconds": 0, "cors_origins": list(origins.values())},
    }


def write_sites(directory: Path, url: str) -> None:
    """Set address, bucket and token in the pages, and build the one of Vite."""
    site = directory / "site"
    text = (site / "main.js").read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8000", url).replace("bucket: 'demo'", "bucket: 'objects'")
    of_a_key = text.replace("() => 'demo'", f"() => '{API_KEY}'")
    [shown] = [b.text for b in blocks(GUIDE) if b.language == "js" and "/token" in b.text]
    function = re.findall(r"const token = (.*)\n", shown)[0]
    shutil.copytree(site, directory / "site-of-users")
    (directory / "site-of-users" / "main.js").write_text(text.replace("() => 'demo'", function))
    (site / "main.js").write_text(of_a_key)
    build(directory / "vite", site, of_a_key)


def build(into: Path, site: Path, main: str) -> None:
    (into / "node_modules").mkdir(parents=True)
    (into / "node_modules" / "presign-client").symlink_to(ROOT / "client" / "js")
    shutil.copy(site / "index.html", into)
    (into / "main.js").write_text(main.replace("'./presign/presign.js'", "'presign-client'"))
    vite = NODE_MODULES / "vite" / "bin" / "vite.js"
    assert vite.exists(), f"{vite} is missing: `make clients` installs it"
    done = run_to_end([node(), vite, "build", "--logLevel", "warn"], cwd=into, seconds=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module", name="harness")
def _harness(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    directory = tmp_path_factory.mktemp("pages")
    for name in ("examples", "client"):
        (directory / name).symlink_to(ROOT / name)
    port, *others = free_ports(4)
    ports = dict(zip(WAYS, others, strict=True))
    origins = {way: f"http://127.0.0.1:{port}" for way, port in ports.items()}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    static = block("http.server")
    users = block("uvicorn").replace("SITE=site", "SITE=site-of-users")
    built = static.splitlines()[-1].replace("--directory site", "--directory vite/dist")
    with ExitStack() as stack:

        def serve(way: str, command: str) -> None:
            ours = command.replace("8088", str(ports[way]))
            run = ["/bin/bash", "-euc", ours]
            stack.enter_context(run_process(run, directory, f"{origins[way]}/main.js", PATH=path))

        serve("files", static)
        write_sites(directory, f"http://127.0.0.1:{port}")
        for asset in (directory / "vite" / "dist" / "assets").glob("*.js"):
            shutil.copy(asset, directory / "vite" / "dist" / "main.js")  # it is asked for above
        serve("Vite", built)
        serve("token", users)  # before the service, which asks it for its keys
        top = configured(origins)
        (directory / "service").mkdir()
        callers = top.pop("callers")
        stack.enter_context(
            run_service(ministack, directory / "service", callers=callers, top=top, port=port)
        )
        stack.enter_context(allowing(ministack, origins.values()))
        yield Harness(store=ministack, origins=origins)


@contextmanager
def allowing(store: Store, origins: Iterable[str]) -> Iterator[None]:
    """The bucket has the rules of deploy/iam/cors.json for these pages."""
    client, bucket = store.admin_client(), store.bucket
    before = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    rules = json.loads((ROOT / "deploy/iam/cors.json").read_text(encoding="utf-8"))
    rules["CORSRules"][0]["AllowedOrigins"] = list(origins)
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=rules)
    yield
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": before})


@pytest.fixture(name="opened", params=WAYS)
def _opened(chromium: Browser, harness: Harness, request: pytest.FixtureRequest) -> Iterator[Page]:
    user = chromium.new_context(http_credentials={"username": "ann", "password": "secret"})
    with user as context:
        page = context.new_page()
        page.goto(harness.origins[request.param])
        page.evaluate(WATCH)
        yield page


@pytest.fixture(name="film")
def _film(tmp_path: Path) -> Path:
    film = tmp_path / f"{uuid4().hex}.mp4"
    film.write_bytes(os.urandom(SIZE))
    return film


def parts_sent(page: Page) -> list[Request]:
    """Return the list of the parts that the page sends from now on."""
    sent: list[Request] = []

    def note(each: Request) -> None:
        if "partNumber=" in each.url and each.method != "OPTIONS":
            sent.append(each)

    page.on("request", note)
    return sent


def stored(page: Page, part: int) -> AbstractContextManager[object]:
    """At its end, wait until the store has this part: what is sent may be on its way."""
    return page.expect_response(
        lambda answer: answer.request.method == "PUT" and f"partNumber={part}" in answer.url,
        timeout=SLOW,
    )


def choose(page: Page, film: Path) -> None:
    page.get_by_label("File").set_input_files(film)


def status(page: Page, text: str) -> None:
    """Wait for it."""
    expect(page.get_by_role("status")).to_have_text(text, timeout=SLOW)


def test_a_large_file_goes_up_in_parts_with_progress(
    opened: Page, harness: Harness, film: Path
) -> None:
    sent = parts_sent(opened)
    held = held_last_part(opened, film)
    first_held(opened, held).continue_()
    status(opened, f"Stored: {film.name}")
    assert harness.store.content(FOLDER + film.name) == film.read_bytes()
    seen = opened.evaluate("() => window.seen")
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert {each.method for each in sent} == {"PUT"}
    assert all("authorization" not in each.headers for each in sent)


def held_last_part(page: Page, film: Path) -> list[Route]:
    """Choose a film, and hold its last part: the bar says that four fifths are sent."""
    held: list[Route] = []
    page.route(LAST_PART, lambda route: held.append(route))  # noqa: PLW0108 (playwright marks its handlers)
    with stored(page, 1), stored(page, 2):
        choose(page, film)
    page.wait_for_function("() => document.querySelector('progress').value === 0.8")
    return held


def test_a_paused_upload_goes_on_where_it_stopped(opened: Page, film: Path) -> None:
    held = held_last_part(opened, film)
    first_held(opened, held)
    opened.get_by_role("button", name="Pause").click()
    status(opened, "Paused. Choose the file again to go on.")
    for route in held:
        route.abort()  # else `unroute` sends it, if the browser has not dropped it yet
    opened.unroute(LAST_PART)
    sent = parts_sent(opened)
    choose(opened, film)
    status(opened, f"Stored: {film.name}")
    assert {parse_qs(urlsplit(each.url).query)["partNumber"][0] for each in sent} == {"3"}


def test_a_user_cannot_write_to_another_users_folder(
    chromium: Browser, harness: Harness, film: Path
) -> None:
    user = chromium.new_context(http_credentials={"username": "bob", "password": "secret"})
    with user as context:
        page = context.new_page()
        page.goto(harness.origins["token"])
        choose(page, film)  # into the folder of ann
        expect(page.get_by_role("status")).to_contain_text("grant", timeout=SLOW)
    assert harness.store.content(FOLDER + film.name) is None


def test_the_page_shows_the_whole_example() -> None:
    shown = next(each.text for each in blocks(GUIDE) if each.language == "js")
    assert shown == (ROOT / "examples/progress/main.js").read_text(encoding="utf-8")


def test_the_version_of_vite_is_locked() -> None:
    pinned = json.loads((ROOT / "tests/clients/package.json").read_text(encoding="utf-8"))
    major = pinned["devDependencies"]["vite"].partition(".")[0]
    assert set(re.findall(r"[Vv]ite[ @](\d+)", text_of(GUIDE))) == {major}
