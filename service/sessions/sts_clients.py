"""STS clients, one for each region and endpoint. Made off the event loop, closed when unused."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aioboto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest

from service.http_client.sdk import SdkConfig
from service.http_client.shared_client import SharedClient
from service.sessions.source import Role
from service.telemetry.spans import trace_headers


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """`authorities` is a digest of `AWS_CA_BUNDLE`, which the SDK reads once for each client."""

    region: str
    url: str | None
    unsigned: bool
    authorities: str


class StsClients:
    def __init__(
        self, session: aioboto3.Session, stack: AsyncExitStack, authorities: Callable[[], str] = str
    ) -> None:
        """`stack` closes the clients that are left. `authorities` is called in a thread."""
        self._session = session
        self._authorities = authorities
        self._making = asyncio.Lock()  # the SDK's session is not thread-safe
        self._made: dict[_Endpoint, SharedClient[Any]] = {}
        self._users = Counter[_Endpoint]()
        stack.push_async_callback(self._close)

    async def for_role(self, role: Role) -> "StsClient":
        """Return a client, which the caller must close."""
        return StsClient(self, role, await self.acquire(role))

    async def acquire(self, role: Role) -> _Endpoint:
        async with self._making:
            endpoint = await asyncio.to_thread(self._endpoint, role)
            if endpoint not in self._made:
                self._made[endpoint] = await asyncio.to_thread(self._make, endpoint)
            self._users[endpoint] += 1
        return endpoint

    async def release(self, endpoint: _Endpoint) -> None:
        self._users[endpoint] -= 1
        if not self._users[endpoint]:
            del self._users[endpoint]
            await self._made.pop(endpoint).retire()

    def at(self, endpoint: _Endpoint) -> SharedClient[Any]:
        return self._made[endpoint]

    def _endpoint(self, role: Role) -> _Endpoint:
        unsigned = role.web_identity_token_file is not None
        return _Endpoint(role.region, role.sts_endpoint_url, unsigned, self._authorities())

    def _make(self, endpoint: _Endpoint) -> SharedClient[Any]:
        """The first takes 50 ms, since the SDK reads its data. No connection is opened yet."""
        context = self._session.client(
            "sts",
            region_name=endpoint.region,
            endpoint_url=endpoint.url,
            config=_config(unsigned=endpoint.unsigned),
        )
        client = asyncio.run(context.__aenter__())
        client.meta.events.register("before-send.sts", _add_trace_headers)
        return SharedClient(client, lambda: context.__aexit__(None, None, None))

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            for client in self._made.values():
                stack.push_async_callback(client.close)
        self._made.clear()


class StsClient:
    """One role's share in a client that others may use too."""

    def __init__(self, clients: StsClients, role: Role, endpoint: _Endpoint) -> None:
        self._clients = clients
        self._role = role
        self._endpoint = endpoint
        self._is_closed = False

    async def assume_role(self, **request: Any) -> Any:
        async with self._clients.at(self._endpoint).for_a_call() as client:
            return await client.assume_role(**request)

    async def assume_role_with_web_identity(self, **request: Any) -> Any:
        async with self._clients.at(self._endpoint).for_a_call() as client:
            return await client.assume_role_with_web_identity(**request)

    async def renew(self) -> None:
        old, self._endpoint = self._endpoint, await self._clients.acquire(self._role)
        await self._clients.release(old)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._clients.release(self._endpoint)


def _add_trace_headers(request: AWSPreparedRequest, **_: Any) -> None:
    """The signature does not cover them: the request is signed already."""
    for name, value in trace_headers().items():
        request.headers[name] = value


def _config(*, unsigned: bool) -> SdkConfig:
    return SdkConfig(
        connect_timeout=2,
        read_timeout=4,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
        parameter_validation=False,  # it knows AWS's shortest session, not another store's
        ignore_configured_endpoint_urls=True,
        **({"signature_version": UNSIGNED} if unsigned else {}),
    )
