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
from tests.support.authorizer import make_harness
from tests.support.factories import (
    ADDRESS,
    ENCRYPTION,
    NARROW,
    REQUESTER,
    make_bucket,
    make_form_request,
    make_grant,
    make_snapshot,
)
from tests.support.signed_urls import policy_of
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("form_request", "key", "condition"),
    [
        pytest.param(
            make_form_request(key_prefix="a/"),
            "a/id1/${filename}",
            ["starts-with", "$key", "a/id1/"],
            id="the browser names the file",
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="b.pdf"),
            "a/id1/b.pdf",
            {"key": "a/id1/b.pdf"},
            id="the caller names the file",
        ),
        pytest.param(
            make_form_request(key="a/b", overwrite=True),
            "a/b",
            {"key": "a/b"},
            id="one that is replaced",
        ),
    ],
)
@in_virtual_time
async def test_a_form_is_for_the_key_that_it_says(
    form_request: PostFormRequest, key: str, condition: object
) -> None:
    harness = make_harness(make_snapshot(make_grant(allow_overwrite=True)))
    form = await harness.presign_form(form_request)
    assert form.key == form.fields["key"] == key
    assert condition in policy_of(form)["conditions"]
    assert {"bucket": "acme-reports"} in policy_of(form)["conditions"]
    assert ["content-length-range", 0, 5] in policy_of(form)["conditions"]
    assert form.url == f"{ADDRESS.origin}/"


@in_virtual_time
async def test_forms_that_wait_for_a_session_have_different_ids() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    request = make_form_request(key_prefix="a/")
    forms = await asyncio.gather(*(harness.presign_form(request) for _ in range(3)))
    assert [form.key for form in forms] == [f"a/id{n}/${{filename}}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("form_request", "error"),
    [
        pytest.param(make_form_request(key="a/b"), CreateOnlyUnsupported, id="a fixed key"),
        pytest.param(
            make_form_request(key="a/b", overwrite=True), LimitExceeded, id="an overwrite"
        ),
        pytest.param(make_form_request(key_prefix="x/"), Forbidden, id="another prefix"),
        pytest.param(make_form_request(key_prefix="ab"), Forbidden, id="a sibling"),
        pytest.param(make_form_request(bucket="none", key_prefix="a/"), Forbidden, id="no bucket"),
        pytest.param(
            make_form_request(key_prefix="a/", form=PostObject(key="", max_content_length=101)),
            LimitExceeded,
            id="too large",
        ),
        pytest.param(make_form_request(key_prefix="a/"), InvalidRequest, id="no type"),
    ],
)
@in_virtual_time
async def test_a_form_is_refused_and_starts_no_session(
    form_request: PostFormRequest, error: type[PresignError]
) -> None:
    grant = replace(NARROW, allow=frozenset({Operation.FORM}))
    harness = make_harness(make_snapshot(grant))
    with pytest.raises(PresignError) as refused:
        await harness.presign_form(form_request)
    assert type(refused.value) is error
    await asyncio.sleep(60)
    assert harness.fetches == 0


@in_virtual_time
async def test_a_grant_on_one_key_forbids_forms_with_new_keys() -> None:
    harness = make_harness(make_snapshot(make_grant(prefix="a")))
    with pytest.raises(Forbidden):
        await harness.presign_form(make_form_request(key_prefix="a"))


@in_virtual_time
async def test_a_buckets_encryption_is_in_every_form() -> None:
    snapshot = make_snapshot(make_grant(), buckets={"reports": make_bucket(encryption=ENCRYPTION)})
    form = await make_harness(snapshot).presigner.presign_form(
        REQUESTER, make_form_request(key_prefix="")
    )
    for name, value in ENCRYPTION.headers().items():
        assert form.fields[name] == value
        assert {name: value} in policy_of(form)["conditions"]
