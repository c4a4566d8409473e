"""What is signed into a form."""

import asyncio
from typing import Any

import pytest

from service.signing.post_policy import PostObject
from tests.support.authorizer import make_harness
from tests.support.factories import (
    ADDRESS,
    ENCRYPTION,
    make_bucket,
    make_form_request,
    make_grant,
    make_snapshot,
)
from tests.support.signed_urls import policy_of
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("changes", "key", "condition"),
    [
        pytest.param(
            {"key_prefix": "a/"},
            "a/id1/${filename}",
            ["starts-with", "$key", "a/id1/"],
            id="the browser names the file",
        ),
        pytest.param(
            {"key_prefix": "a/", "filename": "b.pdf"},
            "a/id1/b.pdf",
            {"key": "a/id1/b.pdf"},
            id="the caller names the file",
        ),
        pytest.param(
            {"key": "a/b", "overwrite": True}, "a/b", {"key": "a/b"}, id="one that is replaced"
        ),
    ],
)
@in_virtual_time
async def test_a_form_is_for_the_key_that_it_says(
    changes: dict[str, Any], key: str, condition: object
) -> None:
    harness = make_harness(make_snapshot(make_grant(allow_overwrite=True)))
    form = await harness.presign_form(make_form_request(**changes))
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


@in_virtual_time
async def test_a_form_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = list[PostObject]()
    check = PostObject.__post_init__

    def counted(form: PostObject) -> None:
        checked.append(form)
        check(form)

    monkeypatch.setattr(PostObject, "__post_init__", counted)
    snapshot = make_snapshot(make_grant(), buckets={"reports": make_bucket(encryption=ENCRYPTION)})
    await make_harness(snapshot).presign_form(make_form_request(key_prefix=""))
    assert len(checked) == 1


@in_virtual_time
async def test_a_buckets_encryption_is_in_every_form() -> None:
    snapshot = make_snapshot(make_grant(), buckets={"reports": make_bucket(encryption=ENCRYPTION)})
    form = await make_harness(snapshot).presign_form(make_form_request(key_prefix=""))
    for name, value in ENCRYPTION.headers().items():
        assert form.fields[name] == value
        assert {name: value} in policy_of(form)["conditions"]
