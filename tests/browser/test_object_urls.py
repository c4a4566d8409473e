"""A page of another origin in Chromium, with object URLs, as docs/object-urls.md says."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, HttpCredentials, Page

from tests.browser.pages import serving_pages
from tests.browser.test_caching import PICTURE, SHOWN
from tests.clients.http.places import BUCKET, KEY, Place, place_of
from tests.docs.documents import blocks
from tests.support.stores import ANY_ORIGIN, BODY, Store

PAGE: Final = "docs/object-urls.md"
FETCH: Final = """async ([url, key, method, body, more]) => {
    const headers = { authorization: `Bearer ${key}`, ...more }
    try {
        const answer = await fetch(url, { method, headers, body })
        return [answer.status, method === 'HEAD' ? '' : await answer.text()]
    } catch (error) {
        return [0, error.name]
    }
}"""
WITH_PASSWORD: Final = """async ([url, method]) => {
    const body = method === 'PUT' ? 'other' : undefined
    try {
        return (await fetch(url, { method, body, credentials: 'include' })).status
    } catch (error) {
        return error.name
    }
}"""
# As a page does it without a preflight: the one field of a form is JSON.
FORM: Final = """([action, name, value]) => {
    const form = document.createElement('form')
    Object.assign(form, { action, method: 'POST', enctype: 'text/plain' })
    const field = document.createElement('input')
    Object.assign(field, { name, value, type: 'hidden' })
    form.append(field)
    document.body.append(form)
    form.submit()
}"""
BLOB: Final = """async ([url, key]) => {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } })
    return URL.createObjectURL(await answer.blob())
}"""


@dataclass(frozen=True, kw_only=True)
class Harness:
    place: Place
    page: Page

    def fetch(
        self, method: str, key: str, body: str | None = None, **headers: str
    ) -> tuple[int, str]:
        url = self.place.address(key)
        status, text = self.page.evaluate(FETCH, [url, KEY, method, body, headers])
        return status, text

    def origins(self, method: str) -> set[str | None]:
        """Return the `Origin` of each request of this method at the store."""
        sent = self.place.recording.requests
        return {each.headers.get("origin") for each in sent if each.method == method}


@pytest.fixture(scope="module", name="place_and_origin")
def _place_and_origin(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, str]]:
    with ExitStack() as stack:
        pages = stack.enter_context(serving_pages(tmp_path_factory.mktemp("pages"), KEY))
        directory = tmp_path_factory.mktemp("service")
        server = {"cors_origins": [pages]}
        mlflow = {"roots": {"m": {"bucket": BUCKET, "prefix": "of-a-form/"}}}
        place = place_of(ministack, directory, server=server, mlflow=mlflow)
        yield stack.enter_context(place), pages


@pytest.fixture(name="harness")
def _harness(place_and_origin: tuple[Place, str], page: Page) -> Harness:
    place, origin = place_and_origin
    page.goto(origin)
    place.recording.requests.clear()
    return Harness(place=place, page=page)


@pytest.fixture(name="key")
def _key() -> str:
    return f"urls/{uuid.uuid4().hex}/caf\u00e9 + 50%.txt"


def test_a_page_uploads_and_reads_an_object(harness: Harness, key: str) -> None:
    new = {"if-none-match": "*"}
    assert harness.fetch("PUT", key, "hello", **new)[0] == 200
    assert harness.fetch("PUT", key, "other", **new)[0] == 412
    assert harness.fetch("GET", key) == (200, "hello")
    assert harness.fetch("GET", key, range="bytes=1-2") == (206, "el")
    assert harness.fetch("HEAD", key) == (200, "")
    assert harness.fetch("DELETE", key)[0] == 204
    assert harness.place.store.content(key) is None


def test_the_store_gets_neither_the_key_nor_the_address(harness: Harness, key: str) -> None:
    harness.fetch("PUT", key, "hello")
    harness.fetch("GET", key)
    requests = harness.place.recording.requests
    assert {"PUT", "GET"} <= {each.method for each in requests}
    for each in requests:
        assert {"authorization", "referer"}.isdisjoint(each.headers)


def test_the_bucket_needs_to_allow_only_the_documented_headers(harness: Harness, key: str) -> None:
    sent = {"if-none-match": "*", "content-type": "text/csv", "x-amz-meta-author": "ann"}
    assert harness.fetch("PUT", key, "hello", **sent)[0] == 200
    asked = [
        each.headers.get("access-control-request-headers", "").split(",")
        for each in harness.place.recording.requests
        if each.method == "OPTIONS"
    ]
    assert asked == [sorted(sent)]
    [rules] = [
        each.text for each in blocks("docs/cors.md") if '"AllowedOrigins": ["*"]' in each.text
    ]
    allowed = json.loads(rules)[0]["AllowedHeaders"]
    assert all(any(fnmatch(each, pattern) for pattern in allowed) for each in sent)


def test_the_origin_at_the_store_is_null(harness: Harness, key: str) -> None:
    harness.fetch("PUT", key, "hello")
    harness.fetch("GET", key)
    assert harness.origins("PUT") == harness.origins("GET") == {"null"}


@contextmanager
def allowing(store: Store, origin: str) -> Iterator[None]:
    """The bucket's CORS rule names this origin only."""
    admin = store.admin_client()

    def put(rule: dict[str, Any]) -> None:
        admin.put_bucket_cors(Bucket=store.bucket, CORSConfiguration={"CORSRules": [rule]})

    put({**ANY_ORIGIN, "AllowedOrigins": [origin]})
    try:
        yield
    finally:
        put(ANY_ORIGIN)


