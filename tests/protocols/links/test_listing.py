"""`GET /v1/links`: a caller's own links, in either store."""

from base64 import urlsafe_b64encode
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from service.access.callers import ANONYMOUS, Identity
from service.access.grants import Caller, Grant, Grants, Operation
from service.presigning.requests import Requester
from service.protocols.links import (
    link_store,
    memory_link_store,
    redis_link_store,
)
from service.protocols.links.answers import LinkRequest
from service.protocols.links.service import own_link
from service.protocols.links.settings import LinksValues
from service.protocols.links.share_links import ShareLinks
from service.protocols.links.tickets import LinkKeys
from service.sessions.lifetime import Lifetime
from tests.protocols.links.factories import KEY, OTHER_KEY, make_link
from tests.protocols.links.harness import (
    LINK,
    STRANGER,
    URL,
    WEEK,
    Harness,
    link_grant,
    settings,
    start,
)
from tests.support.app import app_of
from tests.support.valkey import Valkey

ISSUER: Final = {"issuer": "https://i.example", "audience": "p", "jwks_url": "http://127.0.0.1:9/"}
EVERYTHING: Final = Grants(
    [Grant(bucket="reports", prefix="", allow=frozenset({Operation.DOWNLOAD, Operation.LINK}))]
)
STORES: Final = pytest.mark.parametrize("store", ["memory", "shared"])


