"""What somebody can do at R2 who has a URL, and derives from its token the secret that signed it.

At a stub, tests/support/r2_store.py, and not at R2. The URLs are those of a caller that may do
everything in the bucket.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.end_to_end.at_r2 import AtR2, allowed, client_of, run_at_r2
from tests.support.r2_store import REGION
from tests.support.service import send
from tests.support.stores import BODY

UPLOAD: Final = {"content_length": len(BODY), "overwrite": True}
TOKEN: Final = "X-Amz-Security-Token"


@pytest.fixture(scope="module")
def at_r2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtR2]:
    make = tmp_path_factory.mktemp
    with run_at_r2(make("service"), make("store")) as running:
        yield running


def token_of(url: str) -> str:
    return httpx.URL(url).params[TOKEN]


@pytest.mark.parametrize(
    ("path", "body", "calls"),
    [
        ("download-urls", {"key": "a/x"}, ["get a/x"]),
        ("head-urls", {"key": "a/x"}, ["head a/x"]),
        ("upload-urls", {"key": "b/x", **UPLOAD}, ["put b/x"]),
        ("delete-urls", {"key": "b/x"}, ["delete b/x"]),
        ("list-urls", {"prefix": "a/"}, ["list a/"]),
        (
            "copy-urls",
            {"key": "b/x", "source": {"key": "a/x"}, "overwrite": True},
            ["get a/x", "get b/x", "copy a/x to b/x", "copy b/x to a/x"],
        ),
    ],
)
def test_the_secret_of_a_url_signs_no_other_call(
    at_r2: AtR2, path: str, body: dict[str, Any], calls: list[str]
) -> None:
    at_r2.store.put("a/x")
    signed = at_r2.service.sign(path, **body)
    assert send(signed, BODY if path == "upload-urls" else None).status_code in {200, 204}
    assert allowed(at_r2.store, token_of(signed.url)) == calls


@pytest.mark.parametrize(
    ("method", "key", "call"),
    [("GET", "a/x", "get"), ("HEAD", "a/x", "head"), ("PUT", "b/x", "put")],
)
def test_the_secret_behind_an_object_url_signs_no_other_call(
    at_r2: AtR2, method: str, key: str, call: str
) -> None:
    at_r2.store.put(key)
    body = BODY if method == "PUT" else b""
    reply = at_r2.service.client.request(method, f"/o/objects/{key}", content=body)
    assert reply.status_code == 307, reply.text
    location = reply.headers["location"]
    sent = httpx.request(method, location, content=body, trust_env=False)
    assert sent.status_code == 200
    assert allowed(at_r2.store, token_of(location)) == [f"{call} {key}"]


def test_the_secret_of_a_part_signs_parts_of_its_key_alone(at_r2: AtR2) -> None:
    part = at_r2.service.first_part("b/x", content_length=len(BODY), overwrite=True)
    assert send(part, BODY).status_code == 200
    assert allowed(at_r2.store, token_of(part.url)) == ["part of b/x"]


def test_the_secret_of_a_signed_header_signs_no_other_call(at_r2: AtR2) -> None:
    at_r2.store.put("a/x")
    uri = f"{at_r2.store.endpoint_url}/{at_r2.store.bucket}/a/x"
    sent = {"method": "GET", "region": REGION, "uri": uri, "headers": {}}
    reply = at_r2.service.client.post("/sign/objects/v1/aws/s3/sign", json=sent)
    assert reply.status_code == 200, reply.text
    headers = {name.lower(): value for name, [value] in reply.json()["headers"].items()}
    assert httpx.get(uri, headers=headers, trust_env=False).content == BODY
    assert allowed(at_r2.store, headers[TOKEN.lower()]) == ["get a/x"]


def test_the_secret_of_a_form_uploads_below_its_new_prefix_alone(at_r2: AtR2) -> None:
    form = at_r2.service.post("upload-forms", key_prefix="b/", max_content_length=1)
    token = form["fields"][TOKEN.lower()]
    assert allowed(at_r2.store, token) == []
    unique = form["key"].removesuffix("${filename}")
    client = client_of(at_r2.store, token)
    client.put_object(Bucket=at_r2.store.bucket, Key=f"{unique}x", Body=BODY)
    assert at_r2.store.content(f"{unique}x") == BODY


def test_the_secret_of_a_url_ends_with_it(at_r2: AtR2) -> None:
    at_r2.store.put("a/x")
    url = at_r2.service.sign("download-urls", key="a/x", expires_in=1).url
    ends_at = time.time() + 1
    while time.time() <= ends_at + 1:  # the second has begun that is after its end
        time.sleep(0.1)
    assert httpx.get(url, trust_env=False).status_code == 403
    assert allowed(at_r2.store, token_of(url)) == []


def test_an_upload_url_copies_nothing(at_r2: AtR2) -> None:
    at_r2.store.put("a/secret")
    signed = at_r2.service.sign("upload-urls", key="b/new", content_length=0, overwrite=True)
    headers = {**signed.headers, "x-amz-copy-source": f"{at_r2.store.bucket}/a/secret"}
    assert httpx.put(signed.url, headers=headers, trust_env=False).status_code == 403
    assert at_r2.store.content("b/new") is None


def test_an_upload_urls_secret_keeps_no_size_and_no_type(at_r2: AtR2) -> None:
    """Why limits of size and type are errors there."""
    signed = at_r2.service.sign("upload-urls", key="b/limited", content_length=1)
    client = client_of(at_r2.store, token_of(signed.url))
    client.put_object(
        Bucket=at_r2.store.bucket, Key="b/limited", Body=BODY * 2, ContentType="text/html"
    )
    assert at_r2.store.content("b/limited") == BODY * 2


def test_a_link_gives_its_visitor_its_object_alone(at_r2: AtR2) -> None:
    at_r2.store.put("a/x")
    made = at_r2.service.client.post("/v1/links", json={"bucket": "objects", "key": "a/x"})
    path = httpx.URL(made.json()["url"]).path
    visit = at_r2.service.client.get(path, headers={"authorization": ""})
    location = visit.headers["location"]
    assert httpx.get(location, trust_env=False).content == BODY
    assert allowed(at_r2.store, token_of(location)) == ["get a/x"]
