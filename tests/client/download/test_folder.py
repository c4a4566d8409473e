"""Small objects of a folder: URLs that are signed together, and a request for each."""

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any

import httpx
import pytest

from presign_client import Entry, FolderDownload, SignedRequest
from presign_client.notes import state_directory
from presign_client.stopping import StoppedError, pause, stopped_by
from presign_client.transfers.batch import BATCH, SMALL, signed_ahead
from presign_client.transfers.plan import PART_SIZE
from presign_client.transfers.small_download import Run, new_run
from tests.client.fake import Fake, s3_error

# The first batch is signed, and the second never.
INTERRUPTED = """
from threading import Event
from presign_client import Entry
from presign_client.transfers.batch import BATCH, signed_ahead

entries = [Entry(key=str(number)) for number in range(2 * BATCH)]
sign = lambda batch: {} if batch[0].key == "0" else Event().wait()
next(signed_ahead(entries, lambda _: True, sign))
"""
KEYS = [f"in/{number:03}" for number in range(BATCH + 10)]


@pytest.fixture
def fake() -> Fake:
    fake = Fake()
    for key in KEYS:
        fake.put(key, key.encode())
    return fake


def fetched(fake: Fake, directory: Path) -> FolderDownload:
    with fake.client() as client:
        return client.download_folder("reports", "in/", directory)


def of_a_kms_key(content: bytes) -> str:
    return f'"{hashlib.sha1(content).hexdigest()}"'


def test_small_objects_need_two_calls_for_a_batch(fake: Fake, tmp_path: Path) -> None:
    done = fetched(fake, tmp_path)

    assert [each.key for each in done.downloaded] == KEYS
    assert all(each.verified for each in done.downloaded)  # by the MD5 that the ETag is
    assert (tmp_path / "007").read_bytes() == b"in/007"
    assert fake.paths() == ["GET objects", *["POST download-urls/batch"] * 2]
    assert len(fake.sent_to_the_store("GET")) == len(KEYS)


def test_files_that_are_there_cost_no_signature(fake: Fake, tmp_path: Path) -> None:
    fetched(fake, tmp_path)
    fake.requests.clear()

    done = fetched(fake, tmp_path)

    assert list(done.skipped) == KEYS
    assert fake.paths() == ["GET objects"]


