"""The inline policies of roles, as IAM has them: for an operator's commands, never for the service.

Rules of this file:
- IAM takes a role's name and looks for it in the account of whoever asks. So a role's ARN is compared
  before anything else: another account may have a role of the same name.
- Of a failure the code is told, and none of its words: they hold ARNs and addresses.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.signing.sigv4 import Credentials

_MISSING: Final = "NoSuchEntity"
TOO_LARGE: Final = "LimitExceeded"


class IamRefused(Exception):
    """`code` is IAM's own, or empty where it did not answer."""

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.code = code


class RolePolicies(Protocol):
    """All raise IamRefused."""

    async def read(self, role_arn: str, name: str) -> Mapping[str, Any] | None:
        """The role's inline policy of that name; None if it has none."""

    async def put(self, role_arn: str, name: str, document: str) -> None: ...

    async def delete(self, role_arn: str, name: str) -> None: ...


class IamRolePolicies:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def read(self, role_arn: str, name: str) -> Mapping[str, Any] | None:
        role = await self._checked(role_arn)
        try:
            with _in_words():
                found = await self._client.get_role_policy(RoleName=role, PolicyName=name)
        except IamRefused as refused:
            if refused.code == _MISSING:
                return None
            raise
        document = found.get("PolicyDocument")
        if not isinstance(document, Mapping):
            raise IamRefused("the policy of this name cannot be read")
        return document

    async def put(self, role_arn: str, name: str, document: str) -> None:
        given = {"PolicyName": name, "PolicyDocument": document}
        with _in_words():
            await self._client.put_role_policy(RoleName=_name(role_arn), **given)

    async def delete(self, role_arn: str, name: str) -> None:
        with _in_words():
            await self._client.delete_role_policy(RoleName=_name(role_arn), PolicyName=name)

    async def _checked(self, role_arn: str) -> str:
        name = _name(role_arn)
        with _in_words():
            found = await self._client.get_role(RoleName=name)
        if found.get("Role", {}).get("Arn") != role_arn:
            raise IamRefused(
                "your credentials are of an account that has another role of this name; nothing was "
                "written. Use those of the role's own account"
            )
        return name


@asynccontextmanager
async def role_policies(
    credentials: Credentials, *, region: str, endpoint_url: str | None = None
) -> AsyncIterator[RolePolicies]:
    """IAM is one for all regions of a partition, which `region` tells."""
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
        yield IamRolePolicies(client)


def _name(role_arn: str) -> str:
    """Without the path, which the ARN has and IAM's calls do not."""
    return role_arn.rpartition("/")[2]


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise IamRefused(f"IAM refuses: {code}", code) from None
    except (BotoCoreError, ResponseParserError, OSError) as error:
        raise IamRefused(f"IAM cannot be asked or read: {type(error).__name__}") from None
