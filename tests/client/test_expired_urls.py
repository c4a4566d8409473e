"""Requests to the store that outlast their URL. The clock is virtual."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import PresignError
from tests.client.fake import LIFETIME, SECRET, Fake, s3_error
from tests.client.transferring import CONTENT, download, upload

CHUNK = 256 * 1024
LARGE = bytes(4 * CHUNK)
EXPIRED = s3_error(403, "AccessDenied")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(LARGE)
    return path


def puts(fake: Fake) -> int:
    return len(fake.sent_to_the_store("PUT"))


class SlowLine:
    """A line on which each chunk takes so many seconds, and a store that refuses what is late."""

    def __init__(self, fake: Fake, seconds: Callable[[int], float]) -> None:
        self._fake, self._seconds = fake, seconds
        fake.before = self._answer
        self._began, self.attempts = 0.0, 0

    def moved(self, done: int, _: int | None) -> None:
        if done:
            self._fake.seconds += self._seconds(self.attempts)

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test":
            self._began = self._fake.seconds  # the URL is signed now
            return None
        self.attempts += 1
        return EXPIRED if self._fake.seconds - self._began >= LIFETIME else None


@pytest.mark.parametrize("part_size", [len(LARGE), 2 * CHUNK])  # one request, or two parts
def test_an_upload_goes_on_while_each_attempt_gets_further(
    fake: Fake, file: Path, part_size: int
) -> None:
    line = SlowLine(fake, lambda attempt: 1000 - 100 * attempt)

    upload(fake, file, part_size=part_size, parallel=1, on_progress=line.moved)

    assert fake.objects == {"a.csv": LARGE}
    assert line.attempts > 6
    assert max(fake.waits) <= 4  # seconds: the attempts are counted again


@pytest.mark.parametrize("part_size", [len(LARGE), 2 * CHUNK])
def test_an_upload_that_gets_no_further_ends_and_names_the_lifetime(
    fake: Fake, file: Path, part_size: int
) -> None:
    line = SlowLine(fake, lambda _: 500)

    with pytest.raises(PresignError, match="The URL was valid for 900 seconds") as refused:
        upload(fake, file, part_size=part_size, parallel=1, on_progress=line.moved)

    assert (refused.value.code, refused.value.status) == ("storage_refused", 403)
    assert "Send smaller parts" in refused.value.detail
    assert SECRET not in str(refused.value)
    first = [each for each in fake.sent_to_the_store("PUT") if "part=2" not in str(each.url)]
    assert len(first) == 6


def test_an_expired_url_after_other_failures_is_signed_again(fake: Fake, file: Path) -> None:
    answers = iter([s3_error(503, "SlowDown"), s3_error(503, "SlowDown"), EXPIRED])

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test":
            return None
        fake.seconds += LIFETIME
        return next(answers, None)

    fake.before = answer

    upload(fake, file, part_size=len(LARGE))

    assert fake.objects == {"a.csv": LARGE}


@pytest.mark.parametrize("seconds", [0, LIFETIME - 1])
def test_a_store_that_refuses_valid_urls_is_asked_twice(
    fake: Fake, file: Path, seconds: float
) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test":
            return None
        fake.seconds += seconds
        return EXPIRED

    fake.before = answer

    with pytest.raises(PresignError) as refused:
        upload(fake, file, part_size=len(LARGE))

    assert refused.value.detail == "The store refused: HTTP 403, AccessDenied."
    assert puts(fake) == 2


def test_bytes_that_arrive_wrong_late_are_sent_twice(fake: Fake, file: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "store.test":
            return None
        fake.seconds += LIFETIME
        return s3_error(400, "BadDigest")

    fake.before = answer

    with pytest.raises(PresignError, match="checksum_mismatch"):
        upload(fake, file, part_size=len(LARGE))

    assert puts(fake) == 2


def breaks_after(fake: Fake, count: int) -> None:
    """Let the store break each answer after so many bytes."""
    whole = fake.answer

    class Breaking(httpx.SyncByteStream):
        def __init__(self, content: bytes) -> None:
            self._content = content

        def __iter__(self) -> Any:
            if count:
                yield self._content[:count]
            if len(self._content) > count:
                raise httpx.ReadError("broken")

    def answer(request: httpx.Request) -> httpx.Response:
        found = whole(request)
        if request.url.host != "store.test":
            return found
        return httpx.Response(206, headers=found.headers, stream=Breaking(found.read()))

    fake.answer = answer  # type: ignore[method-assign]


def test_a_range_goes_on_while_bytes_come(fake: Fake, tmp_path: Path) -> None:
    fake.put("a.csv", CONTENT)
    breaks_after(fake, 2)

    download(fake, tmp_path / "target", part_size=len(CONTENT))

    assert (tmp_path / "target").read_bytes() == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 12


def test_a_range_without_bytes_ends_after_six_attempts(fake: Fake, tmp_path: Path) -> None:
    fake.put("a.csv", CONTENT)
    breaks_after(fake, 0)

    with pytest.raises(PresignError, match="unreachable"):
        download(fake, tmp_path / "target", part_size=len(CONTENT))

    assert len(fake.sent_to_the_store("GET")) == 6


def test_the_url_of_another_thread_is_signed_again_too(fake: Fake) -> None:
    class Waits(list[float]):
        """Another thread reads, with a URL of its own, while the first one waits."""

        def append(self, seconds: float) -> None:
            if not self:
                super().append(seconds)
                ranges.between(0, 1)
                fake.before = lambda request: next(refusals) if is_read(request) else None

    def is_read(request: httpx.Request) -> bool:
        read: str | None = request.headers.get("range")
        return read == "bytes=0-4"

    fake.put("a.csv", CONTENT)
    fake.waits = Waits()
    refusals = iter([EXPIRED, None])
    fake.before = lambda request: s3_error(503, "SlowDown") if is_read(request) else None
    with fake.client() as client:
        ranges = client.ranges("reports", "a.csv")

        assert ranges.between(0, 5) == CONTENT[:5]

    assert fake.paths().count("POST download-urls") == 3
