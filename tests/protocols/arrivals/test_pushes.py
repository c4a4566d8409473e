"""A store pushes what happened; its caller's grants decide what of it is passed on."""

import base64
import json
from dataclasses import replace

import pytest

from service.protocols.arrivals.arrivals import Arrivals
from service.protocols.arrivals.notifier import JOBS, WAITING
from service.protocols.arrivals.queue import BATCH
from service.sessions.session import Session
from service.sessions.source import Owner, session_name
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import TEST_EVENT, body_of, make_record
from tests.protocols.arrivals.pushing import HOOKS, NOTIFY, PATH, URL, push, pushing
from tests.support.app import (
    API_KEY,
    FixedSource,
    app_of,
    make_app_settings,
    make_fixed_sources,
)
from tests.support.virtual_time import FakeClock


async def test_a_pushed_record_is_told() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as client:
        answer = await push(client, body_of(make_record(key="in/a+b")))
    assert (answer.status_code, answer.content) == (204, b"")
    assert hooks.keys(URL) == ["in/a b"]
    assert len(hooks.sent) == 1


async def test_a_store_may_send_its_key_as_a_password() -> None:
    basic = base64.b64encode(f"ceph:{API_KEY}".encode()).decode()
    async with pushing(FakeHooks()) as client:
        client.headers["authorization"] = f"Basic {basic}"
        assert (await push(client, body_of(make_record()))).status_code == 204


async def test_no_page_pushes_with_a_saved_password() -> None:
    hooks, basic = FakeHooks(), base64.b64encode(f"ceph:{API_KEY}".encode()).decode()
    async with pushing(hooks) as client:
        client.headers["authorization"] = f"Basic {basic}"
        body = body_of(make_record())
        as_form = await client.post(PATH, content=body, headers={"content-type": "text/plain"})
        foreign = await client.post(
            PATH,
            content=body,
            headers={"content-type": "application/json", "origin": "https://evil.example"},
        )
    assert (as_form.status_code, foreign.status_code, hooks.sent) == (415, 403, [])


async def test_only_allowed_records_of_a_body_are_told() -> None:
    hooks = FakeHooks()
    body = body_of(
        make_record(),
        make_record(key="out/a"),
        make_record(bucket="closed"),
        make_record(bucket="x"),
    )
    async with pushing(hooks) as client:
        assert (await push(client, body)).status_code == 204
    assert [(url, sent["data"]["key"]) for url, _, sent in hooks.sent] == [(URL, "in/a.txt")]


@pytest.mark.parametrize("bucket", ["closed", "unknown"])
async def test_an_unknown_bucket_looks_like_a_forbidden_one(bucket: str) -> None:
    hooks, lines = FakeHooks(), list[bytes]()
    async with pushing(hooks, audit=lines.extend) as client:
        answer = await push(client, body_of(make_record(bucket=bucket)))
    problem = answer.json()
    assert (answer.status_code, problem["code"], hooks.sent) == (403, "forbidden", [])
    assert bucket not in problem["detail"]
    [line] = map(json.loads, lines)
    assert (line["decision"], line["route"]) == ("denied", PATH)


async def test_other_rights_are_no_right_to_push() -> None:
    grant = {"bucket": "demo", "prefix": "", "allow": ["upload", "download", "list"]}
    async with pushing(FakeHooks(), grant) as client:
        assert (await push(client, body_of(make_record()))).status_code == 403


async def test_a_record_of_another_region_is_another_bucket() -> None:
    async with pushing(FakeHooks()) as client:
        assert (await push(client, body_of(make_record(awsRegion="x")))).status_code == 403
        ceph = make_record(awsRegion="", eventSource="ceph:s3")
        assert (await push(client, body_of(ceph))).status_code == 204


async def test_a_test_event_is_accepted() -> None:
    async with pushing(FakeHooks()) as client:
        assert (await push(client, json.dumps(TEST_EVENT))).status_code == 204


