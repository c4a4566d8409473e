"""No route, error or log level shows a secret."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import httpx
import pytest

from service.app.factory import PresignApp
from service.app.settings import Settings
from service.clock import SystemClock
from tests.api.every_call import AS_API_KEY, CALLERS, GET, calls, everything, examples
from tests.api.sentinels import (
    BARE_WORDS,
    BEARER,
    GIVEN,
    NAMED_WORDS,
    Shown,
    logging_as_served,
    reprs,
)
from tests.app.services.harness import Issuer, issuer
from tests.auth.mint import SUBJECT
from tests.support.app import (
    SECRET,
    TOKEN,
    app_of,
    make_app_settings,
    make_open_grant,
    make_store_response,
    run_app,
)

LEVELS: Final = ["DEBUG", "INFO", "WARNING", "ERROR"]


class FaultyClock(SystemClock):
    """Raises an error with `message`, if there is one."""

    message = ""

    def wall(self) -> float:
        return self._or_fail(super().wall())

    def boot(self) -> float:
        return self._or_fail(super().boot())

    def _or_fail(self, now: float) -> float:
        if self.message:
            raise RuntimeError(self.message)
        return now


@asynccontextmanager
async def service(
    settings: Settings, shown: Shown, failure: Exception | None = None, **more: Any
) -> AsyncIterator[tuple[httpx.AsyncClient, PresignApp]]:
    """The app, and a client without credentials."""
    store = httpx.MockTransport(talkative_store)
    more = {"audit": shown.audit_trail.extend, "store_transport": store, **more}
    async with run_app(settings, failure, **more) as client:
        del client.headers["Authorization"]
        yield client, app_of(client)


_CREATED: Final = (
    "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>"
)


def talkative_store(request: httpx.Request) -> httpx.Response:
    """A store that puts every secret into its errors; it only creates uploads."""
    if request.method == "POST" and "uploads" in request.url.params:
        return make_store_response(200, _CREATED)
    words = escape(f"{NAMED_WORDS} {BARE_WORDS} {request.url}")
    error = f"<Error><Code>{escape(SECRET)}</Code><Message>{words}</Message></Error>"
    return make_store_response(403, error, {"x-amz-request-id": "r", "etag": TOKEN})


def settings(issuer: Issuer, directory: Path) -> Settings:
    """A caller with API_KEY, and one with JWT, whose issuer requires a bearer token."""
    bearer_file = directory / "bearer"
    bearer_file.write_text(BEARER)
    known = make_app_settings(make_open_grant()).callers[0].model_dump(exclude_none=True)
    by_token = {"issuer": "cluster-a", "subject": SUBJECT, "grants": [make_open_grant()]}
    return make_app_settings(
        issuers={"cluster-a": issuer.configured(bearer_file=bearer_file)},
        callers=[known, by_token],
        buckets={"tagged": {"region": "r", "credentials": "static", "tag_urls": True}},
        server={"cors_origins": ["https://app.example"]},
        uppy={"bucket": "demo", "prefix": "{caller}/"},
    )


@pytest.fixture(name="shown", params=LEVELS)
def _shown(request: pytest.FixtureRequest) -> Iterator[Shown]:
    shown = Shown()
    with logging_as_served(request.param, shown.log):
        yield shown


def test_the_sentinels_would_be_found() -> None:
    """Otherwise the tests below could not fail."""
    for where in ("log", "trail", "reply", "repr"):
        for secret in GIVEN:
            shown, more = Shown(), [secret] if where == "repr" else []
            shown.log.write(f"a {secret}" if where == "log" else "")
            shown.audit_trail += [secret.encode()] if where == "trail" else []
            shown.replies += [secret] if where == "reply" else []
            with pytest.raises(AssertionError, match="shown: "):
                shown.assert_no_secret(*more)


@pytest.mark.parametrize("shown", ["DEBUG", "INFO"], indirect=True)  # all lines; the default
async def test_no_route_shows_a_secret(shown: Shown, tmp_path: Path) -> None:
    async with issuer() as served:
        configured = settings(served, tmp_path)
        async with service(configured, shown) as (client, app):
            await everything(client, app, shown)
            seen = [*reprs(app.parts.core.presigner, app.parts.tokens, app.parts, configured)]
            shown.assert_no_secret(*seen)
    assert len(shown.signatures) > 20
    assert {json.loads(line).get("issuer") for line in shown.audit_trail} == {None, "cluster-a"}
    assert any("storage_refused" in reply for reply in shown.replies)
    assert any("expires_at" in reply for reply in shown.replies)
    kinds = {text.partition(" object at")[0].partition("(")[0].lstrip("<") for text in seen}
    for kind in ("Credentials", "Session", "SigningContext", "Identity", "Settings"):
        assert kind in kinds, f"{kind} is no longer reached"
    assert "service.auth.token_verifier.TokenVerifier" in kinds


async def test_the_debug_mode_of_asyncio_shows_no_secret(tmp_path: Path) -> None:
    """Asyncio logs callbacks with their arguments, and tasks with their results."""
    shown, loop = Shown(), asyncio.get_running_loop()
    with logging_as_served("DEBUG", shown.log):
        loop.set_debug(True)
        loop.slow_callback_duration = 0
        async with (
            issuer() as served,
            service(settings(served, tmp_path), shown) as (client, _),
        ):
            for headers in CALLERS:
                shown.add(await client.post("/v1/download-urls", json=GET, headers=headers))
                await asyncio.sleep(0)
        loop.set_debug(False)
    assert "Executing" in shown.log.getvalue()
    shown.assert_no_secret()


@pytest.mark.parametrize("words", [NAMED_WORDS, BARE_WORDS], ids=["named", "bare"])
async def test_sessions_that_fail_show_no_secret(shown: Shown, tmp_path: Path, words: str) -> None:
    configured = settings(Issuer("one"), tmp_path)  # its issuer fails too
    async with service(configured, shown, RuntimeError(words)) as (client, app):
        for path, bodies in examples().items():
            for headers in CALLERS:
                shown.add(await client.post(path, content=bodies[0], headers=headers))
        shown.assert_no_secret(*reprs(app.parts.core.presigner, app.parts.tokens))
    assert any("credentials_unavailable" in reply for reply in shown.replies)
    assert any('"overloaded"' in reply for reply in shown.replies)


async def faulty(shown: Shown, directory: Path, words: str) -> None:
    """Call every route while the service's clock raises an unexpected error."""
    clock = FaultyClock()
    async with (
        issuer() as served,
        service(settings(served, directory), shown, clock=clock) as (client, app),
    ):
        assert (await client.post("/v1/download-urls", json=GET, headers=AS_API_KEY)).is_success
        clock.message = words
        for method, path in calls(app):
            for body in examples().get(path, [b""]):
                shown.add(await client.request(method, path, content=body, headers=AS_API_KEY))
        clock.message = ""
    assert sum("internal_error" in reply for reply in shown.replies) >= 10
    assert "RuntimeError" in shown.log.getvalue()
    shown.assert_no_secret()


async def test_an_internal_error_shows_no_secret(shown: Shown, tmp_path: Path) -> None:
    await faulty(shown, tmp_path, NAMED_WORDS)


async def test_an_internal_error_is_logged_without_its_message(tmp_path: Path) -> None:
    """It may quote a bare secret, which no pattern recognises."""
    shown = Shown()
    with logging_as_served("INFO", shown.log):
        await faulty(shown, tmp_path, BARE_WORDS)


async def test_a_failing_audit_trail_shows_no_secret(shown: Shown, tmp_path: Path) -> None:
    def fail(lines: Iterable[bytes]) -> None:
        raise OSError(NAMED_WORDS)

    configured = settings(Issuer("one"), tmp_path)
    async with service(configured, shown, audit=fail) as (client, _):
        for path, bodies in examples().items():
            shown.add(await client.post(path, content=bodies[0], headers=AS_API_KEY))
    assert {"expires_at" in reply for reply in shown.replies} == {False}
    shown.assert_no_secret()
