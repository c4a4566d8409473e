"""Someone who has a link and no credential, against the app over ASGI."""

import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from service.access.grants import Caller, Operation
from service.clock import SystemClock
from service.protocols.links.share_links import ShareLinks
from service.protocols.links.tickets import LinkKeys
from tests.protocols.links.factories import KEY, make_link
from tests.protocols.links.harness import until_looked
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app
from tests.support.valkey import Valkey

BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
DEMO: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
SIZE: Final = {"Content-Length": "5"}
CREDENTIAL: Final = {"Authorization": f"Bearer {API_KEY}"}


class MovedClock(SystemClock):
    """The machine's clock, `moved` seconds later."""

    moved = 0.0

    def wall(self) -> float:
        return super().wall() + self.moved


class Visitor:
    """A client without a credential. Its links are made by the caller `tester`."""

    def __init__(self, client: httpx.AsyncClient, clock: MovedClock) -> None:
        self.client = client
        self.client.headers.pop("Authorization")
        self.clock = clock
        self.keys = LinkKeys([KEY])

    def link(self, **changes: Any) -> str:
        """The path of a new link to `a/b.txt` in `demo`."""
        now = int(time.time())
        defaults = {
            "caller": Caller(issuer=None, subject="tester"),
            "bucket": "demo",
            "key": "a/b.txt",
            "issued_at": now,
            "expires_at": now + 3600,
        }
        return f"/l/{self.keys.seal(make_link(**(defaults | changes))).text}"

    async def counted_link(self, max_uses: int = 1, **changes: Any) -> str:
        """The path of a new link of which the store knows."""
        path = self.link(max_uses=max_uses, **changes)
        ticket = self.keys.open_ticket(path.removeprefix("/l/"))
        links = app_of(self.client).parts.use_case(ShareLinks).links
        assert ticket is not None
        assert links.shared is not None
        stored = links.stored(ticket.link.caller, ticket.id, ticket.link.expires_at)
        assert await links.shared.store.register(stored, max_uses)
        return path

    def drop_box(self, **changes: Any) -> str:
        box = {"key": "in/", "is_prefix": True, "operation": Operation.UPLOAD}
        return self.link(**(box | changes))

    def id_of(self, path: str) -> str:
        ticket = self.keys.open_ticket(path.removeprefix("/l/"))
        assert ticket is not None
        return ticket.id

    async def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        return await self.client.request(method, path, headers=headers, **more)


@asynccontextmanager
async def run_visitor(
    tmp_path: Path,
    *,
    store_url: str | None = None,
    revoked: list[str] | None = None,
    audit: Any = None,
    keys: tuple[bytes, ...] = (KEY,),
    other_grants: tuple[Mapping[str, Any], ...] = (),
    rate_limit: str | None = None,
    conditional_writes: bool = True,
    store_transport: httpx.AsyncBaseTransport | None = None,
    **grant: Any,
) -> AsyncIterator[Visitor]:
    files = []
    for number, key in enumerate(keys):
        files.append(tmp_path / f"key-{number}")
        files[-1].write_text(base64.b64encode(key).decode())
    links: dict[str, Any] = {"keys": [str(file) for file in files]}
    if store_url is not None:
        links["store_url"] = store_url
    if revoked is not None:
        links["revoked_links"] = revoked
    server = {"public_url": "https://files.example"}
    settings = make_app_settings(
        make_open_grant(**grant),
        *other_grants,
        rate_limit=rate_limit,
        links=links,
        server=server,
        buckets={"demo": DEMO | {"conditional_writes": conditional_writes}},
    )
    clock = MovedClock()
    more: dict[str, Any] = {} if store_transport is None else {"store_transport": store_transport}
    async with run_app(settings, audit=audit, clock=clock, **more) as client:
        await until_looked(client)
        yield Visitor(client, clock)


def end_windows(valkey: Valkey) -> None:
    """As if ten minutes had passed for the store of uses."""
    with valkey.client() as store:
        for record in store.scan_iter("presign:{links}:lnk_*"):
            store.hset(record, "open", 0)


def target(answer: httpx.Response) -> tuple[str, dict[str, list[str]]]:
    """Path and query of the URL at the store."""
    assert answer.status_code == 307, answer.text
    url = urlsplit(answer.headers["location"])
    assert url.netloc == "demo.s3.example"
    return unquote(url.path), parse_qs(url.query)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
