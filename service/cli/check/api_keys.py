"""What `presign check` says about the ends of API keys."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from service.app.settings import Settings
from service.errors import ConfigurationProblem

_SOON: Final = timedelta(days=7)


def warnings(settings: Settings, now: datetime) -> Iterator[ConfigurationProblem]:
    """Yield the callers whose `not_after` has passed, or will soon."""
    for i, caller in enumerate(settings.callers):
        if (end := caller.not_after) is None or end > now + _SOON:
            continue
        what = "has passed, so its keys are refused" if end < now else "is within a week"
        advice = "rotate its key and set a later time, or remove the caller"
        text = f"{end.isoformat()} {what}; {advice}"
        yield ConfigurationProblem(text, ("callers", i, "not_after"))