@pytest.mark.parametrize("body", ["", "{}", "hello", body_of({}), body_of(make_record(key="%ff"))])
async def test_a_body_without_a_record_is_refused(body: str) -> None:
    async with pushing(FakeHooks()) as client:
        answer = await push(client, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("size", [1024**2 + 1, 10_000_000])
async def test_a_body_over_a_mebibyte_is_refused(size: int) -> None:
    async with pushing(FakeHooks()) as client:
        answer = await push(client, b" " * size)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_body_of_too_many_fields_is_refused() -> None:
    async with pushing(FakeHooks()) as client:
        answer = await push(client, '{"Records": [' + "0," * 20_001 + "0]}")
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        thousand = body_of(*(make_record(key=f"in/{i}") for i in range(1000)))
        assert (await push(client, thousand)).status_code == 204


async def test_fields_are_counted_in_what_sns_wraps() -> None:
    inside = '{"Records": [' + "0," * 20_001 + "0]}"
    wrapped = json.dumps({"Type": "Notification", "Message": inside}).replace("0,", r"0\u002c")
    assert wrapped.count(",") == 1
    async with pushing(FakeHooks()) as client:
        answer = await push(client, wrapped)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_push_that_a_hook_refuses_must_be_sent_again() -> None:
    lines = list[bytes]()
    async with pushing(FakeHooks(lambda _: 500), audit=lines.extend) as client:
        answer = await push(client, body_of(make_record()))
    assert (answer.status_code, answer.json()["code"]) == (503, "hook_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    delivery, refused = map(json.loads, lines)
    assert (delivery["hook"], delivery["status"], delivery["subject"]) == ("billing", 500, "tester")
    assert (refused["decision"], refused["reason"]) == ("denied", "hook_unavailable")


async def test_what_no_hook_wants_is_accepted() -> None:
    hooks = FakeHooks(lambda _: 500)
    async with pushing(hooks, NOTIFY | {"prefix": ""}) as client:
        assert (await push(client, body_of(make_record(key="out/a")))).status_code == 204
    assert hooks.sent == []


async def test_removed_objects_are_told_to_who_wants_them() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as client:
        await push(client, body_of(make_record(eventName="ObjectRemoved:Delete")))
    [(url, _, body)] = hooks.sent
    assert (url, body["type"]) == (f"{URL}/removed", "object.removed")


async def test_pushes_count_against_the_rate() -> None:
    async with pushing(FakeHooks(), rate_limit="1/minute") as client:
        statuses = [(await push(client, body_of(make_record()))).status_code for _ in range(2)]
    assert statuses == [204, 429]


async def test_each_event_of_a_push_counts_against_the_rate() -> None:
    hooks, three = FakeHooks(), body_of(*(make_record(key=f"in/{i}") for i in range(3)))
    async with pushing(hooks, rate_limit="5/minute") as client:
        statuses = [(await push(client, three)).status_code for _ in range(2)]
    assert (statuses, len(hooks.sent)) == ([204, 429], 3)


async def test_a_push_of_more_events_than_the_rate_says_so() -> None:
    hooks, lines = FakeHooks(), list[bytes]()
    async with pushing(hooks, rate_limit="5/minute", audit=lines.extend) as client:
        answer = await push(client, body_of(*(make_record(key=f"in/{i}") for i in range(9))))
    assert (answer.status_code, "ask for fewer" in answer.json()["detail"]) == (429, True)
    [line] = map(json.loads, lines)
    assert (line["reason"], hooks.sent) == ("rate_limited", [])


async def test_without_the_section_there_are_no_arrivals() -> None:
    async with pushing(FakeHooks(), arrivals=None) as client:
        answer = await push(client, body_of(make_record()))
        arrivals = app_of(client).parts.use_case(Arrivals)
        assert (arrivals._poller, arrivals._sender._client) == (None, None)
    assert (answer.status_code, "does not offer arrivals" in answer.json()["detail"]) == (404, True)


async def test_a_reload_changes_who_is_told() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as client:
        other = {"billing": HOOKS["billing"] | {"url": f"{URL}/other"}}
        await app_of(client).services.reconfigure(
            make_app_settings(NOTIFY, arrivals={"hooks": other})
        )
        await push(client, body_of(make_record()))
    assert [url for url, *_ in hooks.sent] == [f"{URL}/other"]


async def test_a_message_of_a_queue_needs_no_grant() -> None:
    hooks = FakeHooks()
    async with pushing(hooks, {"bucket": "demo", "prefix": "", "allow": ["list"]}) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        assert await arrivals.take(body_of(make_record()))
        assert await arrivals.take(body_of(make_record(bucket="unknown")))
        hooks.answer = lambda _: 500
        assert not await arrivals.take(body_of(make_record()))
    assert hooks.keys(URL) == ["in/a.txt"] * 2


async def test_garbage_in_a_queue_is_done_and_logged_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with pushing(FakeHooks()) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        assert await arrivals.take("sentinel")
        assert await arrivals.take(body_of({"sentinel": 1}, make_record()))
    assert "a message of 8 characters has no events" in caplog.text
    assert "1 records of a message or push cannot be read" in caplog.text
    assert "sentinel" not in caplog.text


async def test_unreadable_records_of_a_push_are_logged_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with pushing(FakeHooks()) as client:
        body = body_of({"sentinel": 1}, {}, make_record())
        assert (await push(client, body)).status_code == 204
    assert "2 records of a message or push cannot be read" in caplog.text
    assert "sentinel" not in caplog.text


async def test_a_reload_while_callers_are_indexed_leaves_no_old_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pushing(FakeHooks()) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)

        async def reload(*_: object) -> dict[str, str]:
            other = make_app_settings(NOTIFY, arrivals={"hooks": HOOKS})
            await app_of(client).services.reconfigure(other)
            return {"session": "removed"}

        monkeypatch.setattr("service.protocols.arrivals.arrivals.run_in_thread_if", reload)
        assert await arrivals._known_writers() == {"session": "removed"}
        monkeypatch.undo()
        assert "session" not in await arrivals._known_writers()


class OfRole(FixedSource):
    """The bucket's own role."""

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        session = await super().fetch(owner, policy, vended=vended)
        return replace(session, role_id="AROAOWN")


@pytest.mark.parametrize(("role", "who"), [("AROAOWN", "tester"), ("AROAOTHER", None)])
async def test_only_the_buckets_own_role_names_the_caller(role: str, who: str | None) -> None:
    hooks = FakeHooks()
    principal = f"AWS:{role}:{session_name((None, 'tester'))}"
    sources = make_fixed_sources(source=OfRole)
    async with pushing(hooks, open_sources=sources) as client:
        body = body_of(make_record(userIdentity={"principalId": principal}))
        await app_of(client).parts.use_case(Arrivals).take(body)
        await push(client, body)
    callers = [sent["data"].get("caller") for _, _, sent in hooks.sent]
    assert callers == [who, None]  # what is pushed may be made up


async def test_a_message_waits_a_minute_for_the_role_of_its_bucket() -> None:
    hooks, clock = FakeHooks(), FakeClock()
    others = [
        body_of(make_record(userIdentity={"principalId": principal}))
        for principal in ("AWS:AIDAEXAMPLE", "AWS:AROAEXAMPLE:presign", "someone")
    ]
    async with pushing(hooks, failure=ConnectionError(), clock=clock) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        assert not await arrivals.take(body_of(make_record()))
        assert hooks.sent == []
        assert all([await arrivals.take(each) for each in others])  # of no caller
        assert await arrivals.take(body_of(make_record(key="out/a")))  # no hook wants it
        clock.move(60)
        assert await arrivals.take(body_of(make_record()))
    assert len(hooks.sent) == 1 + len(others)


async def test_hooks_that_hold_all_they_may_leave_places_for_a_poll() -> None:
    async with pushing(FakeHooks()) as client:
        slots = app_of(client).parts.use_case(Arrivals)._slots()
    assert slots - len(HOOKS) * (JOBS + WAITING) == BATCH


async def test_a_body_is_not_read_without_the_right() -> None:
    async with pushing(FakeHooks(), {"bucket": "demo", "prefix": "", "allow": ["list"]}) as client:
        assert (await push(client, b"[" * 2**20)).status_code == 403
