"""The console in front of MiniStack: the service in its real process, and a page that is watched.

MiniStack honours a bucket's CORS rules, so the page sends to it as to AWS; where a test needs an upload
half way, the page sends through a gate, whose address is signed then.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, FilePayload, Locator, Page, Request

from service.auth.api_keys import digest_of
from tests.support.gate import Gate, gate_to
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import Store

MIB: Final = 1024**2
PART: Final = 8 * MIB  # as the service cuts what is below 8 GiB
LARGE: Final = 2 * PART + 5 * MIB  # three parts
PATIENCE: Final = 20_000  # milliseconds
SHORT_KEY: Final = "a-key-whose-links-are-short"
LIMITED_KEY: Final = "a-key-with-limits"
MULTIPART_KEY: Final = "a-key-that-sends-parts-only"
READER_KEY: Final = "a-key-that-only-reads"
SHORT: Final = 4  # seconds
LATE_KEY: Final = "a-key-whose-parts-are-late"
LATE: Final = 10  # a part takes the store some seconds where the machine is busy


def limited(name: str, key: str, **grant: Any) -> dict[str, Any]:
    """A caller with one grant, in one bucket."""
    whole = {"bucket": "objects", "prefix": "", "allow": ["download", "upload"], **grant}
    return {"api_key": name, "sha256": [digest_of(key)], "grants": [whole]}


CALLERS: Final = [
    make_caller("tests", API_KEY, ""),
    limited("short", SHORT_KEY, allow=["download"], max_expires_in=SHORT),
    limited(
        "limited",
        LIMITED_KEY,
        prefix="inbox/",
        allow=["upload", "multipart", "check", "download"],
        max_content_length=MIB,
        content_types=["text/plain", "image/*"],
    ),
    limited("late", LATE_KEY, allow=["multipart"], max_expires_in=LATE),
    limited("multipart", MULTIPART_KEY, allow=["multipart", "download"], allow_overwrite=True),
    limited("reader", READER_KEY, prefix="reports/2026/", allow=["download"]),
]


@dataclass(frozen=True, kw_only=True)
class House:
    store: Store
    service: RunningService
    gate: Gate | None = None

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
        self.store.admin_client().put_object(Bucket=self.store.bucket, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        """What the store has."""
        found = self.store.admin_client().get_object(Bucket=self.store.bucket, Key=key)
        with found["Body"] as body:
            content: bytes = body.read()
            return content

    def holds(self, key: str, file: Path) -> bool:
        return self.read(key) == file.read_bytes()

    def has(self, key: str) -> bool:
        listed = self.store.admin_client().list_objects_v2(Bucket=self.store.bucket, Prefix=key)
        return any(each["Key"] == key for each in listed.get("Contents", []))

    def uploads(self, key: str) -> list[Any]:
        """Those in parts that are neither completed nor aborted."""
        listed = self.store.admin_client().list_multipart_uploads(Bucket=self.store.bucket)
        return [each for each in listed.get("Uploads", []) if each["Key"] == key]


@contextmanager
def console(
    store: Store, directory: Path, gate: Gate | None = None, **more: Any
) -> Iterator[House]:
    signed: dict[str, Any] = {} if gate is None else {"public_endpoint_url": gate.url}
    callers = more.pop("callers", CALLERS)
    with run_service(
        store, directory, callers=callers, top={"console": True, **more}, **signed
    ) as service:
        yield House(store=store, service=service, gate=gate)


@contextmanager
def gated_console(store: Store, directory: Path) -> Iterator[House]:
    with gate_to(store.endpoint_url) as gate, console(store, directory, gate) as house:
        yield house


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

    def log(self, message: ConsoleMessage) -> None:
        self.logged.append(f"{message.type}: {message.text}")

    def address(self, page: Page) -> None:
        self.addresses.append(page.url)


@dataclass(frozen=True)
class Desk:
    """The page, as whoever sits before it has it: by what controls are called, and nothing else."""

    page: Page
    house: House
    watch: Watch

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.page.get_by_label(name, exact=True)

    def item(self, name: str) -> Locator:
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_text(name, exact=True))

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def sign_in(self, key: str = API_KEY) -> None:
        self.field("API key or token").fill(key)
        self.button("Sign in").click()
        self.button("Sign out").wait_for()

    def choose(self, *files: FilePayload) -> None:
        self.field("Files").set_input_files(list(files))

    def choose_on_disk(self, *files: Path) -> None:
        self.field("Files").set_input_files(list(files))

    def upload(self, *files: FilePayload) -> None:
        self.choose(*files)
        self.button("Upload").click()

    def upload_from_disk(self, *files: Path) -> None:
        self.choose_on_disk(*files)
        self.button("Upload").click()

    def wait_until_sent(self, name: str) -> None:
        self.item(name).get_by_text("Sent", exact=True).wait_for(timeout=3 * PATIENCE)

    def link(self, key: str) -> str:
        self.field("Object").fill(key)
        self.button("Link").click()
        address = self.field("Address")
        address.wait_for()
        return address.input_value()


def open_desk(context: BrowserContext, house: House) -> Desk:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watch = Watch({house.origin, house.store_origin})
    context.on("request", watch.request)
    page.on("console", watch.log)
    page.on("pageerror", lambda error: watch.logged.append(f"uncaught: {error}"))
    page.on("framenavigated", lambda frame: watch.addresses.append(frame.url))
    page.goto(house.url)
    return Desk(page, house, watch)


def text_file(name: str, content: bytes = b"hello", mime: str = "text/plain") -> FilePayload:
    return {"name": name, "mimeType": mime, "buffer": content}


def large_file(directory: Path, name: str = "large.bin", size: int = LARGE) -> Path:
    """No two parts of it are alike."""
    path = directory / name
    path.write_bytes(os.urandom(size))
    return path
