"""The console in front of MiniStack: the service in its real process, and a page that is watched.

MiniStack honours a bucket's CORS rules, so the page sends to it as to AWS; where a test needs an upload
half way, the page sends through a gate, whose address is signed then.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Frame,
    Locator,
    Page,
    Request,
    Route,
    expect,
)

from service.auth.api_keys import digest_of
from tests.browser.waiting import until
from tests.support.gate import Gate, gate_to
from tests.support.late import Late
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import Store

MIB: Final = 1024**2
PART: Final = 8 * MIB  # as the service cuts what is below 8 GiB
LARGE: Final = 2 * PART + 5 * MIB  # three parts
PATIENCE: Final = 20_000  # milliseconds
ODD: Final = "Odd 'name' \"$(touch broken)\" `x` ${y} [1-3] {a,b} é😀%.txt"
FIRST_PAINT_MS: Final = 1000
FIRST_PAINT_BYTES: Final = 70_000
SHORT_KEY: Final = "a-key-whose-links-are-short"
LIMITED_KEY: Final = "a-key-with-limits"
MULTIPART_KEY: Final = "a-key-that-sends-parts-only"
READER_KEY: Final = "a-key-that-only-reads"
LISTER_KEY: Final = "a-key-without-share-links"
PLAIN_KEY: Final = "a-key-without-versions"
LOOKER_KEY: Final = "a-key-that-only-sees-versions"
SHORT: Final = 4  # seconds


def limited(name: str, key: str, **grant: Any) -> dict[str, Any]:
    """A caller with one grant, in one bucket."""
    whole = {"bucket": "objects", "prefix": "", "allow": ["download", "upload"], **grant}
    return {"api_key": name, "sha256": [digest_of(key)], "grants": [whole]}


CALLERS: Final = [
    make_caller("tests", API_KEY, ""),
    limited("lister", LISTER_KEY, allow=["list", "download", "delete", "upload"]),
    limited("short", SHORT_KEY, allow=["download"], max_expires_in=SHORT),
    limited(
        "limited",
        LIMITED_KEY,
        prefix="inbox/",
        allow=["upload", "multipart", "check", "download"],
        max_content_length=MIB,
        content_types=["text/plain", "image/*"],
    ),
    limited("multipart", MULTIPART_KEY, allow=["multipart", "download"], allow_overwrite=True),
    limited("plain", PLAIN_KEY, bucket="versions", allow=["list", "download", "delete"]),
    limited("looker", LOOKER_KEY, bucket="versions", allow=["list", "versions"]),
    limited("reader", READER_KEY, prefix="reports/2026/", allow=["download"]),
]


@dataclass(frozen=True, kw_only=True)
class Harness:
    store: Store
    service: RunningService
    gate: Gate | None = None

    @property
    def admin(self) -> Any:
        return self.store.admin_client()

    @property
    def origin(self) -> str:
        return str(self.service.client.base_url).rstrip("/")

    @property
    def url(self) -> str:
        return f"{self.origin}/console"

    @property
    def way(self) -> Gate:
        """To the store, which can be shut."""
        assert self.gate is not None
        return self.gate

    @property
    def store_origin(self) -> str:
        """As the page knows it."""
        return self.store.endpoint_url if self.gate is None else self.gate.url

    def put(self, key: str, body: bytes) -> None:
        self.admin.put_object(Bucket=self.store.bucket, Key=key, Body=body)

    def remove(self, key: str) -> None:
        self.admin.delete_object(Bucket=self.store.bucket, Key=key)

    def read(self, key: str) -> bytes:
        """What the store has."""
        content: bytes = self.admin.get_object(Bucket=self.store.bucket, Key=key)["Body"].read()
        return content

    def type_of(self, key: str) -> Any:
        return self.admin.head_object(Bucket=self.store.bucket, Key=key)["ContentType"]

    def holds(self, key: str, file: Path) -> bool:
        return self.read(key) == file.read_bytes()

    def has(self, key: str) -> bool:
        listed = self.admin.list_objects_v2(Bucket=self.store.bucket, Prefix=key)
        return any(each["Key"] == key for each in listed.get("Contents", []))

    def uploads(self, key: str) -> list[Any]:
        """Those in parts that are neither completed nor aborted."""
        listed = self.admin.list_multipart_uploads(Bucket=self.store.bucket)
        return [each for each in listed.get("Uploads", []) if each["Key"] == key]


@contextmanager
def run_console(
    store: Store, directory: Path, gate: Gate | None = None, **more: Any
) -> Iterator[Harness]:
    signed: dict[str, Any] = {} if gate is None else {"public_endpoint_url": gate.url}
    signed |= more.pop("bucket", {})
    callers = more.pop("callers", CALLERS)
    with run_service(
        store, directory, callers=callers, top={"console": True, **more}, **signed
    ) as service:
        yield Harness(store=store, service=service, gate=gate)


@contextmanager
def run_gated_console(store: Store, directory: Path) -> Iterator[Harness]:
    with gate_to(store.endpoint_url) as gate, run_console(store, directory, gate) as harness:
        yield harness


@dataclass
class Watch:
    """What a page did that it must not: asked other hosts, logged, or broke its policy."""

    allowed: set[str]
    strangers: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)  # that the page itself had

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" not in self.allowed:
            self.strangers.append(request.url)

    def navigation(self, frame: Frame) -> None:
        if frame.parent_frame is None:
            self.addresses.append(frame.url)

    def log(self, message: ConsoleMessage) -> None:
        self.logged.append(f"{message.type}: {message.text}")


@dataclass(frozen=True)
class ConsolePage:
    """The page as its user sees it: controls are found by their names only."""

    page: Page
    harness: Harness
    watch: Watch

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.page.get_by_label(name, exact=True)

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    @property
    def files(self) -> Locator:
        return self.page.get_by_role("table", name="Files")

    @property
    def heading(self) -> Locator:
        """What the open folder is called."""
        return self.page.locator("#where")

    def row(self, name: str) -> Locator:
        """The row of a file or folder."""
        named = self.page.get_by_text(name, exact=True)
        return self.files.get_by_role("row").filter(has=named)

    def act(self, name: str, action: str) -> None:
        """Do something with a file: by the button on its row, else by the row's menu."""
        choose(self.row(name), action)

    def tool(self, name: str) -> Locator:
        """Choose something in the header's menu, once it is offered. Returns its dialog, if it has one."""
        item = self.page.get_by_role("menuitem", name=name, exact=True)
        self.button("Tools").click()
        for _ in range(100):
            if item.count():
                break
            self.page.keyboard.press("Escape")  # an open menu stays as it is
            self.page.wait_for_timeout(100)
            self.button("Tools").click()
        item.click()
        return self.page.get_by_role("dialog", name=name, exact=True)

    def item(self, name: str) -> Locator:
        """The row of an upload, whether or not the list of them is shown."""
        uploads = self.page.get_by_role("list", name="Uploads", include_hidden=True)
        named = self.page.get_by_text(name, exact=True)
        return uploads.get_by_role("listitem", include_hidden=True).filter(has=named)

    @property
    def drawer(self) -> Locator:
        return self.page.get_by_role("dialog", name="Share", exact=True)

    def share(self) -> None:
        """Open the drawer, unless it is open."""
        if not self.drawer.is_visible():
            self.button("Share").click()
            self.drawer.wait_for()

    def close_drawer(self) -> None:
        self.page.keyboard.press("Escape")
        expect(self.drawer).to_be_hidden()

    @property
    def links(self) -> Locator:
        """Those in the drawer, the last one first."""
        return self.page.get_by_role("list", name="Links").get_by_role("listitem")

    def try_to_sign_in(self, key: str = API_KEY) -> None:
        self.field("API key or token").fill(key)
        self.button("Sign in").click()

    def sign_in(self, key: str = API_KEY, bucket: str = "objects") -> None:
        """Sign in, and open the bucket if there are several."""
        self.try_to_sign_in(key)
        self.heading.wait_for()
        if self.heading.text_content() == "Your buckets":
            self.follow(bucket)

    def follow(self, *names: str) -> None:
        """Open a folder by its link, and so on. Other tests may have more than a page of folders there."""
        for name in names:
            link, later = self.files.get_by_role("link", name=name, exact=True), self.button("Next")
            link.or_(later).first.wait_for()
            while not link.count():
                later.click()
            link.click()
            expect(self.heading).to_have_text(name)

    def new_folder(self, name: str) -> None:
        """Open a folder that need not exist."""
        self.button("New folder").click()
        self.field("Name of the folder").fill(name)
        self.button("Open folder").click()
        expect(self.heading).to_have_text(name.rpartition("/")[2])

    def upload(self, *files: FilePayload | Path) -> None:
        self.field("Files").set_input_files(list[Any](files))

    def wait_until_sent(self, name: str) -> None:
        state = self.item(name).get_by_text("Uploaded", exact=True)
        state.wait_for(state="attached", timeout=3 * PATIENCE)

    def link(self, key: str) -> str:
        """Create a link with what the form offers."""
        self.share()
        expect(self.page.locator("#links")).to_have_attribute("aria-busy", "false")
        before = self.links.count()
        self.field("File to share").fill(key)
        self.button("Create link").click()
        expect(self.links).to_have_count(before + 1)
        return self.links.first.get_by_label("Link", exact=True).input_value()


