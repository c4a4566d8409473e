"""Uppy in a page, the service in its real process behind it, and a store that verifies."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Dialog, Page, Request, Response, Route

from tests.browser.pages import serving_pages
from tests.browser.proxy import nginx, proxying
from tests.docs.documents import blocks
from tests.support.service import make_caller, run_service
from tests.support.stores import Store

TOKEN: Final = "of-the-user-of-the-page"
PREFIX: Final = "uploads/_key/ada/"
MIB: Final = 1024**2
MOST: Final = 16 * MIB
TYPES: Final = ["text/plain", "image/*"]
SHORT: Final = 1  # seconds that a URL of `run_hasty` lives
UPPY: Final = {"bucket": "objects", "prefix": "uploads/{caller}/"}
# Whether the page of a variant calls the service at its own origin, whose address it gets
_CROSSES: Final = {
    "v3-companion": True,
    "v4-endpoint": True,
    "v5-endpoint": True,
    "v6-sign": True,
    "v6-companion": False,
}


@dataclass(frozen=True)
class Harness:
    variant: str
    store: Store
    presign: str
    origin: str  # of the page
    pages: str  # the application's own server, which the proxy stands before
    log: Path  # the service's own lines, and its audit trail

    def keys(self) -> dict[str, bytes]:
        """All that was uploaded, by key."""
        client, bucket = self.store.admin_client(), self.store.bucket
        listed = client.list_objects_v2(Bucket=bucket, Prefix=PREFIX).get("Contents", [])
        keys = [each["Key"] for each in listed]
        return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def type_of(self, key: str) -> Any:
        client = self.store.admin_client()
        return client.head_object(Bucket=self.store.bucket, Key=key)["ContentType"]

    def unfinished(self) -> list[Any]:
        """The uploads of Uppy's: those of other tests may be in the same bucket."""
        client = self.store.admin_client()
        found = client.list_multipart_uploads(Bucket=self.store.bucket).get("Uploads", [])
        return [each for each in found if each["Key"].startswith(PREFIX)]

    def empty(self) -> None:
        client, bucket = self.store.admin_client(), self.store.bucket
        for key in self.keys():
            client.delete_object(Bucket=bucket, Key=key)
        for each in self.unfinished():
            client.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


@contextmanager
def run_uppy(variant: str, store: Store, modules: Path, directory: Path) -> Iterator[Harness]:
    with ExitStack() as stack:
        pages = stack.enter_context(serving_pages(modules, TOKEN))
        crosses = _CROSSES[variant]
        origins = [pages] if crosses else []
        presign = stack.enter_context(_run_presign(store, directory, origins))
        origin = pages if crosses else stack.enter_context(_proxy(directory, pages, presign))
        stack.enter_context(_open_to(origin, store))
        yield Harness(variant, store, presign, origin, pages, directory / "output.log")


@contextmanager
def _run_presign(store: Store, directory: Path, origins: list[str], **uppy: Any) -> Iterator[str]:
    """Yield the service's address. `uppy` are settings beyond the usual ones."""
    grant = {"bucket": "objects", "prefix": "uploads/", "allow": ["form", "upload", "multipart"]}
    caller = make_caller("ada", TOKEN)
    caller["grants"] = [{**grant, "max_content_length": MOST, "content_types": TYPES}]
    server = {"drain_seconds": 0, "cors_origins": origins}
    top = {"uppy": {**UPPY, **uppy}, "server": server}
    with run_service(store, directory, callers=[caller], top=top) as service:
        yield str(service.client.base_url).rstrip("/")


def run_hasty(store: Store, directory: Path) -> AbstractContextManager[str]:
    """Run the same service, whose URLs live for a moment only."""
    return _run_presign(store, directory, [], expires_in=SHORT)


@contextmanager
def _open_to(origin: str, store: Store) -> Iterator[None]:
    """The bucket, to a page, by the rules that docs/cors.md shows."""
    [shown] = [block.text for block in blocks("docs/cors.md") if '"Location"' in block.text]
    rules = json.loads(shown.replace("https://app.example.com", origin))
    client, bucket = store.admin_client(), store.bucket
    before = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    yield
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": before})


@contextmanager
def _proxy(directory: Path, pages: str, presign: str) -> Iterator[str]:
    here = directory / "nginx"
    here.mkdir()
    with proxying(nginx(), here, app=pages, presign=presign) as origin:
        yield origin


_BEGIN: Final = """
async ([module, given, options]) => {
  const { uploader } = await import(module)
  const uppy = window.uppy = uploader(...given)
  const told = window.told = { succeeded: [], failed: [], parts: 0 }
  uppy.on('upload-success', (file, { uploadURL, body }) => {
    told.succeeded.push({ name: file.name, url: uploadURL, key: body.key })
  })
  uppy.on('upload-error', (file, error) => { told.failed.push(error.message) })
  uppy.on('s3-multipart:part-uploaded', () => { told.parts += 1 })
  uppy.on('complete', () => { told.complete = true })
  const plugin = uppy.getPlugin('AwsS3Multipart') ?? uppy.getPlugin('AwsS3')
  plugin.setOptions(options)
}
"""
_ADD: Final = """
([name, type, length]) => {
  const bytes = new Uint8Array(length).map((_, i) => (i * 31 + (i >> 16)) % 251)
  return window.uppy.addFile({ name, type, data: new File([bytes], name, { type }) })
}
"""


