"""What is signed into a request, and what no `repr` shows."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.errors import CreateOnlyUnsupported
from service.presigning.results import PresignedRequest
from service.signing.actions import PutObject
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import (
    ENCRYPTION,
    SECRET,
    TOKEN,
    UPLOAD,
    make_bucket,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time


def make_upload_harness(**bucket: Any) -> Harness:
    buckets = {"reports": make_bucket(**bucket)}
    return make_harness(make_snapshot(make_grant(allow_overwrite=True), buckets=buckets))


async def signed_upload(upload: PutObject, **bucket: Any) -> PresignedRequest:
    signed = await make_upload_harness(**bucket).presign(make_request(upload))
    signed_names = parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"][0].split(";")
    assert sorted({*signed.headers, "host", "content-length"}) == signed_names
    return signed


@pytest.mark.parametrize(
    ("changes", "bucket", "condition"),
    [
        ({}, {}, {"if-none-match": "*"}),
        ({"content_length": 0}, {}, {"if-none-match": "*"}),
        ({"overwrite": True}, {}, {}),
        ({"overwrite": True}, {"conditional_writes": False}, {}),
        ({"if_match": '"e"'}, {}, {"if-match": '"e"'}),
    ],
    ids=str,
)
@in_virtual_time
async def test_an_upload_signs_its_type_size_and_condition(
    changes: dict[str, Any], bucket: dict[str, Any], condition: dict[str, str]
) -> None:
    upload = replace(UPLOAD, **changes)
    signed = await signed_upload(upload, **bucket)
    assert (signed.method, signed.content_length) == ("PUT", upload.content_length)
    assert signed.headers == {"content-type": "text/plain", **condition}


@pytest.mark.parametrize("upload", [UPLOAD, replace(UPLOAD, overwrite=True)])
@in_virtual_time
async def test_a_buckets_encryption_is_signed_into_every_upload(upload: PutObject) -> None:
    signed = await signed_upload(upload, encryption=ENCRYPTION)
    assert ENCRYPTION.headers().items() <= signed.headers.items()


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
    harness = make_upload_harness(conditional_writes=False)
    error = await harness.refusal(make_request(upload))
    assert isinstance(error, CreateOnlyUnsupported)
    assert list(error.pointers) == [pointer]
    assert harness.fetches == 0


@in_virtual_time
async def test_no_repr_of_an_answer_shows_what_is_signed() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    signed = await harness.presign(make_request())
    form = await harness.presign_form(make_form_request(key_prefix=""))
    shown = f"{signed!r} {form!r} {[signed]} {harness.presigner!r}"
    assert "expires_in" in shown
    for secret in ("X-Amz", "x-amz-signature", "policy", "ASIAFAKE", "/a/b", SECRET, TOKEN):
        assert secret not in shown
    assert signed.url not in shown
