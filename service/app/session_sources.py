"""Where the buckets' sessions come from: STS, tokens of R2, or static keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from service.app.settings import Settings
from service.clock import Clock
from service.config import r2
from service.config.buckets import BucketSettings
from service.config.reading import content_digest
from service.config.server import ambient_ca_bundle
from service.http_client.sdk import sdk_session
from service.sessions.r2_tokens import R2Address, R2Tokens
from service.sessions.source import Role, SessionSource
from service.sessions.static_keys import StaticSource, keys_in_files
from service.sessions.sts import AssumedRole, static_credentials
from service.sessions.sts_clients import StsClients


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticKeysOrigin:
    """Where long-lived keys are. Without files, in the AWS default chain.

    `digest` changes when a file with the keys does.
    """

    files: tuple[Path, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class R2Origin:
    """The files with the keys that sign tokens of R2, and for which bucket.

    `digest` changes when a file does.
    """

    access_key_id: Path
    secret_access_key: Path
    digest: str
    address: R2Address
    session_seconds: int


CredentialOrigin = Role | StaticKeysOrigin | R2Origin
MakeSource = Callable[[str, CredentialOrigin], Awaitable[SessionSource]]
OpenSources = Callable[[Clock], AbstractAsyncContextManager[MakeSource]]


@asynccontextmanager
async def aws_sources(clock: Clock) -> AsyncIterator[MakeSource]:
    """Makes the source of a bucket's sessions. Closes the STS clients at the end."""
    async with AsyncExitStack() as stack:
        session = sdk_session()
        clients = StsClients(session, stack, _sdk_authorities)

        async def make(_: str, origin: CredentialOrigin) -> SessionSource:
            match origin:
                case Role():
                    return AssumedRole(await clients.for_role(origin), origin, clock)
                case StaticKeysOrigin(files=(access_key_id, secret_access_key)):
                    read = partial(keys_in_files, access_key_id, secret_access_key)
                    return StaticSource(read, clock)
                case R2Origin():
                    read = partial(keys_in_files, origin.access_key_id, origin.secret_access_key)
                    return R2Tokens(read, origin.address, origin.session_seconds, clock)
                case StaticKeysOrigin():
                    return StaticSource(partial(static_credentials, session), clock)
                case _:
                    assert_never(origin)

        yield make


def origins(settings: Settings) -> dict[str, CredentialOrigin]:
    """Return where the sessions of each bucket come from. Reads the files with static keys."""
    return {name: _origin(name, bucket, settings) for name, bucket in settings.buckets.items()}


def _origin(name: str, bucket: BucketSettings, settings: Settings) -> CredentialOrigin:
    match bucket.credentials:
        case "static":
            files = bucket.files_of_keys
            return StaticKeysOrigin(files=files, digest=content_digest(files))
        case "r2":
            return _r2_origin(name, bucket)
        case "assume_role":
            return role(bucket, token_file=None)
        case "web_identity":
            return role(bucket, settings.server.web_identity_token_file)
        case _:
            assert_never(bucket.credentials)


def _r2_origin(name: str, bucket: BucketSettings) -> R2Origin:
    url, (access_key_id, secret_access_key) = bucket.endpoint_url, bucket.files_of_keys
    assert url is not None  # the settings demand it
    account = bucket.account_id or r2.account_of(url)
    assert account is not None  # so too
    return R2Origin(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        digest=content_digest((access_key_id, secret_access_key)),
        address=R2Address(bucket=bucket.bucket or name, account_id=account, host=r2.audience(url)),
        session_seconds=bucket.session_seconds,
    )


def role(bucket: BucketSettings, token_file: Path | None) -> Role:
    assert bucket.role_arn is not None  # the settings demand it
    return Role(
        arn=bucket.role_arn,
        region=bucket.region,
        session_seconds=bucket.session_seconds,
        external_id=bucket.external_id,
        session_tags=tuple(bucket.session_tags.items()),
        source_identity=bucket.source_identity,
        sts_endpoint_url=bucket.sts_endpoint_url,
        web_identity_token_file=token_file,
    )


def _sdk_authorities() -> str:
    """A digest of the CA bundle that the SDK uses to call STS."""
    bundle = ambient_ca_bundle()
    return content_digest([] if bundle is None else [bundle])
