"""The highest age of our signatures, which a bucket policy must not deny. Pure.

S3 counts `s3:signatureAge` in milliseconds from X-Amz-Date, for URLs and forms:
docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html. So it never exceeds
X-Amz-Expires. That is the lifetime; for a download with `stable_for` also the window, whose start
is its X-Amz-Date. `max_expires_in` limits the sum, and no session signs for longer than it lives.
"""

import math
from collections.abc import Iterable
from typing import Final

from service.access.grants import Grant, Operation
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.signing.signer import MAX_EXPIRES_IN

MAX_STABLE_FOR: Final = 86_400  # seconds, as in openapi.yaml
_SIGN_NOTHING: Final = frozenset({Operation.VERSIONS, Operation.CHECK, Operation.CREDENTIALS})
_SLACK: Final = 60  # seconds; requests of the service itself are signed for as long


def longest_life(grants: Iterable[Grant], session_seconds: float) -> int | None:
    """Return the longest X-Amz-Expires that the grants allow, or None if nothing may be signed."""
    signing = [grant for grant in grants if grant.allow - _SIGN_NOTHING]
    return max((_longest(grant, session_seconds) for grant in signing), default=None)


def why_so_long(life: int, session_seconds: float) -> str:
    """Say where `longest_life` comes from if no grant says it. Nothing if one does."""
    left = session_seconds - EXPIRY_MARGIN
    if not math.isfinite(left):
        return ""
    session = f"a session less {EXPIRY_MARGIN} s"
    if life == int(left):
        return session
    is_after_window = life == int(left + min(MAX_STABLE_FOR, left))
    return f"{session}, after a window of `stable_for`" if is_after_window else ""


def oldest(life: int) -> int:
    """Return the age in milliseconds that must be allowed for signatures of `life` seconds."""
    return (life + _SLACK) * 1000


def max_age(grants: Iterable[Grant], *, at_least: int = 0) -> int | None:
    """Return the age in milliseconds beyond which no signature under these grants is needed.

    None if a grant has no `max_expires_in`. `at_least` is in seconds.
    """
    life = longest_life(grants, math.inf)
    return None if life in {None, MAX_EXPIRES_IN} else oldest(max(life or 0, at_least))


def _longest(grant: Grant, session_seconds: float) -> int:
    seconds = session_seconds - EXPIRY_MARGIN
    if Operation.DOWNLOAD in grant.allow:
        # The session may start as late as the end of the window; the window is shorter than it.
        seconds += min(MAX_STABLE_FOR, seconds)
    return int(min(grant.max_expires_in or MAX_EXPIRES_IN, MAX_EXPIRES_IN, seconds))
