"""Where the buckets' sessions come from: STS, or the static keys of the AWS default chain."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import aioboto3

from service.app import builders
from service.clock import Clock
from service.config.settings import Settings
from service.sessions.sts import AssumedRole, Role, SessionSource, StaticKeys
from service.sessions.sts_clients import StsClients

MakeSource = Callable[[str, Settings], Awaitable[SessionSource]]
OpenSources = Callable[[Clock], AbstractAsyncContextManager[MakeSource]]


@asynccontextmanager
async def aws_sources(clock: Clock) -> AsyncIterator[MakeSource]:
    """Makes the source of a bucket's sessions. Closes the STS clients at the end."""
    async with AsyncExitStack() as stack:
        session = aioboto3.Session()
        clients = StsClients(session, stack, builders.sdk_ca_digest)

        async def make(name: str, settings: Settings) -> SessionSource:
            role = role_of(name, settings)
            if role is None:
                return StaticKeys(session, clock)
            return AssumedRole(await clients.for_role(role), role, clock)

        yield make


def role_of(bucket: str, settings: Settings) -> Role | None:
    """The role that a bucket's sessions assume. None for static keys."""
    configured = settings.buckets[bucket]
    return None if configured.credentials == "static" else builders.role(configured, settings)
