"""docs/caching.md: its arithmetic is the service's."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    LifetimeUnattainable,
    grant_stable_lifetime,
)
from service.sessions.url_windows import Window
from tests.docs.documents import text_of

ONE_LINE: Final = " ".join(text_of("docs/caching.md").split())
HOUR: Final = 3600


def number_after(words: str) -> int:
    [found] = re.findall(rf"{re.escape(words)} (\d[\d,]*)", ONE_LINE)
    return int(found.replace(",", ""))


def limited(asked: Lifetime, remaining: float = HOUR) -> object:
    """Return what a session of an hour with `remaining` seconds grants, without another limit."""
    assert asked.stable_for is not None
    window = Window(0, asked.stable_for)
    limits: dict[str, Any] = {"default": 900, "granted": None, "session_seconds": HOUR}
    return grant_stable_lifetime(asked, window, ends_at=remaining, **limits)


def test_the_example_matches_the_arithmetic() -> None:
    asked = Lifetime(expires_in=300, stable_for=600)
    at = datetime(2026, 3, 1, 12, 4, 10, tzinfo=UTC).timestamp()
    begins = datetime.fromtimestamp(Window.at(at, 600).begins_at, UTC)
    assert begins.strftime("%H:%M:%S") == "12:00:00"
    assert "a request at 12:04:10 gets a URL signed as of 12:00:00 with" in ONE_LINE
    assert limited(asked) == GrantedLifetime(900, None)
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
    for least in (1, 60):
        longest = limited(Lifetime(min_expires_in=least, stable_for=most - least))
        assert isinstance(longest, GrantedLifetime)
        longer = limited(Lifetime(min_expires_in=least, stable_for=most - least + 1))
        assert isinstance(longer, LifetimeUnattainable)