def test_a_file_that_shrinks_while_it_is_compared_is_said(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched(fake, tmp_path)
    shrinking, open_file = tmp_path / "007", os.open

    def shrink(path: Any, *arguments: Any, **options: Any) -> int:
        if path == str(shrinking):
            os.truncate(path, 1)
        return open_file(path, *arguments, **options)

    monkeypatch.setattr(os, "open", shrink)

    [failed] = fetched(fake, tmp_path).failed

    assert failed.key == "in/007"
    assert str(failed.error) == "source_changed: The file changed while it was read."


def test_an_etag_that_is_no_md5_is_compared_by_the_checksum(fake: Fake, tmp_path: Path) -> None:
    fake.etag_of = of_a_kms_key

    done = fetched(fake, tmp_path)

    assert all(each.verified for each in done.downloaded)
    assert fake.paths().count("POST object-checks") == len(KEYS)


def test_bytes_that_are_wrong_are_found_without_an_md5(fake: Fake, tmp_path: Path) -> None:
    fake.etag_of = of_a_kms_key
    fake.objects["in/007"] = b"in/OO7"

    done = fetched(fake, tmp_path)

    assert [(each.key, each.error.args[0]) for each in done.failed] == [
        ("in/007", "checksum_mismatch")
    ]
    assert not (tmp_path / "007").exists()


def test_a_failure_keeps_nothing_of_its_attempt(fake: Fake, tmp_path: Path) -> None:
    """On a full disk the bytes of all files would be in memory in the end."""
    fake.etag_of = of_a_kms_key
    for key in KEYS:
        fake.objects[key] += b"wrong"

    done = fetched(fake, tmp_path)

    assert len(done.failed) == len(KEYS)
    for each in done.failed:
        error = each.error
        assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


def test_an_object_that_is_longer_than_its_list_says_arrives_whole(
    fake: Fake, tmp_path: Path
) -> None:
    def shorten(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/v1/objects":
            return None
        fake.before = None
        listed = fake.answer(request)
        content = listed.read().replace(b'"size":6', b'"size":5')
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)

    fake.etag_of = of_a_kms_key
    fake.checksums.clear()
    fake.before = shorten

    done = fetched(fake, tmp_path)

    assert not done.failed
    assert (tmp_path / "007").read_bytes() == b"in/007"


def test_an_object_that_is_replaced_after_it_was_listed_arrives(fake: Fake, tmp_path: Path) -> None:
    def replace(request: httpx.Request) -> None:
        if request.url.path.endswith("/batch"):
            fake.put("in/007", b"another one")

    fake.before = replace

    done = fetched(fake, tmp_path)

    assert not done.failed
    assert (tmp_path / "007").read_bytes() == b"another one"


def test_an_object_that_is_replaced_before_it_is_compared_arrives(
    fake: Fake, tmp_path: Path
) -> None:
    def replace(request: httpx.Request) -> None:
        if request.url.path.endswith("object-checks") and b"in/007" in request.content:
            fake.put("in/007", b"another one")

    fake.etag_of = of_a_kms_key
    fake.before = replace

    done = fetched(fake, tmp_path)

    assert not done.failed
    assert (tmp_path / "007").read_bytes() == b"another one"


@pytest.mark.parametrize("denied", [{"download-urls/batch"}, {"object-checks"}])
def test_what_no_grant_allows_is_done_without(fake: Fake, tmp_path: Path, denied: set[str]) -> None:
    fake.denied = denied

    done = fetched(fake, tmp_path)

    assert len(done.downloaded) == len(KEYS)


def test_an_expired_url_of_a_batch_is_signed_again(fake: Fake, tmp_path: Path) -> None:
    late = {"/reports/in/007": 3}

    def refuse(request: httpx.Request) -> httpx.Response | None:
        left = late.get(request.url.path, 0)
        late[request.url.path] = left - 1
        return s3_error(403, "AccessDenied") if left == 3 else None

    fake.before = refuse

    assert not fetched(fake, tmp_path).failed
    assert fake.paths().count("POST download-urls") == 1


@pytest.mark.parametrize("size", [0, SMALL + 1])
def test_empty_and_large_objects_are_checked_first(fake: Fake, tmp_path: Path, size: int) -> None:
    fake.objects.clear()
    for key in KEYS[:2]:
        fake.put(key, bytes(size))

    done = fetched(fake, tmp_path)

    assert all(each.verified for each in done.downloaded)
    assert fake.paths().count("POST object-checks") == 2


def test_large_objects_share_the_threads_of_their_ranges(tmp_path: Path) -> None:
    fake, parallel, most = Fake(), 3, 0
    for key in KEYS[:6]:
        fake.put(key, bytes(PART_SIZE + 1))

    def count(_: httpx.Request) -> None:
        nonlocal most
        named = [each for each in enumerate_threads() if each.name.startswith("presign-transfer")]
        most = max(most, len(named))

    fake.before = count
    with fake.client() as client:
        done = client.download_folder("reports", "in/", tmp_path, parallel=parallel)
    assert len(done.downloaded) == 6
    assert parallel < most <= 2 * parallel  # those of objects, and those of ranges


def test_what_a_killed_run_has_left_is_removed(fake: Fake, tmp_path: Path) -> None:
    for _ in range(2):
        with suppress(KeyboardInterrupt), new_run(state_directory(), tmp_path) as run:
            assert run
            run.clean(tmp_path / "007")
            hidden = run.file(tmp_path / "007").path
            hidden.touch()
            raise KeyboardInterrupt
    assert len(list(tmp_path.glob(".presign-*"))) == 1  # the second has removed that of the first

    fetched(fake, tmp_path)

    assert not list(tmp_path.glob(".presign-*"))
    assert not list(state_directory().iterdir())


def test_what_a_killed_run_has_left_of_a_skipped_file_is_removed(
    fake: Fake, tmp_path: Path
) -> None:
    fetched(fake, tmp_path)
    with suppress(KeyboardInterrupt), new_run(state_directory(), tmp_path) as run:
        assert run
        run.file(tmp_path / "007").path.touch()
        raise KeyboardInterrupt

    assert len(fetched(fake, tmp_path).skipped) == len(KEYS)

    assert not list(tmp_path.glob(".presign-*"))


def test_runs_name_hidden_files_at_random(tmp_path: Path) -> None:
    target = tmp_path / "007"

    names = {
        Run(()).file(target).path,
        Run(()).file(target).path,
        Run(()).file(tmp_path / "x").path,
    }

    assert len(names) == 3


def test_a_second_run_to_a_directory_arrives_too(fake: Fake, tmp_path: Path) -> None:
    with new_run(state_directory(), tmp_path):
        done = fetched(fake, tmp_path)

    assert [each.key for each in done.downloaded] == KEYS
    assert all(each.verified for each in done.downloaded)


@pytest.mark.parametrize("runs", ["5", '"x"', "null", '["../x", 5]', "{}"])
def test_a_damaged_note_of_a_run_names_no_file(fake: Fake, tmp_path: Path, runs: str) -> None:
    with suppress(KeyboardInterrupt), new_run(state_directory(), tmp_path):
        raise KeyboardInterrupt
    [note] = state_directory().iterdir()
    note.write_text(f'{{"runs": {runs}}}\n')

    assert len(fetched(fake, tmp_path).downloaded) == len(KEYS)


def test_a_small_file_has_the_rights_of_a_new_file(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "usual").touch()

    fetched(fake, tmp_path)

    assert (tmp_path / "007").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_program_that_ends_waits_for_no_signature() -> None:
    """As after Ctrl-C, while the service does not answer."""
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, timeout=60)


def test_what_stops_a_transfer_stops_its_signatures() -> None:
    """As when an asynchronous download is cancelled while the service asks to wait."""
    stop = Event()

    def sign(_: list[Entry]) -> dict[str, SignedRequest]:
        stop.set()
        pause(1)
        return {}

    ahead = signed_ahead([Entry(key=key) for key in KEYS], lambda _: True, sign)
    with pytest.raises(StoppedError):
        stopped_by(stop, lambda: next(ahead))()
