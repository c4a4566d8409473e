"""How old a signature of ours can be when it is used: what a bucket policy must not deny. Pure.

S3 counts `s3:signatureAge` in milliseconds from X-Amz-Date, of URLs and of forms:
docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html. So it is never more than
X-Amz-Expires says. That is a lifetime; of a download for a cache it is the window as well, whose begin
is its X-Amz-Date. `max_expires_in` limits both together, and no session signs for longer than it lives.
"""

from collections.abc import Iterable
from typing import Final

from service.access.grants import Grant, Operation
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.signing.signer import MAX_EXPIRES_IN

MAX_STABLE_FOR: Final = 86_400  # seconds: as the contract has it
_SIGN_NOTHING: Final = frozenset({Operation.VERSIONS, Operation.CHECK})
_SLACK: Final = 60  # seconds; what the service itself asks of a store is signed for as long


def longest_life(grants: Iterable[Grant], session_seconds: float) -> int | None:
    """The most seconds that X-Amz-Expires says of anything that these grants allow, if they allow any."""
    signing = [grant for grant in grants if grant.allow - _SIGN_NOTHING]
    return max((_longest(grant, session_seconds) for grant in signing), default=None)


def oldest(life: int) -> int:
    """The milliseconds of age that must not be denied of signatures which live for so many seconds."""
    return (life + _SLACK) * 1000


def _longest(grant: Grant, session_seconds: float) -> int:
    lasts = session_seconds - EXPIRY_MARGIN
    if Operation.DOWNLOAD in grant.allow:
        # The session may have begun as late as at the end of the window; a window is shorter than it.
        lasts += min(MAX_STABLE_FOR, lasts)
    return int(min(grant.max_expires_in or MAX_EXPIRES_IN, MAX_EXPIRES_IN, lasts))
