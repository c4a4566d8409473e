"""In virtual time: see `tests/fakes.py`. Signatures are `tests/signing`'s affair."""

import asyncio
import calendar
import json
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Caller, Operation
from service.asks import Ask, FormAsk
from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.lifetime import Lifetime
from service.presigner import PresignedForm, PresignedRequest, Presigner
from service.sessions.pool import ATTEMPT_SECONDS, PooledBucket, SessionPool
from service.sessions.refresh import EXPIRY_MARGIN
from service.sessions.sts import StaticKeys
from service.signing.forms import PostObject
from service.signing.requests import (
    Action,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.snapshot import Snapshot
from tests.fakes import (
    ADDRESS,
    CALLER,
    SECRET,
    TOKEN,
    WALL,
    FakeClock,
    FakeSource,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
    loop_clock,
    server_time,
)

UPLOAD = PutObject(content_length=5, content_type="text/plain")
ENCRYPTION = Encryption(algorithm="aws:kms", kms_key_id="key-1")


@dataclass
class House:
    """A presigner whose buckets each have a fake source."""

    clock: FakeClock
    presigner: Presigner
    sources: Mapping[str, FakeSource]

    @property
    def source(self) -> FakeSource:
        return self.sources["reports"]

    @property
    def fetches(self) -> int:
        return sum(len(source.asked) for source in self.sources.values())


def a_house(
    snapshot: Snapshot, *, delay: float = 0.1, promise: float = 900, session_seconds: float = 3600.0
) -> House:
    clock = loop_clock()
    sources = {
        name: FakeSource(clock, length=session_seconds, delay=delay) for name in snapshot.buckets
    }
    pooled = {
        name: PooledBucket(source=source, address=ADDRESS, promise=promise)
        for name, source in sources.items()
    }
    pool = SessionPool(pooled, clock=clock, chance=lambda: 0)
    numbers = count(1)
    presigner = Presigner(snapshot, pool, clock=clock, unique_id=lambda: f"id{next(numbers)}")
    return House(clock, presigner, sources)


def an_ask(
    action: Action | None = None, *, bucket: str = "reports", key: str = "a/b", **lifetime: int
) -> Ask:
    return Ask(bucket=bucket, key=key, action=action or GetObject(), lifetime=Lifetime(**lifetime))


def a_form_ask(*, form: PostObject | None = None, **more: Any) -> FormAsk:
    form = form or PostObject(key="", max_content_length=5)
    return replace(FormAsk(bucket="reports", form=form, lifetime=Lifetime()), **more)


def times(url: str) -> tuple[int, int]:
    """When a URL begins, in epoch seconds, and how long it holds."""
    query = parse_qs(urlsplit(url).query)
    return epoch(query["X-Amz-Date"][0]), int(query["X-Amz-Expires"][0])


def epoch(amz_date: str) -> int:
    return calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))


def policy(form: PresignedForm) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(b64decode(form.fields["policy"])))


def signer_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].partition("/")[0]


async def refusal(house: House, ask: Ask, caller: Caller = CALLER) -> PresignError:
    with pytest.raises(PresignError) as refused:
        await house.presigner.presign(caller, ask)
    return refused.value


# The one promise: no URL outlives its session


@given(
    session_seconds=st.sampled_from([60, 900, 3600, 43_200]),
    skew=st.floats(-100_000, 100_000),
    asks=st.lists(
        st.tuples(st.floats(0, 5000), st.none() | st.integers(1, 604_800)), min_size=1, max_size=8
    ),
    granted=st.none() | st.integers(1, 604_800),
    promise=st.integers(1, 604_800),
)
@in_virtual_time
async def test_no_url_outlives_its_session_and_each_says_when_it_ends(
    *,
    session_seconds: float,
    skew: float,
    asks: list[tuple[float, int | None]],
    granted: int | None,
    promise: int,
) -> None:
    snapshot = a_snapshot(a_grant(max_expires_in=granted))
    house = a_house(snapshot, promise=promise, session_seconds=session_seconds)
    house.clock.skew = skew
    for pause, expires_in in asks:
        await asyncio.sleep(pause)
        house.clock.skew += pause  # somebody sets the clock
        ask = an_ask() if expires_in is None else an_ask(expires_in=expires_in)
        signed = await house.presigner.presign(CALLER, ask)
        begins, lasts = times(signed.url)
        by_key = {each.credentials.access_key_id: each for each in house.source.given}
        session = by_key[signer_of(signed.url)]
        assert begins + lasts == signed.expires_at <= session.expires_at - EXPIRY_MARGIN
        assert abs(begins - server_time(house.clock)) <= 1.2  # whole seconds, and the answer's way
        assert (
            1 <= lasts <= min(expires_in or 900, granted or 900 if expires_in is None else 604_800)
        )
        assert (signed.limited_by is not None) is (lasts < (expires_in or min(900, granted or 900)))