def choose(row: Locator, action: str) -> None:
    row.get_by_role("button").last.wait_for()
    shown = row.get_by_role("button", name=action, exact=True)
    if shown.count():
        shown.click()
    else:
        row.get_by_role("button", name="More", exact=True).click()
        row.page.get_by_role("menuitem", name=action, exact=True).click()


def open_console(context: BrowserContext, harness: Harness, url: str = "") -> ConsolePage:
    """In a new tab, at the address `url`, else at the page's."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watch = Watch({harness.origin, harness.store_origin})
    context.on("request", watch.request)
    page.on("console", watch.log)
    page.on("pageerror", lambda error: watch.logged.append(f"uncaught: {error}"))
    page.on("framenavigated", watch.navigation)
    page.goto(url or harness.url)
    return ConsolePage(page, harness, watch)


def hold(page: Page, path: str) -> list[Route]:
    """Leave requests to `path` without an answer. Returns them."""
    held: list[Route] = []
    page.route(path, lambda route: held.append(route))  # noqa: PLW0108 (playwright marks its handlers)
    return held


def stop_clock(page: Page) -> None:
    """From now on the page's time passes only by `page.clock.run_for`."""
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))


def first_held(page: Page, held: list[Route]) -> Route:
    """Wait until a request is held."""
    until(lambda: held, page)
    return held[0]