@pytest.fixture(name="url")
def _url(store: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the store: only one of the two needs a server."""
    if store == "memory":
        yield "memory://"
    else:
        valkey: Valkey = request.getfixturevalue("valkey")
        yield valkey.url


def few(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    for module in (memory_link_store, redis_link_store):
        monkeypatch.setattr(module, name, number)


async def listed(harness: Harness, **more: Any) -> list[dict[str, Any]]:
    answer = await harness.client.get("/v1/links", **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["links"]
    return found


@STORES
async def test_a_caller_lists_its_links_with_the_newest_first(tmp_path: Path, url: str) -> None:
    words = {"label": "Ann", "message": "Two\nlines"}
    async with start(settings(tmp_path, store_url=url)) as harness:
        first = await harness.create(filename="q3.pdf", expires_in=60)
        box = {"bucket": "demo", "prefix": "in/", "operations": ["upload"], **words}
        second = (await harness.client.post("/v1/links", json=box)).json()
        found = await listed(harness)
    assert (first["listed"], second["listed"]) == (True, True)
    made = [each.pop("created_at") for each in found]
    assert found == [
        {
            "id": second["id"],
            "url": second["url"],
            **box,
            "expires_at": second["expires_at"],
            "revoked": False,
        },
        {
            "id": first["id"],
            "url": first["url"],
            **LINK,
            "operations": ["download"],
            "filename": "q3.pdf",
            "expires_at": first["expires_at"],
            "revoked": False,
        },
    ]
    assert all(each.endswith("Z") for each in made)


@STORES
async def test_nobody_sees_the_links_of_another_caller(tmp_path: Path, url: str) -> None:
    async with start(settings(tmp_path, store_url=url)) as harness:
        await harness.create()
        assert await listed(harness, headers=STRANGER) == []
        harness.client.headers.pop("Authorization")
        assert (await harness.client.get("/v1/links")).status_code == 401


@STORES
async def test_a_list_counts_uses_and_tells_what_is_revoked(tmp_path: Path, url: str) -> None:
    async with start(settings(tmp_path, store_url=url)) as harness:
        counted = await harness.create(max_uses=3)
        revoked = await harness.create(max_uses=2)
        await harness.client.get(counted["url"].removeprefix(URL))
        assert await harness.end(revoked["id"]) == (204, None)
        last, first = await listed(harness)
    assert (first["max_uses"], first["uses"], first["revoked"]) == (3, 1, False)
    assert (last["max_uses"], last["revoked"]) == (2, True)
    assert {"url", "uses"}.isdisjoint(last)


@STORES
async def test_a_list_comes_in_pages(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "PAGE_LINKS", 2)
    async with start(settings(tmp_path, store_url=url)) as harness:
        made = [(await harness.create())["id"] for _ in range(4)]
        found, after = list[str](), dict[str, str]()
        for _ in range(2):
            page = (await harness.client.get("/v1/links", params=after)).json()
            found += [each["id"] for each in page["links"]]
            after = {"after": page.get("next", "")}
        assert "next" not in page
        assert found == made[::-1]
        for wrong in ("x", "-1", "1" * 17, ""):
            answer = await harness.client.get("/v1/links", params={"after": wrong})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@STORES
async def test_a_full_list_takes_no_link_which_works_all_the_same(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "MOST_LISTED", 2)
    async with start(settings(tmp_path, store_url=url)) as harness:
        made = [await harness.create() for _ in range(3)]
        assert [each["listed"] for each in made] == [True, True, False]
        assert len(await listed(harness)) == 2
        answer = await harness.client.get(made[2]["url"].removeprefix(URL))
        assert answer.status_code == 307
        other = await harness.client.post("/v1/links", json=LINK, headers=STRANGER)
        assert other.json()["listed"] is True


@STORES
async def test_revoked_links_make_room_in_a_full_list(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "MOST_LISTED", 2)
    async with start(settings(tmp_path, store_url=url)) as harness:
        kept, revoked = await harness.create(), await harness.create()
        assert await harness.end(revoked["id"]) == (204, None)
        assert [each["revoked"] for each in await listed(harness)] == [True, False]
        new, more = await harness.create(), await harness.create()
        assert (new["listed"], more["listed"]) == (True, False)
        assert [each["id"] for each in await listed(harness)] == [new["id"], kept["id"]]


async def test_a_list_that_fails_ends_no_counted_link(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        with valkey.client() as store:
            first = await harness.create()
            for key in store.scan_iter("presign:{links}:list*"):
                store.delete(key)
                store.set(key, "no list")
        counted = await harness.create(max_uses=1)
        assert (first["listed"], counted["listed"]) == (True, False)
        assert (await harness.client.get("/v1/links")).status_code == 503
        assert (await harness.client.get(counted["url"].removeprefix(URL))).status_code == 307


@STORES
async def test_links_that_are_over_leave_the_list(tmp_path: Path, url: str) -> None:
    async with start(settings(tmp_path, store_url=url)) as harness:
        await harness.create(expires_in=60)
        kept = await harness.create()
        harness.clock.move(60)
        assert [each["id"] for each in await listed(harness)] == [kept["id"]]


async def test_what_is_over_makes_room_in_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "MOST_LISTED", 1)
    async with start(settings(tmp_path, store_url="memory://")) as harness:
        await harness.create()
        harness.clock.move(WEEK + 900)
        assert (await harness.create())["listed"] is True
        store = store_of(harness)
        assert len(store._lists._lists) == len(store._lists._by_id) == 1


async def test_what_is_over_makes_room_in_a_shared_store(
    tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "MOST_LISTED", 1)
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        await harness.create()
        with valkey.client() as store:
            [by_end] = store.scan_iter("presign:{links}:list-by-end:*")
            [[link_id, _]] = store.zrange(by_end, 0, -1, withscores=True)
            store.zadd(by_end, {link_id: 1})  # as if it were over
            assert (await harness.create())["listed"] is True
            lists = [*store.scan_iter("presign:{links}:list*")]
            assert len(lists) == 3
            assert all(0 < store.ttl(key) <= WEEK + link_store.MARGIN_SECONDS for key in lists)
            [kept] = [key for key in lists if store.type(key) == b"hash"]
            assert store.hlen(kept) == 1


async def test_a_list_that_is_partly_lost_is_still_a_list(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        kept, lost = await harness.create(), await harness.create()
        with valkey.client() as store:
            [sealed] = store.scan_iter("presign:{links}:list:*")
            store.hdel(sealed, lost["id"])
            assert [each["id"] for each in await listed(harness)] == [kept["id"]]
            store.delete(sealed)
            assert await listed(harness) == []


def link_request(bucket: str, key: str) -> LinkRequest:
    lifetime = Lifetime(expires_in=60)
    return LinkRequest(bucket=bucket, key=key, purpose=Operation.DOWNLOAD, lifetime=lifetime)


def store_of(harness: Harness) -> Any:
    shared = app_of(harness.client).parts.use_case(ShareLinks).shared
    assert shared is not None
    return shared.store


async def test_a_store_out_of_reach_keeps_nobody_from_making_links(
    tmp_path: Path, valkey: Valkey
) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        valkey.stop()
        assert (await harness.create())["listed"] is False
        assert (await harness.client.get("/v1/links")).status_code == 503


async def test_a_session_gets_no_address_beyond_its_own_grants(tmp_path: Path) -> None:
    plain = settings(tmp_path, store_url="memory://")
    grants = [link_grant(prefix="{claim:/team}/"), link_grant(prefix="all/")]
    entry = {"issuer": "cluster-a", "subject": "ada", "grants": grants}
    document = plain.model_dump(exclude_unset=True) | {
        "issuers": {"cluster-a": ISSUER},
        "callers": [entry],
    }
    ada = Caller(issuer="cluster-a", subject="ada")
    sessions = [Identity(ada, {"/team": team}) for team in ("billing", "sales")]
    billing, sales = (Requester(each, "request") for each in sessions)
    async with start(type(plain).model_validate(document)) as harness:
        links = app_of(harness.client).parts.use_case(ShareLinks).links
        for key in ("all/a", "billing/a"):
            await links.create(billing, link_request("demo", key))
        own, others = [
            (await links.listed(each, None, "/v1/links")).links for each in (billing, sales)
        ]
        assert all(each.url is not None for each in own)
        assert [each.url is None for each in others] == [True, False]
        await links.end(sales, others[0].id, "/v1/links/{link_id}")
        assert [each.is_revoked for each in (await links.listed(sales, None, "/")).links] == [
            True,
            False,
        ]


async def test_nobody_lists_the_links_of_the_anonymous_caller(tmp_path: Path) -> None:
    anonymous = {"unsafe_anonymous_caller": {"grants": [link_grant()]}}
    plain = settings(tmp_path, store_url="memory://")
    document = plain.model_dump(exclude_unset=True) | anonymous
    async with start(type(plain).model_validate(document)) as harness:
        harness.client.headers.pop("Authorization")
        assert (await harness.create())["listed"] is False
        assert await listed(harness) == []
        # Nor is one shown that the store has all the same.
        links = app_of(harness.client).parts.use_case(ShareLinks).links
        link = make_link(caller=ANONYMOUS, bucket="demo", expires_at=int(harness.clock.wall()) + 60)
        link_keys = LinkKeys([KEY])
        stored = links.stored(ANONYMOUS, link_keys.seal(link).id, link.expires_at)
        assert await store_of(harness).keep(stored, link_keys.seal_for_store(link))
        assert await listed(harness) == []


async def test_without_a_store_there_is_no_list(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        assert (await harness.create())["listed"] is False
        answer = await harness.client.get("/v1/links")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "has no store for links" in answer.json()["detail"]


async def test_a_list_is_audited_and_counts_against_the_rate(tmp_path: Path) -> None:
    configured = settings(tmp_path, link_grant(), store_url="memory://")
    tester = configured.callers[0].model_copy(update={"rate_limit": "1/minute"})
    limited = configured.model_copy(update={"callers": (tester,)})
    async with start(limited) as harness:
        answers = [(await harness.client.get("/v1/links")).status_code for _ in range(2)]
    assert answers == [200, 429]
    allowed, refused = harness.audit_lines
    assert (allowed["decision"], allowed["operation"]) == ("allowed", "link")
    assert allowed["action"] == "ListLinks"
    assert (refused["reason"], refused["route"]) == ("rate_limited", "/v1/links")


async def test_a_thief_of_the_store_has_no_link(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create(label="sentinel", max_uses=5)
        ticket = made["url"].rpartition("/")[2]
        with valkey.client() as store:
            [entries] = [store.hgetall(key) for key in store.scan_iter("presign:{links}:list:*")]
            stored = b"".join([*entries, *entries.values()])
    assert len(stored) > 50
    for secret in (ticket.encode(), b"a/b.txt", b"sentinel", b"tester"):
        assert secret not in stored
    # The bytes of the ticket would be a link, too.
    opened = LinkKeys([KEY]).open_ticket(ticket)
    assert opened is not None
    sealed = LinkKeys([KEY]).seal_for_store(opened.link)
    assert sealed in stored
    for start_at in range(len(sealed)):
        assert LinkKeys([KEY]).open_ticket(_text(sealed[start_at:])) is None


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


async def test_who_writes_to_the_store_gets_no_link_of_another(
    tmp_path: Path, valkey: Valkey
) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        victim = await harness.create()
        await harness.client.post("/v1/links", json=LINK, headers=STRANGER)
        with valkey.client() as store:
            lists = {key: store.hgetall(key) for key in store.scan_iter("presign:{links}:list:*")}
            stolen = ChainMap(*lists.values())[victim["id"].encode()]
            for key, entries in lists.items():
                for link_id in entries:
                    store.hset(key, link_id, stolen)
        assert await listed(harness, headers=STRANGER) == []


def test_a_link_in_the_list_is_sealed_by_the_key_that_made_it() -> None:
    link_keys = LinkKeys([KEY])
    ticket = link_keys.seal(link := make_link())
    entry = link_store.ListedLink(ticket.id, link_keys.seal_for_store(link), None)
    for keys, is_there in (([OTHER_KEY, KEY], True), ([OTHER_KEY], False)):
        values = LinksValues(keys=LinkKeys(keys), url=URL)
        own = own_link(values, link.caller, EVERYTHING, entry)
        assert (own is not None) == is_there
        if own is not None:
            assert own.url == f"{URL}/l/{ticket.text}"
            assert ticket.text not in repr(own)
    other = replace(link.caller, subject="x")
    assert own_link(LinksValues(keys=link_keys, url=URL), other, EVERYTHING, entry) is None