@in_virtual_time
async def test_no_form_outlives_its_session() -> None:
    house = a_house(a_snapshot(a_grant()), promise=1)
    ask = a_form_ask(key_prefix="", lifetime=Lifetime(expires_in=604_800))
    await house.presigner.presign_form(CALLER, ask)
    await asyncio.sleep(3000)
    form = await house.presigner.presign_form(CALLER, ask)
    ends = calendar.timegm(time.strptime(policy(form)["expiration"], "%Y-%m-%dT%H:%M:%SZ"))
    assert ends == form.expires_at == int(house.source.given[0].expires_at) - EXPIRY_MARGIN
    assert form.limited_by == "session"


@in_virtual_time
async def test_a_suspend_shortens_what_is_given() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(CALLER, an_ask())
    house.clock.suspend(3500)
    signed = await house.presigner.presign(CALLER, an_ask())
    assert signed.expires_at <= house.source.given[0].expires_at - EXPIRY_MARGIN
    assert signed.limited_by == "session"


@in_virtual_time
async def test_a_least_lifetime_that_cannot_be_had_now_hastens_a_fresh_session() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(CALLER, an_ask())
    await asyncio.sleep(1000)
    error = await refusal(house, an_ask(min_expires_in=3000))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after == 1
    await asyncio.sleep(error.retry_after)
    signed = await house.presigner.presign(CALLER, an_ask(min_expires_in=3000))
    assert times(signed.url)[1] == 3000


@in_virtual_time
async def test_a_young_session_is_not_hastened_and_the_caller_is_told_to_wait() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(CALLER, an_ask())
    await asyncio.sleep(12)
    error = await refusal(house, an_ask(min_expires_in=3585))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after in {17, 18}
    assert house.fetches == 1


@pytest.mark.parametrize("granted", [None, 60])
@in_virtual_time
async def test_a_least_lifetime_that_can_never_be_had_is_refused_for_good(
    granted: int | None,
) -> None:
    house = a_house(a_snapshot(a_grant(max_expires_in=granted)))
    error = await refusal(house, an_ask(min_expires_in=3596))
    assert isinstance(error, LifetimeUnavailable)
    assert list(error.pointers) == ["#/min_expires_in"]
    await asyncio.sleep(100)
    assert house.fetches <= 1


@in_virtual_time
async def test_static_keys_sign_for_as_long_as_asked_by_the_local_clock() -> None:
    clock = loop_clock()
    source = StaticKeys(_Chain(), clock)
    pool = SessionPool(
        {"reports": PooledBucket(source=source, address=ADDRESS, promise=900)},
        clock=clock,
        chance=lambda: 0,
    )
    snapshot = a_snapshot(a_grant())
    presigner = Presigner(snapshot, pool, clock=clock, unique_id=lambda: "id")
    signed = await presigner.presign(CALLER, an_ask(expires_in=604_800))
    assert times(signed.url) == (int(WALL), 604_800)
    assert "X-Amz-Security-Token" not in signed.url


class _Chain:
    """As aioboto3's session and its credentials in one."""

    access_key, secret_key, token = "AKIAEXAMPLE", SECRET, None

    async def get_credentials(self) -> "_Chain":
        return self

    async def get_frozen_credentials(self) -> "_Chain":
        return self


# Who may not


