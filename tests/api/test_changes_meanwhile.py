"""A request is authenticated again if the configuration has changed while it was answered."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.auth.api_keys import ApiKey, ApiKeys, digest_of
from tests.api.refusals import problem
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import body_of, make_record
from tests.protocols.arrivals.pushing import PATH, pushing
from tests.protocols.mlflow import harness as mlflow
from tests.protocols.remote_signing.harness import GRANT, SIGN, make_body
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app

GET = json.dumps({"bucket": "demo", "key": "a"}).encode()


def revoke_key(client: httpx.AsyncClient) -> None:
    authorizer = app_of(client).parts.core.authorizer
    authorizer.snapshot = replace(authorizer.snapshot, api_keys=ApiKeys([], time.time))


def withdraw_grants(client: httpx.AsyncClient) -> None:
    authorizer = app_of(client).parts.core.authorizer
    callers = tuple(replace(each, grants=()) for each in authorizer.snapshot.callers)
    authorizer.snapshot = replace(authorizer.snapshot, callers=callers)


def give_key_to_another(client: httpx.AsyncClient) -> None:
    authorizer = app_of(client).parts.core.authorizer
    keys = ApiKeys([ApiKey(digest_of(API_KEY), "other")], time.time)
    authorizer.snapshot = replace(authorizer.snapshot, api_keys=keys)


async def halves(body: bytes, change: Callable[[], None]) -> AsyncIterator[bytes]:
    """Yield the body in two pieces. The configuration changes in between."""
    yield body[:1]
    change()
    yield body[1:]


@pytest.mark.parametrize("change", [revoke_key, give_key_to_another])
async def test_a_key_that_changes_during_the_body_signs_nothing(
    change: Callable[[httpx.AsyncClient], None],
) -> None:
    lines: list[dict[str, Any]] = []
    settings = make_app_settings(make_open_grant())
    async with run_app(settings, audit=lambda new: lines.extend(map(json.loads, new))) as client:
        content = halves(GET, lambda: change(client))
        answer = await client.post("/v1/download-urls", content=content)
    problem(answer, 401, "unauthenticated")
    assert [line.get("reason") for line in lines] == ["unauthenticated"]


async def test_an_empty_artifact_is_not_stored_for_a_revoked_key() -> None:
    async with mlflow.start() as started:
        started.store.has("1/a")
        before = dict(started.store.objects)
        content = halves(b"", lambda: revoke_key(started.client))
        answer = await started.send("PUT", "/artifacts/team/1/a", content=content)
        assert answer.status_code == 401
        assert started.store.objects == before


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [(revoke_key, 401, "unauthenticated"), (withdraw_grants, 403, "forbidden")],
    ids=["key", "grants"],
)
async def test_a_push_notifies_nobody_once_its_right_is_gone(
    change: Callable[[httpx.AsyncClient], None], status: int, reason: str
) -> None:
    hooks, lines = FakeHooks(), list[bytes]()
    async with pushing(hooks, audit=lines.extend) as client:
        body = body_of(make_record()).encode()
        answer = await client.post(PATH, content=halves(body, lambda: change(client)))
        assert (answer.status_code, hooks.sent) == (status, [])
        assert [json.loads(line)["reason"] for line in lines] == [reason]


@pytest.mark.parametrize("change", [revoke_key, give_key_to_another])
async def test_an_answer_for_a_key_that_has_changed_is_not_sent(
    change: Callable[[httpx.AsyncClient], None],
) -> None:
    """It changes while the audit line is written, after all else."""
    clients = list[httpx.AsyncClient]()

    def audit(_: Iterable[bytes]) -> None:
        for client in clients:
            change(client)

    async with run_app(make_app_settings(GRANT), audit=audit) as client:
        assert (await client.post(SIGN, json=make_body("GET", "wh/a"))).status_code == 200
        clients.append(client)
        answer = await client.post(SIGN, json=make_body("GET", "wh/a"))
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"
    assert "X-Amz" not in answer.text
