"""The library's calls of the service and of the store."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime

import httpx
import pytest

from presign_client import Presign, PresignError
from tests.client.failing import fails
from tests.client.fake import SECRET, Fake, etag


def test_a_download_url_has_method_url_and_end() -> None:
    signed = Fake().client().download_url("reports", "a.csv", expires_in=60)

    assert signed.method == "GET"
    assert signed.expires_at == datetime.fromisoformat("2026-03-01T12:15:00+00:00")
    assert SECRET in signed.url
    assert SECRET not in repr(signed)


def test_cookies_have_their_address_and_end() -> None:
    fake = Fake()

    signed = fake.client().cookies("media", "film/")

    assert (signed.url, signed.limited_by) == ("https://d1.test/film/", None)
    assert signed.expires_at == datetime.fromisoformat("2026-03-01T12:15:00+00:00")
    assert list(signed.cookies) == ["CloudFront-Policy", "CloudFront-Signature"]
    assert "signature-of-the-tests" not in repr(signed)
    assert fake.requests[0].content == b'{"bucket":"media","prefix":"film/"}'
    assert fake.client().cookies("media", "film/", expires_in=60).limited_by == "grant"


@pytest.mark.parametrize("path", ["/v1/download-urls/batch", "v1/download-urls/batch"])
def test_any_call_returns_its_json(path: str) -> None:
    fake = Fake()

    found = fake.client().call("POST", path, {"items": [{"bucket": "reports", "key": "a.csv"}]})

    assert found["results"][0]["request"]["method"] == "GET"
    assert fake.paths() == ["POST download-urls/batch"]


def test_any_call_has_a_query() -> None:
    fake = Fake()
    fake.put("a b.csv", b"")

    found = fake.client().call("GET", "/v1/objects", params={"bucket": "reports", "prefix": "a b"})

    assert [each["key"] for each in found["objects"]] == ["a b.csv"]


def test_any_call_without_an_answer_returns_none() -> None:
    assert Fake().client().call("DELETE", "/v1/links/7") is None


@pytest.mark.parametrize("path", ["/v1/links/ü", "/v1/a b", "/v1/a\r\nb", "/v1/a?b", "/v1/a#b"])
def test_a_path_that_cannot_be_sent_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded"):
        Fake().client().call("GET", path)


def test_any_call_has_the_usual_errors() -> None:
    fake = Fake(denied={"upload-forms"})

    with pytest.raises(PresignError) as failed:
        fake.client().call("POST", "/v1/upload-forms", {"bucket": "reports"})

    assert (failed.value.code, failed.value.status) == ("forbidden", 403)


@pytest.mark.parametrize(("repeatable", "requests"), [(True, 2), (False, 1)])
def test_any_call_is_repeated_unless_it_creates(requests: int, *, repeatable: bool) -> None:
    fake = Fake()
    fails(1, httpx.ReadError("lost"), fake)

    with nullcontext() if repeatable else pytest.raises(PresignError, match="unreachable"):
        fake.client().call("GET", "/v1/caller", repeatable=repeatable)

    assert len(fake.requests) == requests


def test_members_that_are_not_given_are_not_sent() -> None:
    fake = Fake()

    fake.client().upload_url("reports", "a.csv", 5, checksum=("SHA256", "abc="))

    assert fake.requests[0].content == (
        b'{"bucket":"reports","key":"a.csv","content_length":5,'
        b'"checksum":{"algorithm":"SHA256","value":"abc="}}'
    )


def test_whoami_ignores_unknown_fields() -> None:
    caller = Fake().client().whoami()

    assert (caller.subject, caller.issuer) == ("tests", None)
    assert caller.grants[0].allow == ("list",)
    assert caller.grants[0].max_keys == 9


def test_head_returns_size_type_and_metadata() -> None:
    fake = Fake()
    fake.put("a b.csv", b"12345")

    found = fake.client().head("reports", "a b.csv")

    assert (found.size, found.content_type) == (5, "text/csv")
    assert found.metadata == {"author": "ann"}


def test_a_missing_object_is_not_found() -> None:
    with pytest.raises(PresignError) as caught:
        Fake().client().head("reports", "a.csv")

    assert (caught.value.code, caught.value.status) == ("not_found", 404)
    assert caught.value.request_id is None


def test_delete_deletes_the_object() -> None:
    fake = Fake()
    fake.put("a.csv", b"")

    fake.client().delete("reports", "a.csv")

    assert fake.objects == {}


def test_a_listing_has_all_pages() -> None:
    fake = Fake(page_size=2)
    for number in range(5):
        fake.put(f"a/{number}", b"12345")

    entries = list(fake.client().list("reports", "a/"))

    assert [entry.key for entry in entries] == [f"a/{number}" for number in range(5)]
    assert entries[0].size == 5
    assert entries[0].last_modified == datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def test_a_listing_has_one_level_unless_it_is_recursive() -> None:
    fake = Fake()
    for key in ("a", "b/c", "b/d"):
        fake.put(key, b"")

    level = list(fake.client().list("reports"))
    everything = list(fake.client().list("reports", recursive=True))

    assert [(each.key, each.is_prefix) for each in level] == [("a", False), ("b/", True)]
    assert [each.key for each in everything] == ["a", "b/c", "b/d"]


def test_a_listing_has_keys_that_xml_cannot_have() -> None:
    fake = Fake(page_size=1)
    keys = ["a/\ufffe", "a/\uffff.csv"]
    for key in keys:
        fake.put(key, b"")

    assert [entry.key for entry in fake.client().list("reports", "a/")] == keys


@pytest.mark.parametrize(
    ("begin", "page"),
    [
        (lambda client: client.list("reports"), {"prefixes": [], "objects": []}),
        (lambda client: client.links(), {"links": []}),
        (lambda client: client.versions("reports", "a"), {"versions": []}),
    ],
)
def test_a_list_that_does_not_go_on_ends(
    begin: Callable[[Presign], Iterator[object]], page: dict[str, object]
) -> None:
    """A cache that ignores queries answers with the same page each time."""
    fake = Fake()
    fails(9, httpx.Response(200, json={**page, "next": "a"}), fake)

    with pytest.raises(PresignError, match="not_presign: The list does not go on"):
        list(begin(fake.client()))

    assert len(fake.requests) == 2


def test_versions_are_those_of_one_object() -> None:
    fake = Fake()
    for key in ("a.csv", "a.csv.bak", "b.csv"):
        fake.put(key, b"12345")

    marker, older = fake.client().versions("reports", "a.csv")

    assert (marker.version_id, marker.is_latest, marker.is_delete_marker) == ("2", True, True)
    assert (marker.size, marker.etag) == (None, None)
    assert (older.version_id, older.is_latest, older.is_delete_marker) == ("1", False, False)
    assert (older.size, older.etag) == (5, etag(b"12345"))
    assert older.last_modified == datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    assert len(fake.paths()) == 3  # and no page of another object after it


def test_an_object_that_never_was_has_no_versions() -> None:
    assert list(Fake().client().versions("reports", "a.csv")) == []


def test_a_version_is_deleted_by_its_id() -> None:
    fake = Fake()

    fake.client().delete("reports", "a.csv", version_id="1")

    assert json.loads(fake.requests[0].content)["version_id"] == "1"


def test_a_link_has_url_and_end() -> None:
    link = Fake().client().link("reports", "a.csv", expires_in=60)

    assert link.url == "https://presign.test/l/secret"
    assert "secret" not in repr(link)


def test_links_are_listed_page_by_page() -> None:
    box, file = Fake().client().links()

    assert (box.id, box.prefix, box.key, box.operations) == ("9", "in/", None, ("upload",))
    assert (box.label, box.revoked, box.expires_at.day) == ("Ann", False, 8)
    assert box.url == "https://presign.test/l/secret"
    assert "secret" not in repr(box)
    assert (file.id, file.key, file.url, file.revoked, file.max_uses) == (
        "8",
        "a.csv",
        None,
        True,
        3,
    )


def test_a_link_is_revoked_by_its_id() -> None:
    fake = Fake()

    fake.client().revoke_link("lnk_a/b")

    assert fake.requests[0].method == "DELETE"
    assert fake.requests[0].url.raw_path == b"/v1/links/lnk_a%2Fb"


def test_the_store_never_gets_the_token() -> None:
    fake = Fake()
    fake.put("a.csv", b"")

    fake.client().head("reports", "a.csv")

    assert "authorization" not in fake.sent_to_the_store("HEAD")[0].headers


def test_no_log_has_a_signed_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # the service's own logging may have raised it
    fake = Fake()

    fake.client().delete("reports", "a.csv")

    assert "presign.test" in caplog.text
    assert "X-Amz" not in caplog.text
