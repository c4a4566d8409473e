"""What the service sends a store: signed each time, within one deadline, and a place among few."""

import asyncio
import traceback
from dataclasses import replace
from io import StringIO
from typing import Any, Final

import httpx
import pytest
from hypothesis import given

from service.errors import StorageUnavailable
from service.s3.client import ATTEMPTS, CALL_SECONDS, MAX_ANSWER_BYTES
from service.s3.errors import S3Error
from service.signing.actions import ListObjects
from service.signing.multipart_actions import CompleteMultipartUpload, ListMultipartUploads
from service.signing.signer import Address
from tests.api.sentinels import logging_as_served
from tests.presigning.house import epoch
from tests.s3.fake_store import (
    HEAD,
    Say,
    Trickle,
    a_house,
    a_leave,
    after,
    error,
    fails,
    failure,
    hangs,
    query_of,
    says,
    trickles,
)
from tests.signing.strategies import KEYS, examples
from tests.support.fakes import (
    SECRET,
    TOKEN,
    WALL,
    VirtualTimeLoop,
    in_virtual_time,
    loop_clock,
)

TRIED_AGAIN: Final = [
    *(pytest.param(says(status), id=str(status)) for status in (429, 500, 502, 503, 504)),
    pytest.param(error(503, "SlowDown"), id="SlowDown"),
    pytest.param(error(400, "RequestTimeout"), id="RequestTimeout"),
    pytest.param(error(200, "InternalError"), id="InternalError in a 200"),
    pytest.param(
        says(200, f" \n{' ' * 5000}<Error><Code>SlowDown</Code></Error>"), id="late in a 200"
    ),
    *(
        pytest.param(fails(kind), id=kind.__name__)
        for kind in (
            *(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError),
            *(httpx.RemoteProtocolError, httpx.WriteError),
        )
    ),
]
REFUSED: Final = [
    pytest.param(error(403, "AccessDenied"), 403, "AccessDenied", id="AccessDenied"),
    pytest.param(error(404, "NoSuchUpload"), 404, "NoSuchUpload", id="NoSuchUpload"),
    pytest.param(error(412, "PreconditionFailed"), 412, "PreconditionFailed", id="412"),
    pytest.param(says(412), 412, "412", id="412 bare"),
    pytest.param(says(403), 403, "403", id="403 bare"),
    pytest.param(says(404, "<html>no</html>"), 404, "404", id="404 of another's"),
    pytest.param(error(200, "AccessDenied"), 200, "AccessDenied", id="AccessDenied in a 200"),
    pytest.param(says(304), 304, "304", id="304"),
    pytest.param(error(400, "canary words"), 400, "400", id="a code that is none"),
]


@in_virtual_time
async def test_a_call_is_signed_for_a_minute_and_carries_what_was_signed() -> None:
    async with a_house(says(200, b"<a/>", {"x-amz-version-id": "v1"})) as house:
        action = CompleteMultipartUpload(upload_id="u/1", content_length=5)
        reply = await house.send(action=action, key="a b/+\u00e9//c", body=b"<b/>")
        assert (reply.body, reply.headers["x-amz-version-id"]) == (b"<a/>", "v1")
        [request], [body] = house.store.asked, house.store.bodies
        signed = house.store_access.signer.presign(
            action, "a b/+\u00e9//c", now=int(WALL), expires_in=60
        )
        assert (request.method, str(request.url), body) == ("POST", signed, b"<b/>")
        assert request.headers["content-type"] == "application/xml"
        assert request.headers["if-none-match"] == "*"
        assert request.headers["content-length"] == "4"
        assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("action", [ListObjects(prefix="a b/"), ListMultipartUploads()], ids=str)
@in_virtual_time
async def test_without_a_key_the_bucket_is_addressed(action: Any) -> None:
    async with a_house() as house:
        await house.send(action=action, key="")
        assert house.store.asked[0].url.raw_path.startswith(b"/?")


@examples(200)
@given(key=KEYS)
def test_the_request_line_is_the_one_that_was_signed_whatever_the_key(key: str) -> None:
    async def send() -> None:
        async with a_house() as house:
            await house.send(key=key)
            signed = house.store_access.signer.presign(HEAD, key, now=int(WALL), expires_in=60)
            target = house.store.asked[0].url.raw_path.decode()
            assert target == signed.removeprefix(house.store_access.signer.address.origin)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(send())


@in_virtual_time
async def test_the_service_goes_to_the_stores_own_address_and_not_to_the_public_one() -> None:
    inner = Address(
        scheme="http", host="store.internal:9000", path_prefix="/bkt/", region="eu-west-1"
    )
    async with a_house() as house:
        house.store_access = a_leave(inner=inner)
        await house.send(key="a")
        [request] = house.store.asked
        assert str(request.url).startswith("http://store.internal:9000/bkt/a?")
        assert request.headers["host"] == "store.internal:9000"


@pytest.mark.parametrize("word", TRIED_AGAIN)
@in_virtual_time
async def test_what_may_pass_is_tried_again(word: Say) -> None:
    async with a_house(word, word, says(200, b"<a/>")) as house:
        assert (await house.send()).body == b"<a/>"
        assert len(house.store.asked) == ATTEMPTS == 3
        assert house.observer.calls == [("reports", "HeadObject", "ok")]


