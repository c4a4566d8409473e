"""The clients that ask STS: one for each region and endpoint, made off the loop and closed when nobody needs it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aioboto3
from botocore import UNSIGNED
from botocore.config import Config

from service.concurrency.shared_client import SharedClient
from service.sessions.sts import Role


@dataclass(frozen=True, slots=True)
class _Place:
    """`authorities` is a digest of what `AWS_CA_BUNDLE` holds: the SDK reads it once a client."""

    region: str
    endpoint_url: str | None
    unsigned: bool
    authorities: str


class StsClients:
    def __init__(
        self,
        session: aioboto3.Session,
        stack: AsyncExitStack,
        authorities: Callable[[], str] = str,
    ) -> None:
        """What is not closed before is closed with `stack`. `authorities` is called in a thread."""
        self._session = session
        self._authorities = authorities
        self._making = asyncio.Lock()  # the SDK's session is not made for several threads
        self._made: dict[_Place, SharedClient[Any]] = {}
        self._users: dict[_Place, int] = {}
        stack.push_async_callback(self._close)

    async def for_role(self, role: Role) -> "StsClient":
        """To be closed by whoever asked for it."""
        return StsClient(self, role, await self.enter(role))

    async def enter(self, role: Role) -> _Place:
        async with self._making:
            place = await asyncio.to_thread(self._place, role)
            if place not in self._made:
                self._made[place] = await asyncio.to_thread(self._make, place)
            self._users[place] = self._users.get(place, 0) + 1
        return place

    def _place(self, role: Role) -> _Place:
        unsigned = role.web_identity_token_file is not None
        return _Place(role.region, role.sts_endpoint_url, unsigned, self._authorities())

    async def leave(self, place: _Place) -> None:
        self._users[place] -= 1
        if not self._users[place]:
            del self._users[place]
            await self._made.pop(place).retire()

    def at(self, place: _Place) -> SharedClient[Any]:
        return self._made[place]

    def _make(self, place: _Place) -> SharedClient[Any]:
        """The first takes 50 ms: the SDK reads its data. It opens no connection, so it belongs to no loop yet."""
        context = self._session.client(
            "sts",
            region_name=place.region,
            endpoint_url=place.endpoint_url,
            config=_config(unsigned=place.unsigned),
        )
        client = asyncio.run(context.__aenter__())
        return SharedClient(client, lambda: context.__aexit__(None, None, None))

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            for client in self._made.values():
                stack.push_async_callback(client.close)
        self._made.clear()


class StsClient:
    """The share of one role in a client, which others may use too."""

    def __init__(self, clients: StsClients, role: Role, place: _Place) -> None:
        self._clients = clients
        self._role = role
        self._place = place
        self._is_closed = False

    async def assume_role(self, **request: Any) -> Any:
        async with self._clients.at(self._place).for_a_call() as client:
            return await client.assume_role(**request)

    async def assume_role_with_web_identity(self, **request: Any) -> Any:
        async with self._clients.at(self._place).for_a_call() as client:
            return await client.assume_role_with_web_identity(**request)

    async def renew(self) -> None:
        old, self._place = self._place, await self._clients.enter(self._role)
        await self._clients.leave(old)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._clients.leave(self._place)


def _config(*, unsigned: bool) -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
        parameter_validation=False,  # it knows AWS's least session, not another store's
        ignore_configured_endpoint_urls=True,
        **({"signature_version": UNSIGNED} if unsigned else {}),
    )
