"""Links in front of a store: the service in its real process, a store of uses, a watched page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import BrowserContext, Locator, Page

from service.config.key_files import new_key
from tests.browser.console.harness import LIMITED_KEY, MIB, PATIENCE, Watch, limited
from tests.support.gate import Gate, gate_to
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.socket_server import wait_until
from tests.support.stores import Store
from tests.support.valkey import Valkey

SERVER: Final = {"drain_seconds": 0, "public_url": "https://files.example.com"}
LIMITED_TYPES: Final = ["image/*", "text/plain"]
CALLERS: Final = [
    make_caller("tests", API_KEY, ""),
    limited(
        "limited",
        LIMITED_KEY,
        prefix="limited/",
        allow=["upload", "link"],
        max_content_length=MIB,
        content_types=LIMITED_TYPES,
    ),
]


@dataclass(frozen=True, kw_only=True)
class LinksHarness:
    store: Store
    service: RunningService
    valkey: Valkey
    gate: Gate

    @property
    def origin(self) -> str:
        return str(self.service.client.base_url).rstrip("/")

    def create(self, secret: str = API_KEY, **link: Any) -> str:
        """Return the address of a new link, as this service has it."""
        answer = self.service.client.post(
            "/v1/links",
            json={"bucket": "objects", **link},
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 201, answer.text
        return f"{self.origin}{urlsplit(answer.json()['url']).path}"

    def drop_box(self, prefix: str, secret: str = API_KEY, bucket: str = "objects") -> str:
        return self.create(secret, bucket=bucket, prefix=prefix, operations=["upload"])

    def received(self, prefix: str, bucket: str | None = None) -> dict[str, tuple[bytes, str]]:
        """Return the content and the type of what is below `prefix`, by file name."""
        admin, bucket = self.store.admin_client(), bucket or self.store.bucket
        listed = admin.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        found = {}
        for each in listed:
            got = admin.get_object(Bucket=bucket, Key=each["Key"])
            with got["Body"] as body:
                name = (
                    each["Key"].rpartition("/")[2].removeprefix(f"{got['LastModified']:%Y-%m-%d} ")
                )
                found[name] = (body.read(), got["ContentType"])
        return found


@contextmanager
def run_links(store: Store, directory: Path, **more: Any) -> Iterator[LinksHarness]:
    """The page sends through a gate, which a test can shut."""
    (directory / "link.key").write_text(new_key(b"k" * 32))
    valkey = Valkey(directory)
    valkey.start()
    links = {
        "keys": [str(directory / "link.key")],
        "store_url": valkey.url,
    }
    try:
        with (
            gate_to(store.endpoint_url) as gate,
            run_service(
                store,
                directory,
                callers=CALLERS,
                top={"links": links, "server": SERVER, **more},
                public_endpoint_url=gate.url,
            ) as service,
        ):
            yield LinksHarness(store=store, service=service, valkey=valkey, gate=gate)
    finally:
        valkey.stop()


@dataclass(frozen=True)
class LinkPage:
    """A page as people see it: controls are found by their names only."""

    page: Page
    watch: Watch

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def item(self, name: str) -> Locator:
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_text(name, exact=True))

    def choose(self, *files: Any) -> None:
        self.page.get_by_label("Files", exact=True).set_input_files(list(files))

    def wait_until_sent(self, name: str) -> None:
        self.item(name).get_by_text("Sent", exact=True).wait_for(timeout=3 * PATIENCE)

    def error_of(self, name: str) -> Locator:
        return self.item(name).get_by_role("alert")


def open_link(context: BrowserContext, harness: LinksHarness, url: str) -> LinkPage:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watch = Watch({harness.origin, harness.gate.url})
    context.on("request", watch.request)
    page.on("console", watch.log)
    page.on("pageerror", lambda error: watch.logged.append(f"uncaught: {error}"))
    page.goto(url)
    return LinkPage(page, watch)


def until_known(harness: LinksHarness) -> None:
    """Wait until the service has read the revoked links once."""
    harness.store.put("known")
    url = harness.create(key="known")
    with httpx.Client(trust_env=False, timeout=60) as client:
        wait_until(lambda: client.head(url).status_code != 503)
