"""Where sessions come from, which caller owns each, and their names in CloudTrail."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from service.sessions.session import Session

# (issuer or None, subject); None for a bucket's own session, which belongs to no caller.
Owner = tuple[str | None, str] | None

# Limits without another source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_DIGEST_LENGTH = 12
ANY_CALLERS_SESSION: Final = f"*-{'?' * _DIGEST_LENGTH}"  # a StringLike pattern of the names
_VENDED = "-vended"  # the end of the name of a session whose credentials a program gets
# A session name has at most 64 characters.
_READABLE_LENGTH: Final = 64 - len(_VENDED) - _DIGEST_LENGTH - 1
SERVICE_NAME = "presign"


class SessionRefused(Exception):
    """There is no session. The message contains no secret and may be logged.

    `permanent`: trying again is useless until the caller's grants change. `throttled`: all sessions
    of the account must back off. `denied`: the role may not be assumed.
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, throttled: bool = False, denied: bool = False
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.throttled = throttled
        self.denied = denied


class SessionSource(Protocol):
    length: float  # seconds that a session of this source lives

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        """Return a session limited by `policy`, an IAM policy in JSON. Raises SessionRefused.

        `vended` is for a session whose credentials a program gets.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """The values of `session_tags` may contain `{issuer}` and `{subject}`."""

    arn: str
    region: str
    session_seconds: int
    external_id: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    source_identity: bool = False
    sts_endpoint_url: str | None = None
    web_identity_token_file: Path | None = None


def session_name(owner: Owner, *, vended: bool = False) -> str:
    """Return the name that CloudTrail shows. A digest keeps distinct owners distinct."""
    if owner is None:
        return SERVICE_NAME
    issuer, subject = owner
    digest = sha256(f"{issuer or ''}\0{subject}".encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = _NOT_IN_SESSION_NAME.sub("-", subject)[-_READABLE_LENGTH:]
    name = f"{readable}-{digest}"
    return vended_name(name) if vended else name


def vended_name(name: str) -> str:
    """Return the name, or pattern of names, of the vended sessions of an owner.

    `name` is the name, or pattern, of the sessions that sign for it.
    """
    return name + _VENDED
