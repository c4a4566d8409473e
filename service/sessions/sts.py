"""Sessions from AssumeRole or AssumeRoleWithWebIdentity, and keys of the SDK.

The SDK's own retries are off and its timeouts short, since the pool retries. So trouble at STS
costs one attempt at a time.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as SdkConnectionError
from botocore.parsers import ResponseParserError

from service.access.session_policy import MAX_POLICY_LENGTH
from service.clock import Clock
from service.sessions.refresh_policy import MIN_VENDED_SECONDS
from service.sessions.session import Session
from service.sessions.source import SERVICE_NAME, Owner, Role, SessionRefused, session_name
from service.signing.sigv4 import Credentials

_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
_LONGEST_SESSION = 12 * 3600 + 60  # seconds, with a minute for clocks; beyond, the Date is wrong
# Without `Exception`, which the SDK's models append to some of them and the wire does not
_PERMANENT: Final = frozenset({"PackedPolicyTooLarge", "MalformedPolicyDocument"})
_THROTTLES: Final = frozenset({"Throttling", "RequestLimitExceeded", "TooManyRequests"})


class AssumedRole:
    """Gets a session of `role` for each owner, named after the owner in CloudTrail."""

    def __init__(self, client: Any, role: Role, clock: Clock) -> None:
        self.length = float(role.session_seconds)
        self._client = client
        self._role = role
        self._clock = clock

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        request = self._request(owner, policy, vended=vended)
        asked_at = self._clock.boot()
        try:
            answer = await self._call(request)
        except ClientError as error:
            raise _refused(error) from None
        except (HTTPClientError, SdkConnectionError) as error:
            raise SessionRefused(f"{type(error).__name__}: {error}") from None
        except OSError as error:  # from the token file
            raise SessionRefused(f"{error.filename}: {error.strerror}") from None
        except (BotoCoreError, ResponseParserError) as error:
            # Its message may quote the whole response with the secret.
            reason = f"{type(error).__name__}: STS cannot be called, or its response not read."
            raise SessionRefused(reason) from None
        name = request["RoleSessionName"]
        return read_session(answer, name=name, asked_at=asked_at, clock=self._clock)

    async def renew(self) -> None:
        """Trust the authorities that are now in `AWS_CA_BUNDLE`. Sessions stay."""
        await self._client.renew()

    async def close(self) -> None:
        await self._client.close()

    def _request(self, owner: Owner, policy: str | None, *, vended: bool) -> dict[str, Any]:
        if policy is not None and len(policy) > MAX_POLICY_LENGTH:
            reason = f"the session policy has {len(policy)} characters; {MAX_POLICY_LENGTH} is most"
            raise SessionRefused(reason, permanent=True)
        name, seconds = session_name(owner, vended=vended), self._role.session_seconds
        return {
            "RoleArn": self._role.arn,
            "RoleSessionName": name,
            "DurationSeconds": max(seconds, MIN_VENDED_SECONDS) if vended else seconds,
            **({"Policy": policy} if policy is not None else {}),
            **({"Tags": self._tags(owner)} if self._role.session_tags else {}),
            **({"SourceIdentity": name} if self._role.source_identity else {}),
        }

    def _tags(self, owner: Owner) -> list[dict[str, str]]:
        issuer, subject = owner or (SERVICE_NAME, SERVICE_NAME)
        tags = []
        for key, template in self._role.session_tags:
            value = template.replace("{issuer}", issuer or "").replace("{subject}", subject)
            if _TAG_VALUE.fullmatch(value) is None:
                # Replacing characters could make two callers equal to a policy.
                reason = "the subject has characters that no session tag may have"
                raise SessionRefused(reason, permanent=True)
            tags.append({"Key": key, "Value": value})
        return tags

    async def _call(self, request: Mapping[str, Any]) -> Any:
        if (file := self._role.web_identity_token_file) is not None:
            # Read each time: the kubelet replaces the file long before the token expires.
            token = file.read_text().strip()
            return await self._client.assume_role_with_web_identity(
                **request, WebIdentityToken=token
            )
        external_id = self._role.external_id
        return await self._client.assume_role(
            **request, **({} if external_id is None else {"ExternalId": external_id})
        )


async def static_credentials(session: aioboto3.Session) -> Credentials:
    """Return the keys of the AWS default chain. Raises SessionRefused."""
    try:
        return await _chained(session)
    except BotoCoreError as error:  # its message may quote a line of a file with keys
        reason = f"The static credentials cannot be read: {type(error).__name__}."
        raise SessionRefused(reason) from None


async def operators_credentials() -> Credentials:
    """Return the credentials of the person who runs a command, from the AWS default chain.

    They may have a token, from a profile or SSO. Raises SessionRefused.
    """
    try:
        return await _chained(aioboto3.Session())
    except (BotoCoreError, ClientError) as error:
        # Its message may contain an ARN, an address, or the output of the operator's own program.
        reason = f"The AWS default chain gives no credentials: {type(error).__name__}."
        raise SessionRefused(reason) from None


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
    """Keep STS's message: for a policy that is too large, it has the percentage."""
    code = str(error.response.get("Error", {}).get("Code", "")).removesuffix("Exception")
    return SessionRefused(
        f"{type(error).__name__}: {error}",
        permanent=code in _PERMANENT,
        throttled=code in _THROTTLES,
        denied=code == "AccessDenied",
    )


def read_session(answer: Mapping[str, Any], *, name: str, asked_at: float, clock: Clock) -> Session:
    """Return the session in a response of STS. Raises SessionRefused if there is none.

    `asked_at` is in seconds of the boot clock.
    """
    found = answer.get("Credentials") or {}
    values = [found.get(part) for part in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    ends = found.get("Expiration")
    if not all(isinstance(value, str) and value for value in values):
        raise SessionRefused("STS's response has no credentials.")
    if not isinstance(ends, datetime):
        raise SessionRefused("STS's response does not say when the session expires.")
    key_id, secret, token = map(str, values)
    now = _server_time(answer, clock)
    if ends.timestamp() - now > _LONGEST_SESSION:
        raise SessionRefused("The Date of STS's response does not fit the session's expiration.")
    return Session(
        credentials=Credentials(
            access_key_id=key_id, secret_access_key=secret, session_token=token
        ),
        name=name,
        starts_at=now,
        expires_at=ends.timestamp(),
        server_time_at_boot=now - asked_at,
        packed_policy_percent=answer.get("PackedPolicySize"),
        role_id=_role_id(answer),
    )


def _role_id(answer: Mapping[str, Any]) -> str | None:
    """Return the role's part of the session's id, which is `AROA…:NAME`."""
    user = answer.get("AssumedRoleUser")
    found = user.get("AssumedRoleId") if isinstance(user, Mapping) else None
    return found.partition(":")[0] or None if isinstance(found, str) else None


def _server_time(answer: Mapping[str, Any], clock: Clock) -> float:
    """Return the response's `Date`, in whole seconds, or our own time if there is none."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, OverflowError):  # OverflowError: a year of twenty digits
        return clock.wall()
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
