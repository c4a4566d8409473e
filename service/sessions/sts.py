"""Where sessions come from: AssumeRole, AssumeRoleWithWebIdentity, or static keys.

aioboto3 is called here, in `sts_clients.py`, `endpoints.py` and `iam.py`, nowhere else. The SDK's own retries are off and
its time-outs short: the pool owns both, so that a bad hour at STS costs one attempt at a time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as SdkConnectionError
from botocore.parsers import ResponseParserError

from service.clock import Clock
from service.sessions.session import Session
from service.signing.sigv4 import Credentials

# Whose session: (issuer or None, subject). None is the bucket's own, which belongs to no caller.
Owner = tuple[str | None, str] | None

# docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, with all that names no other page
MAX_POLICY_LENGTH: Final = 2048  # characters
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_DIGEST_LENGTH = 12
READABLE_LENGTH: Final = 64 - _DIGEST_LENGTH - 1  # a name has 64 characters at most
_NAME_PREFIX = "presign"
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
# Twelve hours; a minute for clocks. Longer means that the Date is wrong.
_LONGEST_SESSION = 12 * 3600 + 60
# Without `Exception`, which the SDK's models append to some of them and the wire does not
_LASTING: Final = frozenset({"PackedPolicyTooLarge", "MalformedPolicyDocument"})
_THROTTLES: Final = frozenset({"Throttling", "RequestLimitExceeded", "TooManyRequests"})


class SessionRefused(Exception):
    """STS answered with something that is no session.

    `permanent`: asking again changes nothing until the caller's grants change. `throttled`: STS wants
    to be left alone, by all sessions of the account. `denied`: the role may not be assumed.
    """

    def __init__(
        self, words: str, *, permanent: bool = False, throttled: bool = False, denied: bool = False
    ) -> None:
        super().__init__(words)
        self.permanent = permanent
        self.throttled = throttled
        self.denied = denied


class SessionSource(Protocol):
    length: float  # seconds that a session of this source lives

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        """A session for `owner`, kept within `policy`: an IAM policy in JSON, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    arn: str
    region: str
    session_seconds: int
    external_id: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    source_identity: bool = False
    sts_endpoint_url: str | None = None
    web_identity_token_file: Path | None = None


class AssumedRole:
    """A session of `role` for each owner, named after the owner in CloudTrail.

    The values of `session_tags` may have `{issuer}` and `{subject}`.
    """

    def __init__(self, client: Any, role: Role, clock: Clock) -> None:
        self.length = float(role.session_seconds)
        self._client = client
        self._role = role
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None) -> Session:
        request = self._request(owner, policy)
        asked_at = self._clock.boot()
        try:
            answer = await self._ask(request)
        except ClientError as error:
            raise _refused(error) from None
        except (HTTPClientError, SdkConnectionError) as error:
            raise SessionRefused(f"{type(error).__name__}: {error}") from None
        except OSError as error:  # of the token's file
            raise SessionRefused(f"{error.filename}: {error.strerror}") from None
        except (BotoCoreError, ResponseParserError) as error:
            # Its words may quote the whole answer, and so the secret.
            raise SessionRefused(f"{type(error).__name__}: STS cannot be asked or read.") from None
        name = request["RoleSessionName"]
        return read_session(answer, name=name, asked_at=asked_at, clock=self._clock)

    async def renew(self) -> None:
        """Trust the authorities that `AWS_CA_BUNDLE` has now. Sessions are not touched."""
        await self._client.renew()

    async def close(self) -> None:
        await self._client.close()

    def _request(self, owner: Owner, policy: str | None) -> dict[str, Any]:
        if policy is not None and len(policy) > MAX_POLICY_LENGTH:
            words = f"the session policy has {len(policy)} characters; {MAX_POLICY_LENGTH} is most"
            raise SessionRefused(words, permanent=True)
        name = session_name(owner)
        return {
            "RoleArn": self._role.arn,
            "RoleSessionName": name,
            "DurationSeconds": self._role.session_seconds,
            **({"Policy": policy} if policy is not None else {}),
            **({"Tags": self._tags(owner)} if self._role.session_tags else {}),
            **({"SourceIdentity": name} if self._role.source_identity else {}),
        }

    def _tags(self, owner: Owner) -> list[dict[str, str]]:
        issuer, subject = owner or (_NAME_PREFIX, _NAME_PREFIX)
        values = [
            (name, template.replace("{issuer}", issuer or "").replace("{subject}", subject))
            for name, template in self._role.session_tags
        ]
        if any(_TAG_VALUE.fullmatch(value) is None for _, value in values):
            # To write it otherwise could make two callers one in the eyes of a policy.
            raise SessionRefused("a subject cannot be written into a session tag", permanent=True)
        return [{"Key": name, "Value": value} for name, value in values]

    async def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any]
        if self._role.web_identity_token_file is not None:
            # Read each time: the kubelet replaces the file long before the token ends.
            token = self._role.web_identity_token_file.read_text().strip()
            answer = await self._client.assume_role_with_web_identity(
                **request, WebIdentityToken=token
            )
        elif self._role.external_id is not None:
            answer = await self._client.assume_role(**request, ExternalId=self._role.external_id)
        else:
            answer = await self._client.assume_role(**request)
        return answer


