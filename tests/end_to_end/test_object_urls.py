"""Object URLs with httpx, in front of every store."""

import base64
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

import httpx
import pytest

from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import BODY, Store

NEW: Final = {"If-None-Match": "*"}
NAMES: Final = ["50%.txt", "a b.txt", "c+d.txt", "caf\u00e9.txt", "x%2Fy.txt"]


@pytest.fixture(name="urls", scope="module")
def _urls(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service, whose listings have two names a page."""
    caller = make_caller("tests", API_KEY, "")
    caller["grants"] = [{**grant, "max_keys": 2} for grant in caller["grants"]]
    with run_service(store, tmp_path_factory.mktemp("object-urls"), callers=[caller]) as service:
        yield service


@pytest.fixture(name="prefix")
def _prefix() -> str:
    return f"object-urls/{uuid.uuid4().hex}/"


def send(
    service: RunningService,
    method: str,
    key: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    follow_redirects: bool = True,
) -> httpx.Response:
    return service.client.request(
        method,
        f"/o/objects/{quote(key)}",
        headers=headers,
        content=body,
        follow_redirects=follow_redirects,
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_method_reaches_exactly_its_object(
    urls: RunningService, store: Store, prefix: str, name: str
) -> None:
    key = prefix + name
    assert send(urls, "PUT", key, NEW, BODY).status_code == 200
    assert store.content(key) == BODY
    assert send(urls, "GET", key).content == BODY
    head = send(urls, "HEAD", key)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BODY)))
    assert send(urls, "DELETE", key).status_code == 204
    assert store.content(key) is None
    assert send(urls, "HEAD", key).status_code == 404


def test_a_backslash_never_leads_elsewhere(urls: RunningService, store: Store, prefix: str) -> None:
    """As docs/stores.md says: SeaweedFS refuses it, the other two store it as it is."""
    key, climbed = f"{prefix}mine/..\\x", f"{prefix}x"
    stored = send(urls, "PUT", key, NEW, BODY).status_code
    assert stored == (400 if store.name == "seaweedfs" else 200)
    assert stored == 400 or store.content(key) == BODY
    assert store.content(climbed) is None


def test_a_range_is_read(urls: RunningService, store: Store, prefix: str) -> None:
    store.put(f"{prefix}a")
    answer = send(urls, "GET", f"{prefix}a", {"Range": "bytes=2-5"})
    assert (answer.status_code, answer.content) == (206, BODY[2:6])


def test_an_unchanged_object_is_not_sent_again(
    urls: RunningService, store: Store, prefix: str
) -> None:
    store.put(f"{prefix}a")
    etag = store.head(f"{prefix}a")["ETag"]
    assert send(urls, "GET", f"{prefix}a", {"If-None-Match": etag}).status_code == 304


def test_only_a_put_without_condition_replaces_an_object(
    urls: RunningService, store: Store, prefix: str
) -> None:
    store.put(f"{prefix}a")
    assert send(urls, "PUT", f"{prefix}a", NEW, b"other").status_code == 412
    assert store.content(f"{prefix}a") == BODY
    assert send(urls, "PUT", f"{prefix}a", None, b"other").status_code == 200
    assert store.content(f"{prefix}a") == b"other"


def test_if_match_replaces_the_object_that_was_read(
    urls: RunningService, store: Store, prefix: str
) -> None:
    store.put(f"{prefix}a")
    etag = send(urls, "HEAD", f"{prefix}a").headers["etag"]
    assert send(urls, "PUT", f"{prefix}a", {"If-Match": etag}, b"second").status_code == 200
    assert send(urls, "PUT", f"{prefix}a", {"If-Match": etag}, b"third").status_code == 412
    assert store.content(f"{prefix}a") == b"second"


def test_headers_of_a_put_are_stored(urls: RunningService, store: Store, prefix: str) -> None:
    sent = {"Content-Type": "text/csv", "Cache-Control": "private", "x-amz-meta-author": "ann"}
    assert send(urls, "PUT", f"{prefix}a", NEW | sent, BODY).status_code == 200
    head = store.head(f"{prefix}a")
    assert (head["ContentType"], head["CacheControl"]) == ("text/csv", "private")
    assert head["Metadata"] == {"author": "ann"}


def test_the_store_compares_the_clients_checksum(
    urls: RunningService, store: Store, prefix: str
) -> None:
    right, wrong = (
        {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}
        for body in (BODY, b"other")
    )
    assert send(urls, "PUT", f"{prefix}a", NEW | right, BODY).status_code == 200
    assert send(urls, "PUT", f"{prefix}b", NEW | wrong, BODY).status_code == 400
    assert store.content(f"{prefix}b") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NEW, {}),
        (NEW | {"x-amz-meta-author": "ann"}, NEW | {"x-amz-meta-author": "bob"}),
        (NEW | {"Content-Type": "text/csv"}, NEW | {"Content-Type": "text/html"}),
    ],
)
def test_a_header_changed_between_both_requests_is_refused(
    verifying_store: Store,
    verifying_service: RunningService,
    prefix: str,
    first: Mapping[str, str],
    second: Mapping[str, str],
) -> None:
    key = f"{prefix}a"
    redirect = send(verifying_service, "PUT", key, first, BODY, follow_redirects=False)
    assert redirect.status_code == 307
    answer = httpx.put(redirect.headers["location"], headers=second, content=BODY, trust_env=False)
    assert answer.status_code == 403
    assert verifying_store.content(key) is None


def test_a_redirect_is_for_its_method_only(
    verifying_store: Store, verifying_service: RunningService, prefix: str
) -> None:
    verifying_store.put(f"{prefix}a")
    redirect = send(verifying_service, "HEAD", f"{prefix}a", follow_redirects=False)
    assert httpx.get(redirect.headers["location"], trust_env=False).status_code == 403


def test_a_listing_has_every_name_on_some_page(
    urls: RunningService, store: Store, prefix: str
) -> None:
    for name in NAMES:
        store.put(prefix + name)
    names, page, pages = list[str](), f"/o/objects/{prefix}", 0
    while page:
        answer = urls.client.get(page, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        names += [each["key"].removeprefix(prefix) for each in answer.json()["objects"]]
        pages += 1
        following = answer.links.get("next")
        page = str(answer.url.join(following["url"])) if following else ""
    assert (sorted(names), pages) == (NAMES, 3)


def test_a_listing_has_one_level(urls: RunningService, store: Store, prefix: str) -> None:
    store.put(f"{prefix}folder \u00e9/a")
    listing = urls.client.get(f"/o/objects/{prefix}", headers={"Accept": "application/json"}).json()
    assert (listing["prefixes"], listing["objects"]) == ([f"{prefix}folder \u00e9/"], [])


def test_objects_are_listed_across_levels_and_pages(
    urls: RunningService, store: Store, prefix: str
) -> None:
    names = ["a", "b \u00e9/1", "b \u00e9/2+"]
    for name in names:
        store.put(prefix + name)
    query, found = {"bucket": "objects", "prefix": prefix}, list[str]()
    while "after" in query or not found:
        page = urls.client.get("/v1/objects", params=query).raise_for_status().json()
        found += [each["key"].removeprefix(prefix) for each in page["objects"]]
        query = {**query, "after": page["next"]} if "next" in page else {}
    assert found == names
