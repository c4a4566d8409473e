"""Two replicas with one Valkey: uses are counted once, and links end in both."""

import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests.end_to_end.linking import (
    CREDENTIAL,
    NEW_KEY,
    OLD_KEY,
    OTHER_SECRET,
    PARALLEL,
    Linking,
    run_linking,
    two_makers,
    wait_until,
)
from tests.support.late import again_if_late, within
from tests.support.service import API_KEY, make_caller
from tests.support.stores import Store

pytestmark = pytest.mark.slow

KEY: Final = "replicas/of-links.txt"
REVOKED_SECONDS: Final = 2.0
NAME_OF_OLD: Final = "b5"  # of the first key


@pytest.fixture(scope="module", name="replicas")
def _replicas(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linking]:
    ministack.put(KEY)
    with run_linking(ministack, tmp_path_factory.mktemp("links"), replicas=2) as running:
        yield running


@pytest.fixture(name="links")
def _links(replicas: Linking) -> Iterator[Linking]:
    yield replicas
    replicas.configure()  # as it was, for the next test
    wait_until(lambda: is_as_before(replicas))


def is_as_before(links: Linking) -> bool:
    """Whether each replica makes links that both open, with the first key."""
    place = {"bucket": "objects", "key": KEY}
    for client in links.clients:
        made = client.post("/v1/links", json=place, headers=CREDENTIAL)
        if made.status_code != 201:
            return False
        path = urlsplit(made.json()["url"]).path
        if name_of_key(path) != NAME_OF_OLD or links.statuses(path) != [307, 307]:
            return False
    return True


def end_windows(links: Linking) -> None:
    """As if ten minutes had passed for the store of uses."""
    with Redis.from_url(links.valkey.url) as store:
        for record in store.scan_iter("presign:{links}:lnk_*"):
            store.hset(record, "open", 0)


def answers_of(links: Linking, path: str) -> Counter[int]:
    """Use a link 200 times in parallel, at both replicas, and return the statuses."""

    def use(number: int) -> int:
        client = links.clients[number % len(links.clients)]
        while (status := client.get(path).status_code) == 503:
            pass  # too many were waiting, and this one got no use
        return status

    with ThreadPoolExecutor(PARALLEL) as pool:
        return Counter(pool.map(use, range(PARALLEL)))


@pytest.mark.parametrize("max_uses", [1, 3])
def test_of_200_parallel_uses_exactly_one_window_opens(links: Linking, max_uses: int) -> None:
    """Each round of parallel uses opens one window: after `max_uses` rounds nothing is left."""
    path, _ = links.create(key=KEY, max_uses=max_uses)
    for _ in range(max_uses):
        assert answers_of(links, path) == {307: PARALLEL}
        end_windows(links)
    assert answers_of(links, path) == {410: PARALLEL}


@again_if_late
def test_a_revoked_link_is_dead_in_both_replicas_in_two_seconds(links: Linking) -> None:
    path, link_id = links.create(key=KEY)
    counted, counted_id = links.create(key=KEY, max_uses=5)
    assert [*links.statuses(path), *links.statuses(counted)] == [307] * 4
    for ended in (link_id, counted_id):
        answer = links.clients[1].delete(f"/v1/links/{ended}", headers=CREDENTIAL)
        assert answer.status_code == 204
    with within(REVOKED_SECONDS + 1):
        time.sleep(REVOKED_SECONDS)
        assert [*links.statuses(path), *links.statuses(counted)] == [404] * 4