class StaticKeys:
    """Keys of the AWS default chain that belong to no session, for stores without an STS."""

    length = float("inf")

    def __init__(self, session: aioboto3.Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None) -> Session:  # noqa: ARG002 - one pair of keys signs for all
        credentials = await _chained(self._session)
        if credentials.session_token is not None:
            # A token dies at a time that we are not told: its URLs could not tell the truth.
            raise SessionRefused("Static credentials must not carry a session token.")
        return Session(credentials=credentials, name=_NAME_PREFIX, starts_at=self._clock.wall())


async def operators_credentials() -> Credentials:
    """Whoever runs a command, by the AWS default chain: a profile or SSO, with a token perhaps.

    Raises SessionRefused, in words that hold nothing of what the chain was told.
    """
    try:
        return await _chained(aioboto3.Session())
    except (BotoCoreError, ClientError) as error:
        # Its words may hold an ARN, an address, or what a program of the operator's printed.
        words = f"The AWS default chain gives no credentials: {type(error).__name__}."
        raise SessionRefused(words) from None


async def _chained(session: aioboto3.Session) -> Credentials:
    chain = await session.get_credentials()
    if chain is None:
        raise SessionRefused("The AWS default chain has no credentials.")
    keys = await chain.get_frozen_credentials()
    return Credentials(
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        session_token=keys.token or None,
    )


def _refused(error: ClientError) -> SessionRefused:
    """STS's own words: of a policy that is too large, they have the percentage."""
    code = str(error.response.get("Error", {}).get("Code", "")).removesuffix("Exception")
    return SessionRefused(
        f"{type(error).__name__}: {error}",
        permanent=code in _LASTING,
        throttled=code in _THROTTLES,
        denied=code == "AccessDenied",
    )


def session_name(owner: Owner) -> str:
    """The owner as CloudTrail shows it. Distinct owners stay distinct, by a digest of the pair."""
    if owner is None:
        return _NAME_PREFIX
    issuer, subject = owner
    digest = sha256(f"{issuer or ''}\0{subject}".encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{sanitize_session_name(subject)[-READABLE_LENGTH:]}-{digest}"


def sanitize_session_name(subject: str) -> str:
    """A subject in the letters of a session's name, before it is cut."""
    return _NOT_IN_SESSION_NAME.sub("-", subject)


def session_name_pattern(subjects: str) -> str | None:
    """The names of the sessions of `subjects`, which have `*`, as StringLike has it.

    Of a subject that is longer than READABLE_LENGTH a name has the end only, and it may not match.
    None if all are longer. The names of others may match: a name does not tell a `:` from a `-`.
    """
    parts = subjects.split("*")
    if sum(map(len, parts)) > READABLE_LENGTH:
        return None
    return f"{'*'.join(map(sanitize_session_name, parts))}-{'?' * _DIGEST_LENGTH}"


def read_session(answer: Mapping[str, Any], *, name: str, asked_at: float, clock: Clock) -> Session:
    """What STS answered, checked: an answer without a key or an end is no session. Raises SessionRefused.

    `asked_at` is by the clock that counts suspend, in seconds.
    """
    given = answer.get("Credentials") or {}
    values = [given.get(part) for part in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    ends = given.get("Expiration")
    if not all(isinstance(value, str) and value for value in values):
        raise SessionRefused("The answer of STS has no credentials.")
    if not isinstance(ends, datetime):
        raise SessionRefused("The answer of STS does not say when its session ends.")
    key_id, secret, token = values
    now = _server_time(answer, clock)
    if ends.timestamp() - now > _LONGEST_SESSION:
        raise SessionRefused("The answer of STS has a Date and an end that do not fit.")
    return Session(
        credentials=Credentials(
            access_key_id=str(key_id), secret_access_key=str(secret), session_token=str(token)
        ),
        name=name,
        starts_at=now,
        expires_at=ends.timestamp(),
        server_time_at_boot=now - asked_at,
        packed_policy_percent=answer.get("PackedPolicySize"),
    )


def _server_time(answer: Mapping[str, Any], clock: Clock) -> float:
    """By the answer's `Date`, to the second; by our own clock where there is none."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return clock.wall()
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
