"""The inline policies of roles at IAM. Operators' commands use it, the service never does.

Rules of this file:
- IAM takes a role's name, and looks it up in the account of the credentials. Another account may
  have a role of that name, so the role's ARN is compared first.
- An error shows IAM's code but not its message, which contains ARNs and addresses.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.signing.sigv4 import Credentials

_MISSING: Final = "NoSuchEntity"
TOO_LARGE: Final = "LimitExceeded"


class IamRefused(Exception):
    """`code` is IAM's error code; empty if IAM did not answer."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class RolePolicies:
    """Reads and writes inline policies of roles. All methods raise IamRefused."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def read(self, role_arn: str, name: str) -> Mapping[str, Any] | None:
        """Return the role's inline policy of that name; None if there is none."""
        with _translated_errors():
            role = await self._client.get_role(RoleName=_name(role_arn))
        if role.get("Role", {}).get("Arn") != role_arn:
            raise IamRefused(
                "your credentials belong to an account with another role of this name; nothing was "
                "written. Use credentials of the role's own account"
            )
        try:
            with _translated_errors():
                found = await self._client.get_role_policy(
                    RoleName=_name(role_arn), PolicyName=name
                )
        except IamRefused as error:
            if error.code == _MISSING:
                return None
            raise
        document = found.get("PolicyDocument")
        if not isinstance(document, Mapping):
            raise IamRefused("the policy with this name cannot be read")
        return document

    async def write(self, role_arn: str, name: str, document: Mapping[str, Any] | None) -> None:
        """Put an inline policy on the role, or delete it if `document` is None."""
        policy = {"RoleName": _name(role_arn), "PolicyName": name}
        with _translated_errors():
            if document is None:
                await self._client.delete_role_policy(**policy)
            else:
                text = json.dumps(document, separators=(",", ":"))
                await self._client.put_role_policy(**policy, PolicyDocument=text)


@asynccontextmanager
async def role_policies(
    credentials: Credentials, *, region: str, endpoint_url: str | None = None
) -> AsyncIterator[RolePolicies]:
    """Open a client. A partition has one IAM; `region` only says which partition."""
    config = Config(
        connect_timeout=5,
        read_timeout=10,
        retries={"total_max_attempts": 3, "mode": "standard"},
        ignore_configured_endpoint_urls=True,
    )
    async with aioboto3.Session().client(
        "iam",
        region_name=region,
        endpoint_url=endpoint_url,
        config=config,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
    ) as client:
        yield RolePolicies(client)


def _name(role_arn: str) -> str:
    """Return the role's name without its path, which IAM's calls do not take."""
    return role_arn.rpartition("/")[2]


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise IamRefused(f"IAM refused: {code}", code) from None
    except (BotoCoreError, ResponseParserError, OSError) as error:
        raise IamRefused(f"the call to IAM failed: {type(error).__name__}") from None
