"""Where the buckets' sessions come from: STS, or static keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from service.app.settings import Settings
from service.clock import Clock
from service.config.buckets import BucketSettings
from service.config.reading import content_digest
from service.config.server import ambient_ca_bundle
from service.http_client.sdk import sdk_session
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


CredentialOrigin = Role | StaticKeysOrigin
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
                case StaticKeysOrigin():
                    return StaticSource(partial(static_credentials, session), clock)
                case _:
                    assert_never(origin)

        yield make


def origins(settings: Settings) -> dict[str, CredentialOrigin]:
    """Return where the sessions of each bucket come from. Reads the files with static keys."""
    return {name: _origin(bucket, settings) for name, bucket in settings.buckets.items()}


def _origin(bucket: BucketSettings, settings: Settings) -> CredentialOrigin:
    match bucket.credentials:
        case "static":
            files = bucket.files_of_keys
            return StaticKeysOrigin(files=files, digest=content_digest(files))
        case "assume_role":
            return role(bucket, token_file=None)
        case "web_identity":
            return role(bucket, settings.server.web_identity_token_file)
        case _:
            assert_never(bucket.credentials)


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