DENIED = [
    pytest.param(an_ask(key="x/b"), Forbidden, id="another key"),
    pytest.param(an_ask(DeleteObject()), Forbidden, id="another operation"),
    pytest.param(an_ask(ListObjects(prefix=""), key=""), Forbidden, id="a list of the bucket"),
    pytest.param(an_ask(bucket="photos"), Forbidden, id="another's bucket"),
    pytest.param(an_ask(bucket="none"), Forbidden, id="no bucket"),
    pytest.param(an_ask(key="a/../b"), InvalidRequest, id="no key"),
    pytest.param(an_ask(GetObject(version_id="1")), LimitExceeded, id="a version"),
    pytest.param(an_ask(replace(UPLOAD, content_length=101)), LimitExceeded, id="too large"),
    pytest.param(an_ask(replace(UPLOAD, overwrite=True)), LimitExceeded, id="an overwrite"),
    pytest.param(an_ask(replace(UPLOAD, if_match='"e"')), LimitExceeded, id="a replacement"),
    pytest.param(replace(an_ask(UPLOAD), typed=False), InvalidRequest, id="no type"),
]
NARROW = a_grant(
    prefix="a/",
    allow=frozenset({Operation.DOWNLOAD, Operation.UPLOAD, Operation.LIST}),
    max_content_length=100,
    content_types=("text/plain",),
)
BOTH = {"reports": a_bucket(), "photos": a_bucket(s3_bucket="acme-photos")}


@pytest.mark.parametrize(("ask", "error"), DENIED)
@in_virtual_time
async def test_whoever_may_not_have_an_answer_starts_no_session(
    ask: Ask, error: type[PresignError]
) -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    assert type(await refusal(house, ask)) is error
    [answer] = await house.presigner.presign_batch(CALLER, [ask])
    assert type(answer) is error
    await asyncio.sleep(60)
    assert house.fetches == 0


@in_virtual_time
async def test_a_caller_without_grants_or_of_another_issuer_gets_nothing() -> None:
    house = a_house(a_snapshot(a_grant()))
    for caller in (
        Caller(issuer="cluster-a", subject=CALLER.subject),
        Caller(issuer=None, subject="Billing"),
    ):
        assert isinstance(await refusal(house, an_ask(), caller), Forbidden)
        with pytest.raises(Forbidden):
            await house.presigner.presign_form(caller, a_form_ask(key_prefix=""))
    assert house.fetches == 0


@in_virtual_time
async def test_an_unknown_bucket_and_a_forbidden_one_are_told_alike() -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    unknown = await refusal(house, an_ask(bucket="none"))
    forbidden = await refusal(house, an_ask(bucket="photos"))
    assert type(unknown) is type(forbidden)
    assert vars(unknown) == vars(forbidden)
    assert str(unknown) == str(forbidden)


@in_virtual_time
async def test_the_grant_that_stands_after_the_wait_decides() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = asyncio.ensure_future(house.presigner.presign(CALLER, an_ask()))
    await asyncio.sleep(0.5)
    house.presigner.snapshot = a_snapshot()
    with pytest.raises(Forbidden):
        await asked


@in_virtual_time
async def test_the_limits_that_stand_after_the_wait_decide() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = asyncio.ensure_future(house.presigner.presign(CALLER, an_ask()))
    form = asyncio.ensure_future(house.presigner.presign_form(CALLER, a_form_ask(key_prefix="")))
    batch = asyncio.ensure_future(house.presigner.presign_batch(CALLER, [an_ask()]))
    await asyncio.sleep(0.5)
    house.presigner.snapshot = a_snapshot(a_grant(max_expires_in=7))
    assert times((await asked).url)[1] == 7
    assert (await form).expires_at - epoch((await form).fields["x-amz-date"]) == 7
    [item] = await batch
    assert isinstance(item, PresignedRequest)
    assert times(item.url)[1] == 7


@in_virtual_time
async def test_each_caller_has_a_session_of_its_own() -> None:
    other = Caller(issuer="cluster-a", subject=CALLER.subject)
    snapshot = a_snapshot(a_grant())
    house = a_house(replace(snapshot, grants={CALLER: (a_grant(),), other: (a_grant(),)}))
    urls = [(await house.presigner.presign(caller, an_ask())).url for caller in (CALLER, other)]
    assert house.source.asked == [(None, "billing"), ("cluster-a", "billing")]
    assert signer_of(urls[0]) != signer_of(urls[1])


# No session