def test_without_the_store_of_uses_no_use_is_free(links: Linking) -> None:
    counted, _ = links.create(key=KEY, max_uses=1)
    plain, plain_id = links.create(key=KEY)
    ended, link_id = links.create(key=KEY)
    assert links.clients[0].delete(f"/v1/links/{link_id}", headers=CREDENTIAL).status_code == 204
    wait_until(lambda: links.statuses(ended) == [404, 404])
    links.valkey.stop()
    for _ in range(3):
        assert links.statuses(counted) == [503, 503]
        assert links.statuses(plain) == [307, 307]
        assert links.statuses(ended) == [404, 404]  # by what was seen last
    asked = {"bucket": "objects", "key": KEY, "max_uses": 1}
    answer = links.client.post("/v1/links", json=asked, headers=CREDENTIAL)
    assert answer.status_code == 503
    assert links.client.delete(f"/v1/links/{plain_id}", headers=CREDENTIAL).status_code == 503
    links.valkey.start()
    wait_until(lambda: 503 not in links.statuses(counted))
    assert links.statuses(counted) == [307, 307]  # its first window
    end_windows(links)
    assert links.statuses(counted) == [410, 410]
    assert links.statuses(ended) == [404, 404]


def test_a_store_that_forgets_ends_counted_links(links: Linking) -> None:
    counted, _ = links.create(key=KEY, max_uses=5)
    ended, link_id = links.create(key=KEY)
    assert links.clients[0].delete(f"/v1/links/{link_id}", headers=CREDENTIAL).status_code == 204
    wait_until(lambda: links.statuses(ended) == [404, 404])
    links.valkey.forget()
    wait_until(lambda: 503 not in links.statuses(counted))
    assert links.statuses(counted) == [410, 410]
    time.sleep(1)  # two polls
    assert links.statuses(ended) == [404, 404]


def without_link() -> list[dict[str, Any]]:
    return [make_caller("tests", API_KEY, "", allow=["download", "upload"]), *two_makers()[1:]]


def with_another_prefix() -> list[dict[str, Any]]:
    return [make_caller("tests", API_KEY, "elsewhere/"), *two_makers()[1:]]


def revoked_now() -> list[dict[str, Any]]:
    return two_makers(revoked_before=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def removed() -> list[dict[str, Any]]:
    return two_makers()[1:]


@pytest.mark.parametrize("change", [without_link, with_another_prefix, revoked_now, removed])
def test_what_is_withdrawn_ends_its_links(links: Linking, change: Any) -> None:
    """And no other maker's. Files are checked every 2 s."""
    path, _ = links.create(key=KEY)
    others, _ = links.create(OTHER_SECRET, key=KEY)
    time.sleep(1)  # `revoked_before` is later than the links
    links.configure(callers=change())
    wait_until(lambda: links.statuses(path) == [404, 404])
    assert links.statuses(others) == [307, 307]


def test_a_new_digest_of_the_makers_key_ends_no_link(links: Linking) -> None:
    path, _ = links.create(key=KEY)
    links.configure(callers=two_makers(sha256=["0" * 64]))
    wait_until(lambda: callers_of(links) == [401, 401])
    assert links.statuses(path) == [307, 307]


def callers_of(links: Linking) -> list[int]:
    """Return what each replica answers to the key that made the links."""
    return [client.get("/v1/caller", headers=CREDENTIAL).status_code for client in links.clients]


def test_the_configuration_ends_a_link_without_the_store(links: Linking) -> None:
    path, link_id = links.create(key=KEY)
    links.configure(revoked_links=[link_id])
    wait_until(lambda: links.statuses(path) == [404, 404])


def test_a_rotated_key_opens_old_links_until_it_is_removed(links: Linking) -> None:
    old, old_id = links.create(key=KEY)
    links.configure(keys=[NEW_KEY, OLD_KEY])
    wait_until(lambda: name_of_key(links.create(key=KEY)[0]) != NAME_OF_OLD)
    new, _ = links.create(key=KEY)
    wait_until(lambda: links.statuses(new) == [307, 307])
    assert links.statuses(old) == [307, 307]
    links.configure(keys=[NEW_KEY])
    wait_until(lambda: links.statuses(old) == [404, 404])
    assert links.statuses(new) == [307, 307]
    assert links.client.delete(f"/v1/links/{old_id}", headers=CREDENTIAL).status_code == 404


def name_of_key(path: str) -> str:
    """Return the first byte of a ticket, which is the name of its key."""
    return urlsafe_b64decode(path.removeprefix("/l/")[:4])[:1].hex()
