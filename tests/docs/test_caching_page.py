"""docs/caching.md: its example is a valid request, and its numbers match the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from service.api.routes.objects import download_request
from service.api.schemas import DownloadUrlRequest
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    LifetimeUnattainable,
    grant_stable_lifetime,
)
from service.sessions.pool import MAX_SESSIONS
from service.sessions.url_windows import MAX_KEPT, Window
from service.signing.signer import MAX_EXPIRES_IN

PAGE: Final = Path(__file__).parents[2] / "docs" / "caching.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
ONE_LINE: Final = " ".join(TEXT.split())
HOUR: Final = 3600


def number_after(words: str) -> int:
    [found] = re.findall(rf"{re.escape(words)} (\d[\d,]*)", ONE_LINE)
    return int(found.replace(",", ""))


def limited(asked: Lifetime, remaining: float = HOUR) -> object:
    """Return the lifetime without a grant's limit, for a session of an hour with `remaining`
    seconds left.
    """
    assert asked.stable_for is not None
    return grant_stable_lifetime(
        asked,
        Window(0, asked.stable_for),
        default=900,
        granted=None,
        ends_at=remaining,
        session_seconds=HOUR,
    )


def test_the_service_accepts_the_example_request() -> None:
    [body] = re.findall(r"-d '(.*)'", TEXT)
    ask = download_request(DownloadUrlRequest.model_validate(json.loads(body)))
    assert ask.lifetime == Lifetime(expires_in=300, stable_for=600)


def test_the_example_matches_the_arithmetic() -> None:
    asked = Lifetime(expires_in=300, stable_for=600)
    at = datetime(2026, 3, 1, 12, 4, 10, tzinfo=UTC).timestamp()
    begins = datetime.fromtimestamp(Window.at(at, 600).begins_at, UTC)
    assert begins.strftime("%H:%M:%S") == "12:00:00"
    assert "a request at 12:04:10 gets a URL signed as of 12:00:00 with" in ONE_LINE
    given = limited(asked)
    assert given == GrantedLifetime(900, None)
    assert "`X-Amz-Expires=900`, and `expires_at` is 12:15:00" in ONE_LINE


def test_the_full_lifetime_is_granted_up_to_the_stated_limit() -> None:
    most = number_after("if `stable_for` + `expires_in` are at most")
    due = HOUR * 2 / 3  # left of the oldest session that signs without a refresh
    for window in (60, 600, 1200):
        asked = Lifetime(expires_in=most - window, stable_for=window)
        assert limited(asked, due) == GrantedLifetime(most, None)
        longer = Lifetime(expires_in=most - window + 1, stable_for=window)
        assert limited(longer, due) == GrantedLifetime(most, "session")


def test_the_longest_window_matches_the_page() -> None:
    most = number_after("`stable_for` + `min_expires_in` (or 1) are at most")
    longest = limited(Lifetime(stable_for=most - 1))
    assert isinstance(longest, GrantedLifetime)
    assert isinstance(limited(Lifetime(stable_for=most)), LifetimeUnattainable)
    assert isinstance(limited(Lifetime(min_expires_in=60, stable_for=most - 60)), GrantedLifetime)
    assert isinstance(
        limited(Lifetime(min_expires_in=60, stable_for=most - 59)), LifetimeUnattainable
    )


def test_the_limits_match_the_code() -> None:
    assert f"**More than {MAX_KEPT} kinds of windows" in ONE_LINE
    assert f"**More than {MAX_SESSIONS:,} sessions at a time**" in ONE_LINE
    assert f"{MAX_EXPIRES_IN:,}" in ONE_LINE
    assert f"wait for STS, {ATTEMPT_SECONDS:.0f} s at most" in ONE_LINE