_SHOW: Final = """
async (module) => {
  const { Dashboard } = await import(module)
  window.uppy.use(Dashboard, { inline: true, target: document.body })
}
"""


class Uploader:
    """Uppy in a page, as docs/uppy.md sets it up."""

    def __init__(self, page: Page, harness: Harness, **options: Any) -> None:
        """`options` are the plugin's, beyond those that the document shows."""
        self.page = page
        self.harness = harness
        page.goto(harness.origin)
        given = [harness.presign, TOKEN] if _CROSSES[harness.variant] else []
        page.evaluate(_BEGIN, [f"/{harness.variant}.js", given, options])

    def add(self, name: str, length: int = 11, kind: str = "text/plain") -> None:
        self.page.evaluate(_ADD, [name, kind, length])

    def start(self) -> None:
        self.page.evaluate("() => { window.uppy.upload() }")

    def upload(self) -> Mapping[str, Any]:
        """Until nothing is under way."""
        self.page.evaluate("async () => { await window.uppy.upload() }")
        return self.told

    def retry(self) -> Mapping[str, Any]:
        """As whoever uploads does who has seen it fail."""
        self.page.evaluate("async () => { await window.uppy.retryAll() }")
        return self.told

    def show(self) -> None:
        """In a Dashboard."""
        self.page.evaluate(_SHOW, f"/{self.harness.variant[:2]}-dashboard.js")

    def shown(self) -> str:
        """What whoever uploads is told on pressing `Show error details`."""
        said = list[str]()

        def read(dialog: Dialog) -> None:
            said.append(dialog.message)
            dialog.dismiss()

        self.page.once("dialog", read)
        self.page.locator(".uppy-StatusBar-details").dispatch_event("click")
        (message,) = said
        return message

    def wait_for(self, condition: str) -> Mapping[str, Any]:
        """Of `told`."""
        self.page.wait_for_function(f"() => {{ const told = window.told; return {condition} }}")
        return self.told

    @property
    def told(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self.page.evaluate("() => window.told")
        return told


def content(length: int) -> bytes:
    """What `add` fills a file with."""
    return bytes((i * 31 + (i >> 16)) % 251 for i in range(length))


class Parts:
    """The parts that a page sends: their numbers, and what the store said. Some are held back."""

    def __init__(self, page: Page, harness: Harness, *, hold: Sequence[int] = ()) -> None:
        self.numbers: list[int] = []
        self.statuses: defaultdict[int, list[int]] = defaultdict(list)
        self._held = frozenset(hold)
        page.route(re.compile(re.escape(harness.store.endpoint_url) + ".*partNumber="), self._send)
        page.on("response", self._note)

    def let_go(self) -> None:
        self._held = frozenset()

    def _send(self, route: Route) -> None:
        number = _number(route.request)
        if route.request.method != "PUT":  # a preflight is none
            route.continue_()
        elif number not in self._held:
            self.numbers.append(number)
            route.continue_()

    def _note(self, response: Response) -> None:
        if response.request.method == "PUT" and "partNumber=" in response.url:
            self.statuses[_number(response.request)].append(response.status)


def _number(request: Request) -> int:
    return int(parse_qs(urlsplit(request.url).query)["partNumber"][0])


class Late:
    """The first answer with a part's URL comes when that URL has expired: it is of the service `hasty`."""

    def __init__(self, page: Page, harness: Harness, hasty: str, *, part_number: int) -> None:
        self.answers = 0
        self._page = page
        self._origin = harness.origin
        self._hasty = hasty
        self._part_number = part_number
        page.route(re.compile("/uppy/sign$|/uppy/s3/multipart/"), self._answer)

    def _answer(self, route: Route) -> None:
        if self.answers or not self._asks(route.request):
            route.continue_()
            return
        self.answers += 1
        asked = urlsplit(route.request.url)
        headers = {**route.request.headers, "authorization": f"Bearer {TOKEN}"}
        reply = route.fetch(url=f"{self._hasty}{asked.path}?{asked.query}", headers=headers)
        self._page.wait_for_timeout((SHORT + 1.5) * 1000)
        answer = reply.json()
        if "expires" in answer:  # Uppy 5 gives up after it, before the store has refused
            answer["expires"] = 900
        kept = {"content-type": "application/json", "access-control-allow-origin": self._origin}
        route.fulfill(status=reply.status, json=answer, headers=kept)

    def _asks(self, request: Request) -> bool:
        if request.method == "POST" and request.url.endswith("/sign"):
            asked = json.loads(request.post_data or "{}")
            return bool(asked.get("partNumber") == self._part_number)
        return request.method == "GET" and f"/{self._part_number}?" in request.url