def test_a_rule_for_the_pages_origin_does_not_match(
    harness: Harness, place_and_origin: tuple[Place, str], key: str
) -> None:
    place, origin = place_and_origin
    place.store.put(key, b"hello")
    with allowing(place.store, origin):
        assert harness.fetch("GET", key) == (0, "TypeError")
        assert harness.fetch("PUT", key, "other") == (0, "TypeError")
    assert place.store.content(key) == b"hello"


def test_a_page_of_the_same_origin_needs_no_star(
    harness: Harness, place_and_origin: tuple[Place, str], key: str
) -> None:
    place, _ = place_and_origin
    harness.page.goto(f"{place.url}/livez")
    with allowing(place.store, place.url):
        assert harness.fetch("PUT", key, "hello")[0] == 200
    assert harness.origins("PUT") == {place.url}


def test_an_image_is_shown_from_what_was_fetched(harness: Harness, key: str) -> None:
    harness.place.store.put(key, PICTURE)
    blob = harness.page.evaluate(BLOB, [harness.place.address(key), KEY])
    assert harness.page.evaluate(SHOWN, blob) == 3


@pytest.fixture(name="signed_in")
def _signed_in(chromium: Browser, place_and_origin: tuple[Place, str]) -> Iterator[Page]:
    """A page of a browser that has the user's name and password."""
    place, _ = place_and_origin
    place.recording.requests.clear()
    user: HttpCredentials = {"username": "x", "password": KEY, "origin": place.url}
    with chromium.new_context(http_credentials=user) as context:
        yield context.new_page()


def test_an_image_is_shown_to_a_user_who_is_signed_in(
    signed_in: Page, place_and_origin: tuple[Place, str], key: str
) -> None:
    """Without credentials the browser asks for them: the 401 has a challenge for Basic."""
    place, origin = place_and_origin
    place.store.put(key, PICTURE)
    signed_in.goto(origin)
    assert signed_in.evaluate(SHOWN, place.address(key)) == 3
    assert [each.method for each in place.recording.requests] == ["GET"]
    assert "authorization" not in place.recording.requests[0].headers


def test_an_unknown_page_cannot_use_the_browsers_password(
    signed_in: Page, place_and_origin: tuple[Place, str], key: str
) -> None:
    place, origin = place_and_origin
    place.store.put(key)
    listing = signed_in.goto(place.address(""))  # now the browser has the password
    assert listing is not None
    assert listing.ok
    signed_in.goto(origin.replace("127.0.0.1", "localhost"))
    place.recording.requests.clear()
    for method in ("GET", "PUT", "DELETE"):
        asked = [place.address(key), method]
        assert signed_in.evaluate(WITH_PASSWORD, asked) == "TypeError"
    assert {each.method for each in place.recording.requests} <= {"GET"}
    assert place.store.content(key) == BODY


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["listed", "unknown"])
def test_a_form_of_another_page_begins_no_upload(
    signed_in: Page, place_and_origin: tuple[Place, str], host: str
) -> None:
    """A form needs no preflight, so not even a listed page's may do so."""
    place, origin = place_and_origin
    signed_in.goto(place.address(""))  # now the browser has the password
    signed_in.goto(origin.replace("127.0.0.1", host))
    action = f"{place.url}/api/2.0/mlflow-artifacts/mpu/create/m/run"
    began = '{"path": "model.bin", "num_parts": 2, "ignored": "'
    with signed_in.expect_response(action) as answered:
        signed_in.evaluate(FORM, [action, began, '"}'])
    assert answered.value.status == (415 if host == "127.0.0.1" else 403)
    begun = place.store.admin_client().list_multipart_uploads(Bucket=place.store.bucket)
    # Other tests begin uploads in this bucket too, but none under this prefix.
    assert not [each for each in begun.get("Uploads", []) if each["Key"].startswith("of-a-form/")]