@in_virtual_time
async def test_a_cold_caller_is_told_when_no_session_can_be_had() -> None:
    house = a_house(a_snapshot(a_grant()))
    house.source.fault = OSError("no route")
    error = await refusal(house, an_ask())
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after == 1
    with pytest.raises(CredentialsUnavailable):
        await house.presigner.presign_form(CALLER, a_form_ask(key_prefix=""))


@in_virtual_time
async def test_the_service_can_sign_once_one_bucket_has_its_own_session() -> None:
    house = a_house(a_snapshot(a_grant(), buckets=BOTH))
    house.source.fault = OSError("no route")
    house.presigner._pool.start()
    assert not house.presigner.can_sign()
    await asyncio.sleep(1)
    assert house.presigner.can_sign()


# What is signed


@pytest.mark.parametrize(
    ("action", "method"),
    [
        (GetObject(), "GET"),
        (HeadObject(), "HEAD"),
        (DeleteObject(), "DELETE"),
        (ListObjects(prefix="a/b"), "GET"),
    ],
)
@in_virtual_time
async def test_what_sends_no_object_needs_no_header(action: Action, method: str) -> None:
    house = a_house(a_snapshot(a_grant()))
    signed = await house.presigner.presign(CALLER, an_ask(action))
    assert (signed.method, signed.headers, signed.content_length) == (method, {}, None)
    path = "/" if isinstance(action, ListObjects) else "/a/b"
    assert urlsplit(signed.url)[:3] == ("https", ADDRESS.host, path)
    assert parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"] == ["host"]


async def signed_upload(upload: PutObject, **bucket: Any) -> PresignedRequest:
    snapshot = a_snapshot(a_grant(allow_overwrite=True), buckets={"reports": a_bucket(**bucket)})
    signed = await a_house(snapshot).presigner.presign(CALLER, an_ask(upload))
    signed_names = parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"][0].split(";")
    assert sorted({*signed.headers, "host", "content-length"}) == signed_names
    return signed


@in_virtual_time
async def test_an_upload_is_create_only_of_one_type_and_one_size() -> None:
    signed = await signed_upload(UPLOAD)
    assert signed.method == "PUT"
    assert signed.headers == {"content-type": "text/plain", "if-none-match": "*"}
    assert signed.content_length == 5


@in_virtual_time
async def test_an_upload_of_no_bytes_tells_its_size() -> None:
    assert (await signed_upload(replace(UPLOAD, content_length=0))).content_length == 0


@in_virtual_time
async def test_an_upload_that_may_overwrite_has_no_condition() -> None:
    signed = await signed_upload(replace(UPLOAD, overwrite=True))
    assert signed.headers == {"content-type": "text/plain"}


@in_virtual_time
async def test_an_upload_that_replaces_one_version_has_that_condition() -> None:
    signed = await signed_upload(replace(UPLOAD, if_match='"e"'))
    assert signed.headers == {"content-type": "text/plain", "if-match": '"e"'}


@pytest.mark.parametrize("upload", [UPLOAD, replace(UPLOAD, overwrite=True)])
@in_virtual_time
async def test_a_buckets_encryption_is_signed_into_every_upload(upload: PutObject) -> None:
    signed = await signed_upload(upload, encryption=ENCRYPTION)
    assert ENCRYPTION.headers().items() <= signed.headers.items()


@in_virtual_time
async def test_a_buckets_encryption_is_in_every_form() -> None:
    snapshot = a_snapshot(a_grant(), buckets={"reports": a_bucket(encryption=ENCRYPTION)})
    form = await a_house(snapshot).presigner.presign_form(CALLER, a_form_ask(key_prefix=""))
    for name, value in ENCRYPTION.headers().items():
        assert form.fields[name] == value
        assert {name: value} in policy(form)["conditions"]


@pytest.mark.parametrize(
    ("upload", "pointer"),
    [
        (UPLOAD, "#/overwrite"),
        (replace(UPLOAD, if_match='"e"'), "#/if_match"),
        (replace(UPLOAD, if_match='"e"', overwrite=True), "#/if_match"),
    ],
)
@in_virtual_time
async def test_a_store_without_conditions_never_overwrites_silently(
    upload: PutObject, pointer: str
) -> None:
    bucket = a_bucket(conditional_writes=False)
    house = a_house(a_snapshot(a_grant(allow_overwrite=True), buckets={"reports": bucket}))
    error = await refusal(house, an_ask(upload))
    assert isinstance(error, CreateOnlyUnsupported)
    assert list(error.pointers) == [pointer]
    assert house.fetches == 0