@pytest.mark.parametrize("word", TRIED_AGAIN)
@in_virtual_time
async def test_three_times_is_enough(word: Say) -> None:
    async with a_house(word) as house:
        assert isinstance(await failure(house.send()), StorageUnavailable)
        assert len(house.store.asked) == 3
        assert house.observer.calls == [("reports", "HeadObject", "unavailable")]


@pytest.mark.parametrize(("word", "status", "code"), REFUSED)
@in_virtual_time
async def test_what_is_refused_is_not_asked_again(word: Say, status: int, code: str) -> None:
    async with a_house(word, says()) as house:
        refused = await failure(house.send())
        assert isinstance(refused, S3Error)
        assert (refused.status, refused.code, refused.attempts) == (status, code, 1)
        assert len(house.store.asked) == 1
        assert house.observer.calls == [("reports", "HeadObject", "refused")]


@in_virtual_time
async def test_a_refusal_tells_which_attempt_it_is_of() -> None:
    async with a_house(fails(), error(404, "NoSuchUpload")) as house:
        refused = await failure(house.send())
        assert isinstance(refused, S3Error)
        assert refused.attempts == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@in_virtual_time
async def test_no_redirect_is_followed(status: int) -> None:
    async with a_house(says(status, headers={"location": "https://elsewhere.test/"})) as house:
        assert isinstance(await failure(house.send()), S3Error)
        assert [request.url.host for request in house.store.asked] == [
            house.store_access.signer.address.host
        ]


@in_virtual_time
async def test_nothing_that_a_store_sets_is_carried_into_the_next_callers_call() -> None:
    async with a_house(says(200, headers={"set-cookie": "route=1; Path=/"})) as house:
        await house.send()
        await house.send()
        assert [request.headers.get("cookie") for request in house.store.asked] == [None, None]


@in_virtual_time
async def test_each_attempt_is_signed_anew() -> None:
    async with a_house(after(4, says(503)), after(3, fails()), says()) as house:
        await house.send()
        assert [epoch(date) - WALL for date in house.store.dates] == [0, 4, 7]
        signatures = {query_of(request)["X-Amz-Signature"] for request in house.store.asked}
        assert len(signatures) == 3
        assert {query_of(request)["X-Amz-Expires"] for request in house.store.asked} == {"60"}


@in_virtual_time
async def test_the_time_that_is_signed_is_the_servers_own() -> None:
    async with a_house() as house:
        house.clock.skew = 5000.0
        await house.send()
        assert epoch(house.store.dates[0]) == WALL


@in_virtual_time
async def test_attempts_are_apart_and_more_so_each_time() -> None:
    async with a_house(says(503), chance=0.999) as house:
        await failure(house.send())
        assert house.clock.boot() == pytest.approx(0.999 * (0.4 + 0.8), abs=0.01)


@pytest.mark.parametrize("seconds", [CALL_SECONDS, 300.0])
@pytest.mark.parametrize("word", [hangs, after(6, says(503)), after(100, fails())])
@in_virtual_time
async def test_the_deadline_is_for_all_attempts_together(word: Say, seconds: float) -> None:
    async with a_house(word) as house:
        to_domain_error = await failure(house.send(seconds=seconds))
        assert isinstance(to_domain_error, StorageUnavailable)
        assert house.clock.boot() <= seconds + 0.01
        assert house.observer.seconds == [pytest.approx(house.clock.boot(), abs=0.01)]
        assert house.observer.calls == [("reports", "HeadObject", "unavailable")]
        assert len(house.store.asked) <= 3


@in_virtual_time
async def test_an_answer_that_never_ends_is_cut_off_at_the_deadline() -> None:
    stream = Trickle(b" ")
    async with a_house(trickles(stream)) as house:
        assert isinstance(await failure(house.send()), StorageUnavailable)
        assert house.clock.boot() == pytest.approx(CALL_SECONDS, abs=0.1)
        assert stream.closed


# What nobody is told


@pytest.mark.parametrize(
    "word",
    [
        *(error(403, "AccessDenied", f"<Resource>{SECRET}</Resource>"), error(400, SECRET * 9)),
        *(fails(), hangs, says(200, b"x" * (MAX_ANSWER_BYTES + 1)), says(500, SECRET)),
        says(302, headers={"location": f"https://elsewhere.test/?{TOKEN}"}),
    ],
)
@in_virtual_time
async def test_a_failures_words_hold_nothing_of_the_address_nor_of_the_answer(word: Say) -> None:
    log = StringIO()
    with logging_as_served("DEBUG", log):
        async with a_house(word) as house:
            to_domain_error = await failure(house.send())
            signatures = [query_of(each)["X-Amz-Signature"] for each in house.store.asked]
            shown = [
                str(to_domain_error),
                repr(to_domain_error),
                repr(to_domain_error.args),
                repr(vars(to_domain_error)),
                repr(house.store_access),
            ]
            shown += [
                *traceback.format_exception(to_domain_error),
                log.getvalue(),
                str(house.observer.calls),
            ]
            secrets = [*signatures, SECRET, TOKEN, "canary", "X-Amz", "a/b", "elsewhere"]
            assert not [each for each in secrets if each in "\n".join(shown)]


@in_virtual_time
async def test_a_session_that_has_another_clock_signs_by_its_own() -> None:
    async with a_house() as house:
        session = replace(house.store_access.session, server_time_at_boot=WALL + 86_400)
        house.store_access = replace(house.store_access, session=session)
        await house.send()
        assert epoch(house.store.dates[0]) == WALL + 86_400 + int(loop_clock().boot())
