"""A store that asks for fewer requests for a minute. The time is virtual."""

from collections import Counter
from pathlib import Path
from threading import Lock

import httpx

from presign_client import Retries
from presign_client.transfers.pace import PAUSE_SECONDS, SECONDS, Pace
from tests.client.fake import Fake, s3_error
from tests.client.transferring import CONTENT

MINUTE = 60.0
LIMIT = 16
ALLOWED = 2  # requests at the same time, in that minute


def widths_of(minutes: float) -> list[int]:
    """Return the width of each moment. A refused request moves nothing."""
    pace, widths = Pace(LIMIT, 0.0), []
    for number in range(int(minutes * MINUTE / SECONDS)):
        now = number * SECONDS
        allowed = ALLOWED if now < MINUTE else LIMIT
        if pace.width > allowed:
            pace.slow_down(now)
        pace.moved(min(pace.width, allowed) * 1000, now)
        widths.append(pace.width)
    return widths


def test_the_width_shrinks_for_a_minute_and_grows_again() -> None:
    widths = widths_of(2)
    minute, after = widths[: len(widths) // 2], widths[len(widths) // 2 :]

    assert min(widths) >= 1
    # A try of more, once in each pause, is taken back at once.
    tries = MINUTE / PAUSE_SECONDS
    assert sum(width > ALLOWED for width in minute) <= tries + 1
    assert after[-1] == LIMIT


class Busy:
    """A store that refuses three attempts for each part while the minute lasts."""

    def __init__(self, fake: Fake) -> None:
        self.fake, self.refused, self._lock = fake, Counter[str](), Lock()
        fake.before = self._answer

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.fake.seconds += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        part = request.headers.get("range", request.url.params.get("part", ""))
        with self._lock:
            is_busy = self.fake.seconds < MINUTE and self.refused[part] < 3
            if request.url.host != "store.test" or not is_busy:
                return None
            self.refused[part] += 1
        return s3_error(503, "SlowDown")


def test_transfers_last_longer_than_a_minute_of_slow_down(fake: Fake, tmp_path: Path) -> None:
    content, source, target = CONTENT * 10, tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_bytes(content)

    for transfer in ("upload", "download"):
        busy, fake.seconds = Busy(fake), 0.0
        with fake.client(retries=Retries(sleep=busy.sleep, random=lambda: 0.5)) as client:
            if transfer == "upload":
                client.upload(source, "reports", "a.csv", part_size=5)
            else:
                client.download("reports", "a.csv", target, part_size=5)

        assert fake.seconds >= MINUTE
        assert busy.refused.total() >= MINUTE / 3.5  # seconds that three refusals take
    assert fake.objects == {"a.csv": content}
    assert target.read_bytes() == content