@in_virtual_time
async def test_a_store_without_conditions_takes_an_upload_that_may_overwrite() -> None:
    signed = await signed_upload(replace(UPLOAD, overwrite=True), conditional_writes=False)
    assert signed.headers == {"content-type": "text/plain"}


# Forms


@pytest.mark.parametrize(
    ("ask", "key", "condition"),
    [
        pytest.param(
            a_form_ask(key_prefix="a/"),
            "a/id1/${filename}",
            ["starts-with", "$key", "a/id1/"],
            id="the browser names the file",
        ),
        pytest.param(
            a_form_ask(key_prefix="a/", filename="b.pdf"),
            "a/id1/b.pdf",
            {"key": "a/id1/b.pdf"},
            id="the caller names the file",
        ),
        pytest.param(
            a_form_ask(key="a/b", overwrite=True), "a/b", {"key": "a/b"}, id="one that is replaced"
        ),
    ],
)
@in_virtual_time
async def test_a_form_is_for_the_key_that_it_says(
    ask: FormAsk, key: str, condition: object
) -> None:
    house = a_house(a_snapshot(a_grant(allow_overwrite=True)))
    form = await house.presigner.presign_form(CALLER, ask)
    assert form.key == form.fields["key"] == key
    assert condition in policy(form)["conditions"]
    assert {"bucket": "acme-reports"} in policy(form)["conditions"]
    assert ["content-length-range", 0, 5] in policy(form)["conditions"]
    assert form.url == f"{ADDRESS.origin}/"


@in_virtual_time
async def test_each_form_has_an_id_of_its_own_though_it_waits_for_its_session() -> None:
    house = a_house(a_snapshot(a_grant()))
    ask = a_form_ask(key_prefix="a/")
    forms = await asyncio.gather(*(house.presigner.presign_form(CALLER, ask) for _ in range(3)))
    assert [form.key for form in forms] == [f"a/id{n}/${{filename}}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        pytest.param(a_form_ask(key="a/b"), CreateOnlyUnsupported, id="a fixed key"),
        pytest.param(a_form_ask(key="a/b", overwrite=True), LimitExceeded, id="an overwrite"),
        pytest.param(a_form_ask(key_prefix="x/"), Forbidden, id="another prefix"),
        pytest.param(a_form_ask(key_prefix="ab"), Forbidden, id="a sibling"),
        pytest.param(a_form_ask(bucket="none", key_prefix="a/"), Forbidden, id="no bucket"),
        pytest.param(
            a_form_ask(key_prefix="a/", form=PostObject(key="", max_content_length=101)),
            LimitExceeded,
            id="too large",
        ),
        pytest.param(a_form_ask(key_prefix="a/"), InvalidRequest, id="no type"),
    ],
)
@in_virtual_time
async def test_a_form_is_refused_and_starts_no_session(
    ask: FormAsk, error: type[PresignError]
) -> None:
    grant = replace(NARROW, allow=frozenset({Operation.FORM}))
    house = a_house(a_snapshot(grant))
    with pytest.raises(PresignError) as refused:
        await house.presigner.presign_form(CALLER, ask)
    assert type(refused.value) is error
    await asyncio.sleep(60)
    assert house.fetches == 0


@in_virtual_time
async def test_one_key_that_is_granted_is_no_place_for_forms_with_new_keys() -> None:
    house = a_house(a_snapshot(a_grant(prefix="a")))
    with pytest.raises(Forbidden):
        await house.presigner.presign_form(CALLER, a_form_ask(key_prefix="a"))


# Batches


