"""No server that the service asks can hold the event loop, whatever it answers.

The loop is measured, and not the request: the CPU time of its thread between two turns, on the loop
that the service runs on. So another process that needs the machine changes nothing.
"""

import asyncio
import gc
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import aioboto3
import pytest
import uvloop

from service.auth.jwks_client import JwksEndpoint, KeysUnavailable
from service.clock import SystemClock
from service.errors import PresignError
from service.http_client.sdk import sdk_session
from service.protocols.arrivals.sender import NotSent, Sender
from service.s3.client import S3Client
from service.sessions.source import Role, SessionRefused
from service.sessions.sts import AssumedRole, static_credentials
from service.sessions.sts_clients import StsClients
from service.signing.actions import ListObjects
from service.signing.signer import Address
from tests.s3.fake_store import Observer, make_store_access
from tests.support.flooding import FLOODS, FloodingServer, flooding
from tests.support.stub_server import make_tls_context

MOST_SECONDS: Final = 0.1  # others wait
AT_ONCE: Final = 16
LONGEST_SENT: Final = 16 * 1024**2  # with what the sockets hold
Ask = Callable[[], Awaitable[object]]


async def ask_hook(server: FloodingServer, ca: Path | None, stack: AsyncExitStack) -> Ask:
    sender = Sender()
    sender.trust(ca)
    stack.push_async_callback(sender.close)
    return lambda: sender.post(f"{server.origin}/hook", {}, b"{}")


async def ask_store(server: FloodingServer, ca: Path | None, stack: AsyncExitStack) -> Ask:
    tls = None if ca is None else ssl.create_default_context(cafile=ca)
    client = S3Client(clock=SystemClock(), jitter=lambda: 0, observer=Observer(), tls=tls)
    stack.push_async_callback(client.close)
    scheme, _, host = server.origin.partition("://")
    access = make_store_access(
        Address(scheme=scheme, host=host, path_prefix="/", region="eu-west-1")
    )
    return lambda: client.send(access, ListObjects(prefix="a"), bucket="reports")


async def ask_issuer(server: FloodingServer, ca: Path | None, stack: AsyncExitStack) -> Ask:
    endpoint = JwksEndpoint(f"{server.origin}/keys", ca_file=ca, bearer_file=None)
    return endpoint.fetch


async def ask_sts(server: FloodingServer, ca: Path | None, stack: AsyncExitStack) -> Ask:
    session = aioboto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="a")
    arn = "arn:aws:iam::111122223333:role/r"
    role = Role(arn=arn, region="eu-west-1", session_seconds=3600, sts_endpoint_url=server.origin)
    source = AssumedRole(await StsClients(session, stack).for_role(role), role, SystemClock())
    return lambda: source.fetch((None, "billing"), None)


async def longest_turn(stop: asyncio.Event) -> float:
    """Return the most CPU seconds that the loop took between two of its turns.

    The collector would take as long as all objects of all tests need.
    """
    longest = 0.0
    gc.disable()
    while not stop.is_set():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - began)
    gc.enable()
    return longest


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("asked", [ask_hook, ask_store, ask_issuer, ask_sts])
def test_a_flood_does_not_hold_the_loop(
    asked: Callable[[FloodingServer, Path | None, AsyncExitStack], Awaitable[Ask]],
    flood: str,
    is_secure: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls = make_tls_context(tmp_path) if is_secure else None
    ca = tmp_path / "ca.crt" if is_secure else None
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    if is_secure:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(ca))

    async def ask_all(server: FloodingServer) -> float:
        async with AsyncExitStack() as stack:
            ask = await asked(server, ca, stack)

            async def once() -> None:
                with suppress(NotSent, PresignError, KeysUnavailable, SessionRefused):
                    await ask()

            await once()  # opens the client, which is no matter of the server's
            stop = asyncio.Event()
            watch = asyncio.ensure_future(longest_turn(stop))
            await asyncio.gather(*(once() for _ in range(AT_ONCE)))
            stop.set()
            return await watch

    with flooding(flood, tls=tls) as server:
        longest = uvloop.run(ask_all(server))
    assert server.sent, "nobody asked"
    assert longest < MOST_SECONDS


async def test_what_the_sdk_itself_asks_for_credentials_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Pod of EKS gets the service's own: STS with a web identity, by a client of the SDK's."""
    (tmp_path / "token").write_text("eyJhbGciOiJub25lIn0")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with flooding("interim responses") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.origin)
        with pytest.raises(SessionRefused):
            await static_credentials(sdk_session())
    assert server.sent
    assert max(server.sent) < LONGEST_SENT
