"""What is signed into a form, and which forms are refused."""

import asyncio
from dataclasses import replace

import pytest

from service.access.grants import Operation
from service.errors import (
    CreateOnlyUnsupported,
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    PresignError,
)
from service.presigning.requests import PostFormRequest
from service.signing.post_policy import PostObject
from tests.presigning.house import (
    ENCRYPTION,
    NARROW,
    a_form_ask,
    a_house,
    policy,
)
from tests.support.fakes import (
    ADDRESS,
    REQUESTER,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
)


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
    ask: PostFormRequest, key: str, condition: object
) -> None:
    house = a_house(a_snapshot(a_grant(allow_overwrite=True)))
    form = await house.presigner.presign_form(REQUESTER, ask)
    assert form.key == form.fields["key"] == key
    assert condition in policy(form)["conditions"]
    assert {"bucket": "acme-reports"} in policy(form)["conditions"]
    assert ["content-length-range", 0, 5] in policy(form)["conditions"]
    assert form.url == f"{ADDRESS.origin}/"


@in_virtual_time
async def test_each_form_has_an_id_of_its_own_though_it_waits_for_its_session() -> None:
    house = a_house(a_snapshot(a_grant()))
    ask = a_form_ask(key_prefix="a/")
    forms = await asyncio.gather(*(house.presigner.presign_form(REQUESTER, ask) for _ in range(3)))
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
    ask: PostFormRequest, error: type[PresignError]
) -> None:
    grant = replace(NARROW, allow=frozenset({Operation.FORM}))
    house = a_house(a_snapshot(grant))
    with pytest.raises(PresignError) as refused:
        await house.presigner.presign_form(REQUESTER, ask)
    assert type(refused.value) is error
    await asyncio.sleep(60)
    assert house.fetches == 0


@in_virtual_time
async def test_one_key_that_is_granted_is_no_place_for_forms_with_new_keys() -> None:
    house = a_house(a_snapshot(a_grant(prefix="a")))
    with pytest.raises(Forbidden):
        await house.presigner.presign_form(REQUESTER, a_form_ask(key_prefix="a"))


@in_virtual_time
async def test_a_buckets_encryption_is_in_every_form() -> None:
    snapshot = a_snapshot(a_grant(), buckets={"reports": a_bucket(encryption=ENCRYPTION)})
    form = await a_house(snapshot).presigner.presign_form(REQUESTER, a_form_ask(key_prefix=""))
    for name, value in ENCRYPTION.headers().items():
        assert form.fields[name] == value
        assert {name: value} in policy(form)["conditions"]