@in_virtual_time
async def test_a_batch_answers_each_item_in_its_place() -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    malformed = InvalidRequest("Malformed.", pointer="#/key")
    asks: list[Ask | PresignError] = [
        an_ask(key="a/1"),
        an_ask(key="x/2"),
        malformed,
        an_ask(key="a/3"),
        an_ask(key="a/../4"),
        an_ask(replace(UPLOAD, content_length=101), key="a/5"),
        an_ask(bucket="none"),
        an_ask(min_expires_in=3596),
    ]
    answers = await house.presigner.presign_batch(CALLER, asks)
    assert [type(answer) for answer in answers] == [
        PresignedRequest,
        Forbidden,
        InvalidRequest,
        PresignedRequest,
        InvalidRequest,
        LimitExceeded,
        Forbidden,
        LifetimeUnavailable,
    ]
    assert answers[2] is malformed
    assert [list(pointers) for pointers in told(answers)] == [
        [],
        ["#/key"],
        ["#/key"],
        ["#/content_length"],
        [],
        ["#/min_expires_in"],
    ]
    paths = [urlsplit(each.url).path for each in answers if isinstance(each, PresignedRequest)]
    assert paths == ["/a/1", "/a/3"]


def told(answers: list[PresignedRequest | PresignError]) -> Iterator[Mapping[str, str]]:
    return (answer.pointers for answer in answers if isinstance(answer, PresignError))


@pytest.mark.parametrize("times_over", [1, 2])
@in_virtual_time
async def test_a_batch_fetches_one_session_a_bucket(times_over: int) -> None:
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH))
    asks = [an_ask(bucket=bucket, key=str(n)) for n in range(500) for bucket in BOTH]
    for _ in range(times_over):
        answers = await house.presigner.presign_batch(CALLER, asks)
    assert [len(source.asked) for source in house.sources.values()] == [1, 1]
    assert all(isinstance(answer, PresignedRequest) for answer in answers)


@in_virtual_time
async def test_an_empty_batch_is_answered_with_nothing() -> None:
    house = a_house(a_snapshot(a_grant()))
    assert await house.presigner.presign_batch(CALLER, []) == []
    assert house.fetches == 0


@in_virtual_time
async def test_a_bucket_without_a_session_fails_its_own_items_and_no_others() -> None:
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH))
    house.sources["photos"].fault = OSError("no route")
    asks = [an_ask(), an_ask(bucket="photos"), an_ask(key="x/../y"), an_ask()]
    answers = await house.presigner.presign_batch(CALLER, asks)
    assert [type(answer) for answer in answers] == [
        PresignedRequest,
        CredentialsUnavailable,
        InvalidRequest,
        PresignedRequest,
    ]


@in_virtual_time
async def test_a_batch_waits_for_all_its_buckets_at_once() -> None:
    buckets = {f"bucket-{n}": a_bucket() for n in range(5)}
    house = a_house(a_snapshot(*(a_grant(bucket=name) for name in buckets), buckets=buckets))
    for source in house.sources.values():
        source.hangs = True
    begun = house.clock.boot()
    answers = await house.presigner.presign_batch(CALLER, [an_ask(bucket=name) for name in buckets])
    assert {type(answer) for answer in answers} == {CredentialsUnavailable}
    assert house.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1


@in_virtual_time
async def test_a_batch_is_of_one_configuration_and_one_second() -> None:
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH), delay=0)
    await house.presigner.presign(CALLER, an_ask())
    house.sources["photos"].delay = 3
    asked = asyncio.ensure_future(
        house.presigner.presign_batch(CALLER, [an_ask(), an_ask(bucket="photos")])
    )
    await asyncio.sleep(1)
    house.presigner.snapshot = replace(
        a_snapshot(a_grant(max_expires_in=7), buckets=BOTH), default_expires_in=60
    )
    first, second = await asked
    assert isinstance(first, PresignedRequest)
    assert times(first.url) == (int(server_time(house.clock)), 7)
    assert isinstance(second, Forbidden)


# What is printed


@in_virtual_time
async def test_no_repr_of_an_answer_shows_what_is_signed() -> None:
    house = a_house(a_snapshot(a_grant()))
    signed = await house.presigner.presign(CALLER, an_ask())
    form = await house.presigner.presign_form(CALLER, a_form_ask(key_prefix=""))
    shown = f"{signed!r} {form!r} {[signed]} {house.presigner!r}"
    assert "expires_at" in shown
    for secret in ("X-Amz", "x-amz-signature", "policy", "ASIAFAKE", "/a/b", SECRET, TOKEN):
        assert secret not in shown
    assert signed.url not in shown
