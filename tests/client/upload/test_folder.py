"""Uploads of folders: what is sent, what is skipped, and what fails."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import FolderUpload, PresignError
from tests.client.failing import fails
from tests.client.fake import Fake, problem, s3_error


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "css").mkdir(parents=True)
    (site / "index.html").write_bytes(b"<h1>")
    (site / "css" / "a b.css").write_bytes(b"h1 {}")
    (site / "empty").touch()
    return site


def upload(fake: Fake, site: Path, **options: Any) -> FolderUpload:
    with fake.client() as client:
        return client.upload_folder(site, "reports", "site/", **options)


def keys(done: FolderUpload, *, skipped: bool) -> list[str]:
    return [each.key for each in done.uploaded if each.skipped == skipped]


def failures(done: FolderUpload) -> dict[str, str]:
    return {each.key: str(each.error).partition(":")[0] for each in done.failed}


def test_each_file_gets_a_key_below_the_prefix(fake: Fake, site: Path) -> None:
    done = upload(fake, site)

    assert fake.objects == {
        "site/css/a b.css": b"h1 {}",
        "site/empty": b"",
        "site/index.html": b"<h1>",
    }
    assert keys(done, skipped=False) == sorted(fake.objects)


def test_the_type_follows_from_each_name(fake: Fake, site: Path) -> None:
    upload(fake, site)

    [batch] = [each.content for each in fake.requests if each.url.path.endswith("/batch")]
    types = {each["key"]: each.get("content_type") for each in json.loads(batch)["items"]}
    assert types == {
        "site/css/a b.css": "text/css",
        "site/empty": None,
        "site/index.html": "text/html",
    }


def test_small_files_are_signed_by_one_call(fake: Fake, site: Path) -> None:
    upload(fake, site)
    assert fake.paths() == ["GET objects", "POST upload-urls/batch"]


def test_a_large_file_is_signed_when_it_is_sent(fake: Fake, site: Path) -> None:
    (site / "large").write_bytes(bytes(256 * 1024 + 1))
    upload(fake, site)
    assert sorted(fake.paths()[1:]) == ["POST upload-urls", "POST upload-urls/batch"]


def test_a_url_that_is_over_is_signed_again(fake: Fake, site: Path) -> None:
    fails(1, s3_error(403, "AccessDenied"), fake, "store.test/reports/site/index.html")
    assert failures(upload(fake, site)) == {}
    assert fake.paths()[-1] == "POST upload-urls"
    assert fake.objects["site/index.html"] == b"<h1>"


def test_a_refused_batch_is_signed_one_by_one(fake: Fake, site: Path) -> None:
    fake.denied = {"upload-urls/batch"}
    assert failures(upload(fake, site)) == {}
    assert len(fake.objects) == 3


@pytest.mark.parametrize("content", [b"<h1>Grown", b"<"])
def test_a_file_that_changes_after_it_was_signed_is_signed_again(
    fake: Fake, site: Path, content: bytes
) -> None:
    """The length is signed. More bytes would be taken for the next request."""

    def change(request: httpx.Request) -> None:
        if request.url.path.endswith("/batch"):
            (site / "index.html").write_bytes(content)

    fake.before = change

    done = upload(fake, site)

    assert failures(done) == {}
    assert fake.objects["site/index.html"] == content
    assert {each.headers["content-length"] for each in fake.sent_to_the_store("PUT")} == {
        "0", "5", str(len(content)),
    }  # fmt: skip


@pytest.mark.parametrize("denied", [set(), {"objects"}])
def test_what_is_stored_is_skipped(fake: Fake, site: Path, denied: set[str]) -> None:
    upload(fake, site)
    (site / "new").write_bytes(b"new")
    fake.denied = denied

    done = upload(fake, site)

    assert keys(done, skipped=False) == ["site/new"]
    assert keys(done, skipped=True) == ["site/css/a b.css", "site/empty", "site/index.html"]


def test_what_is_stored_and_listed_sends_no_bytes(fake: Fake, site: Path) -> None:
    upload(fake, site)
    fake.requests.clear()

    upload(fake, site)

    assert fake.sent_to_the_store("PUT") == []
    assert fake.paths() == ["GET objects"]


@pytest.mark.parametrize("denied", [set(), {"objects"}])
@pytest.mark.parametrize("content", [b"<h2>", b"longer"])
def test_what_differs_is_replaced_only_on_request(
    fake: Fake, site: Path, content: bytes, denied: set[str]
) -> None:
    upload(fake, site)
    (site / "index.html").write_bytes(content)
    fake.denied = denied

    assert failures(upload(fake, site)) == {"site/index.html": "object_exists"}
    assert fake.objects["site/index.html"] == b"<h1>"

    assert failures(upload(fake, site, overwrite=True)) == {}
    assert fake.objects["site/index.html"] == content


def test_an_object_without_checksum_is_compared_by_its_md5(fake: Fake, site: Path) -> None:
    upload(fake, site)
    fake.checksums.clear()

    assert keys(upload(fake, site), skipped=False) == []


def test_a_file_that_is_refused_does_not_end_the_others(fake: Fake, site: Path) -> None:
    fake.too_large = {"site/css/a b.css"}

    done = upload(fake, site)

    assert failures(done) == {"site/css/a b.css": "limit_exceeded"}
    assert len(fake.objects) == 2


def test_a_failure_keeps_nothing_of_its_attempt(fake: Fake, site: Path) -> None:
    """Else its file stays open: a process may have some 1,000."""
    fails(99, s3_error(403, "AccessDenied"), fake, "store.test")

    done = upload(fake, site)

    assert len(done.failed) == 3
    for each in done.failed:
        error = each.error
        assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


@pytest.mark.parametrize("failure", [problem(401, "unauthenticated"), httpx.ConnectError("no")])
def test_what_all_files_would_fail_with_ends_the_upload(
    fake: Fake, site: Path, failure: httpx.Response | Exception
) -> None:
    fails(99, failure, fake, "upload-urls")

    with pytest.raises(PresignError):
        upload(fake, site)

    assert fake.objects == {}


def test_a_name_that_is_not_utf8_is_one_failure(fake: Fake, site: Path) -> None:
    Path(os.fsdecode(os.fsencode(site) + b"/\xff.txt")).touch()

    done = upload(fake, site)

    assert list(failures(done).values()) == ["invalid_request"]
    assert len(fake.objects) == 3


def test_a_large_file_goes_up_in_parts(fake: Fake, site: Path) -> None:
    (site / "large").write_bytes(bytes(11))

    upload(fake, site, part_size=5)
    done = upload(fake, site, part_size=5)

    assert fake.objects["site/large"] == bytes(11)
    assert len(keys(done, skipped=True)) == 4


def test_progress_is_the_sum_of_all_files(fake: Fake, site: Path) -> None:
    shown: list[tuple[int, int | None]] = []

    upload(fake, site, on_progress=lambda *both: shown.append(both))

    assert shown[-1] == (9, 9)


def test_a_missing_folder_is_an_error_of_the_system(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        upload(fake, tmp_path / "missing")
