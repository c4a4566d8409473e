"""The example client `examples/upload.mjs`: each file is uploaded, whatever happens in between.

`examples/upload.py` uses presign-client, which test_client.py tests; docs/calls.md runs it.
"""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from itertools import count, product
from pathlib import Path

import pytest

from tests.end_to_end.client import wait_for
from tests.end_to_end.examples import MIB, PART, SECONDS, GatedService, Upload
from tests.support.gate import gate_to
from tests.support.service import run_service
from tests.support.stores import Store
from tests.support.terminals import shown_on

pytestmark = pytest.mark.slow


MULTIPART = ("--part-size", str(PART), "--parallel", "2")
HEAD_BYTES = 4096  # a request's, at most
LIFETIME = 10  # seconds, from the last full one: on a busy machine a client needs three for a part
NUMBERS = count()


Start = Callable[..., GatedService]


@pytest.fixture(name="start", scope="module")
def _start(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Starts a service in front of the store of this name, once."""
    with ExitStack() as stack:

        @cache
        def start(name: str, **environment: str) -> GatedService:
            store: Store = request.getfixturevalue(name)
            gate = stack.enter_context(gate_to(store.endpoint_url))
            directory = tmp_path_factory.mktemp("service")
            service = run_service(store, directory, environment, public_endpoint_url=gate.url)
            return GatedService(store=store, gate=gate, service=stack.enter_context(service))

        yield start


@pytest.fixture(params=["ministack", "seaweedfs"])
def gated(request: pytest.FixtureRequest, start: Start) -> Iterator[GatedService]:
    running = start(request.param)
    yield running
    running.gate.open()


@pytest.fixture
def at_ministack(start: Start) -> Iterator[GatedService]:
    running = start("ministack")
    yield running
    running.gate.open()


@pytest.fixture(params=["javascript"])
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def upload(at_ministack: GatedService, language: str, tmp_path: Path) -> Upload:
    """An upload of three parts, for tests in which the store does not matter."""
    return upload_of(12 * MIB, at_ministack, language, tmp_path)


def upload_of(size: int, gated: GatedService, language: str, directory: Path) -> Upload:
    file = directory / "file"
    file.write_bytes(os.urandom(size))
    return Upload(
        gated=gated, language=language, file=file, key=f"{language}/a b+ü {next(NUMBERS)}"
    )


@contextmanager
def half_way(upload: Upload, *, after: int = 6 * MIB) -> Iterator[subprocess.Popen[str]]:
    """Yield the client while it waits, after about so many bytes have reached the store."""
    upload.gated.gate.shut(after=after)
    with upload.running(*MULTIPART) as process:
        upload.gated.gate.wait_until_held()
        yield process


def kill_half_way(
    upload: Upload, *, after: int = 11 * MIB, by: int = signal.SIGKILL
) -> subprocess.CompletedProcess[str]:
    """Kill the client with at least one part at the store, since at most two are sent at a time."""
    with half_way(upload, after=after) as process:
        wait_for(upload.stored_parts)
        process.send_signal(by)
        killed = upload.end(process)
        upload.gated.gate.cut()  # otherwise the store would get what the system has buffered
        upload.gated.gate.open()
    return killed


@pytest.mark.parametrize(
    ("store", "size"),
    [
        *product(["ministack", "seaweedfs"], [0, 1, PART - 1, PART, PART + 1]),
        *product(["moto"], [1, PART + 1]),  # the demo's store
    ],
)
def test_a_file_of_any_size_arrives(
    start: Start, store: str, language: str, size: int, tmp_path: Path
) -> None:
    upload = upload_of(size, start(store), language, tmp_path)

    upload.assert_uploaded(upload.run(*MULTIPART))


def test_a_killed_upload_resumes_and_sends_nothing_twice(
    gated: GatedService, language: str, tmp_path: Path
) -> None:
    upload = upload_of(40 * MIB, gated, language, tmp_path)
    kill_half_way(upload, after=22 * MIB)
    missing = 8 - len(upload.stored_parts())
    signed, passed = gated.signed(), gated.gate.passed

    upload.assert_uploaded(upload.run(*MULTIPART))

    assert missing <= 6
    assert gated.signed() - signed <= missing
    assert gated.gate.passed - passed <= missing * (PART + HEAD_BYTES)


def test_an_interrupted_upload_resumes(upload: Upload) -> None:
    interrupted = kill_half_way(upload, by=signal.SIGINT)

    assert interrupted.returncode != 0
    upload.assert_uploaded(upload.run(*MULTIPART))


def test_a_part_that_changed_is_sent_again(
    gated: GatedService, language: str, tmp_path: Path
) -> None:
    upload = upload_of(12 * MIB, gated, language, tmp_path)
    kill_half_way(upload)
    stored, signed = upload.stored_parts(), upload.gated.signed()
    with upload.file.open("r+b") as file:
        file.seek((stored[0] - 1) * PART)
        file.write(bytes(100))

    upload.assert_uploaded(upload.run(*MULTIPART))

    assert upload.gated.signed() - signed <= 3 - len(stored) + 1


def test_a_file_that_grew_is_sent_again(upload: Upload) -> None:
    kill_half_way(upload)
    with upload.file.open("ab") as file:
        file.write(b"more")

    upload.assert_uploaded(upload.run(*MULTIPART))


def test_an_aborted_upload_starts_over(upload: Upload) -> None:
    kill_half_way(upload)
    store = upload.gated.store
    store.admin_client().abort_multipart_upload(
        Bucket=store.bucket, Key=upload.key, UploadId=upload.upload_id()
    )

    upload.assert_uploaded(upload.run(*MULTIPART))


def test_a_run_killed_after_the_completion_has_nothing_to_do(
    gated: GatedService, language: str, tmp_path: Path
) -> None:
    upload = upload_of(12 * MIB, gated, language, tmp_path)
    with half_way(upload) as process:
        resume_file = upload.resume_file.read_text()
        gated.gate.open()
        upload.assert_uploaded(upload.end(process))
    upload.resume_file.write_text(resume_file)
    signed = gated.signed()

    upload.assert_uploaded(upload.run(*MULTIPART))

    assert gated.signed() == signed


def test_a_connection_that_breaks_costs_only_its_part(upload: Upload) -> None:
    with half_way(upload) as process:
        upload.gated.gate.cut()
        upload.gated.gate.open()
        upload.assert_uploaded(upload.end(process))


def test_an_expired_url_is_requested_again(start: Start, language: str, tmp_path: Path) -> None:
    short_lived = start("ministack", PRESIGN_DEFAULT_EXPIRES_IN=str(LIFETIME))
    upload, signed = upload_of(PART + 1, short_lived, language, tmp_path), short_lived.signed()
    with half_way(upload, after=0) as process:
        time.sleep(LIFETIME + 0.1)
        short_lived.gate.open()
        upload.assert_uploaded(upload.end(process))

    assert short_lived.signed() - signed > 2  # parts


def test_a_file_that_changes_during_the_upload_is_not_completed(upload: Upload) -> None:
    with half_way(upload) as process:
        os.utime(upload.file, (0, 0))
        upload.gated.gate.open()
        assert_refused(upload.end(process), "source_changed: ")

    upload.assert_uploaded(upload.run(*MULTIPART))


@pytest.mark.parametrize("size", [0, 1])
def test_an_existing_object_is_replaced_only_with_overwrite(
    gated: GatedService, language: str, size: int, tmp_path: Path
) -> None:
    upload = upload_of(size, gated, language, tmp_path)
    gated.store.put(upload.key, b"before")

    assert_refused(upload.run(), "object_exists: ")
    assert gated.store.content(upload.key) == b"before"
    upload.assert_uploaded(upload.run("--overwrite"))


def test_the_second_upload_may_overwrite_without_sending_again(upload: Upload) -> None:
    with half_way(upload) as process:
        upload.gated.store.put(upload.key, b"before")
        upload.gated.gate.open()
        assert_refused(upload.end(process), "object_exists: ")
    signed = upload.gated.signed()

    upload.assert_uploaded(upload.run(*MULTIPART, "--overwrite"))
    assert upload.gated.signed() == signed


def test_a_terminal_shows_a_progress_bar(upload: Upload) -> None:
    screen, terminal = pty.openpty()
    with upload.running(*MULTIPART, stderr=terminal) as process:
        os.close(terminal)
        shown = shown_on(screen)
        process.communicate(timeout=SECONDS)

    assert f"[{'#' * 40}] 100% of 12.0 MiB" in shown


def test_a_wrong_token_is_reported_and_not_shown(upload: Upload) -> None:
    assert_refused(replace(upload, token="nobodys-token").run(), "unauthenticated: ")


def test_the_resume_file_has_no_secret(upload: Upload) -> None:
    kill_half_way(upload)

    saved = json.loads(upload.resume_file.read_text())

    assert set(saved) == {"uploadId", "size", "partSize", "checksum", "lastModified"}


def assert_refused(ended: subprocess.CompletedProcess[str], message: str) -> None:
    assert ended.returncode == 1
    assert message in ended.stderr