def refuse(
    route: Route,
    status: int,
    detail: str,
    code: str = "unauthenticated",
    retry_after: int = 0,
    **more: Any,
) -> None:
    """Answer like the service."""
    problem = {"type": f"/errors#{code}", "title": code, "status": status, "code": code}
    headers = {"retry-after": str(retry_after)} if retry_after else {}
    headers["content-type"] = "application/problem+json"
    body = json.dumps({**problem, "detail": detail, **more})  # `json=` would have another type
    route.fulfill(status=status, headers=headers, body=body)


def expired(route: Route) -> None:
    """Answer that the token is not valid."""
    refuse(route, 401, "It ran out.")


def let_token_expire(console: ConsolePage, key: str = "any.txt") -> None:
    """The page learns it when it makes a link."""
    page = console.page
    page.route("**/v1/object-checks", expired)
    console.share()
    console.field("File to share").fill(key)
    console.button("Create link").click()
    expect(console.alert.first).to_contain_text("Your sign-in has expired.")
    page.unroute("**/v1/object-checks")


def text_file(name: str, content: bytes = b"hello", mime: str = "text/plain") -> FilePayload:
    return {"name": name, "mimeType": mime, "buffer": content}


def large_file(directory: Path, name: str = "large.bin", size: int = LARGE) -> Path:
    """No two parts of it are alike."""
    path = directory / name
    path.write_bytes(os.urandom(size))
    return path


# Milliseconds from the start of the load, once it has happened.
PAINTED: Final = """() => new Promise((resolve) => {
  const note = (list) => {
    for (const { startTime } of list.getEntriesByName("first-contentful-paint")) resolve(startTime);
  };
  new PerformanceObserver(note).observe({ type: "paint", buffered: true });
})"""


def check_first_paint(console: ConsolePage) -> None:
    """Look at all that is loaded before somebody signs in, with its headers. Raises Late."""
    loaded: list[Request] = []
    console.page.wait_for_load_state("networkidle")  # what the page before is still loading
    console.page.on("requestfinished", lambda each: loaded.append(each))  # noqa: PLW0108 (playwright marks it)
    console.page.reload(wait_until="networkidle")
    sizes = [request.sizes() for request in loaded]
    sent = sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes)
    assert 10_000 < sent <= FIRST_PAINT_BYTES
    painted: float = console.page.evaluate(PAINTED)
    if painted > FIRST_PAINT_MS:
        raise Late(f"{painted:.0f} ms")
