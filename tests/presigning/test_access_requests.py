"""The key that a request signs, and what it needs a grant for."""

from dataclasses import replace
from typing import Any, Final, get_args

import pytest

from service.access.grants import AccessRequest, Operation
from service.access.limits import URLS
from service.errors import CreateOnlyUnsupported, InvalidRequest
from service.presigning.forms import access_for_form, form_key
from service.presigning.requests import SignedAction, signed_key
from service.signing.actions import (
    MAX_UPLOAD_BYTES,
    Action,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
)
from service.signing.post_policy import PostObject
from service.signing.redirected_put import RedirectedPut
from tests.support.factories import OPERATION_OF, UPLOAD, make_form_request, make_request


def unique_id() -> str:
    return "0123"


def access_request(operation: Operation, **more: Any) -> AccessRequest:
    return AccessRequest(**{"operation": operation, "bucket": "reports", "key": "a/b"} | more)


TEXT: Final = {"content_length": 5, "content_type": "text/plain"}
EMPTY: Final = {"content_length": 0}


# The key that is signed


def test_a_key_is_signed_unchanged_or_refused() -> None:
    """`tests/signing/test_validation.py` shows which are refused."""
    assert signed_key(make_request(key="a//b+c%2F?")) == "a//b+c%2F?"
    for action, key, pointer in (
        (GetObject(), "../a", "#/key"),
        (ListObjects(prefix="a/../"), "a/../", "#/prefix"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            signed_key(make_request(action, key=key))
        assert list(refused.value.pointers) == [pointer]


@pytest.mark.parametrize("prefix", ["", "a/", "a"])
def test_a_list_is_signed_for_the_bucket_itself(prefix: str) -> None:
    assert signed_key(make_request(ListObjects(prefix=prefix), key=prefix)) == ""


# What a request needs a grant for


def test_max_expires_in_limits_each_operation_that_is_signed() -> None:
    assert OPERATION_OF.keys() == {*get_args(SignedAction)}
    assert {*OPERATION_OF.values(), Operation.FORM, Operation.MULTIPART} == URLS


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (GetObject(), access_request(Operation.DOWNLOAD)),
        (HeadObject(), access_request(Operation.HEAD)),
        (DeleteObject(), access_request(Operation.DELETE)),
        (GetObject(version_id="1"), access_request(Operation.DOWNLOAD, version=True)),
        (HeadObject(version_id="1"), access_request(Operation.HEAD, version=True)),
        (DeleteObject(version_id="1"), access_request(Operation.DELETE, version=True)),
        (ListObjects(prefix="a/b"), access_request(Operation.LIST, is_prefix=True, max_keys=1000)),
        (
            ListObjects(prefix="a/b", max_keys=0),
            access_request(Operation.LIST, is_prefix=True, max_keys=0),
        ),
        (UPLOAD, access_request(Operation.UPLOAD, **TEXT)),
        (replace(UPLOAD, overwrite=True), access_request(Operation.UPLOAD, **TEXT, overwrite=True)),
        (replace(UPLOAD, content_length=0), access_request(Operation.UPLOAD, **TEXT | EMPTY)),
        (
            replace(UPLOAD, if_match='"e"'),
            access_request(Operation.UPLOAD, **TEXT, overwrite=True, has_if_match=True),
        ),
    ],
)
def test_a_request_demands(action: Action, expected: AccessRequest) -> None:
    assert make_request(action).access_request() == expected


def test_an_upload_of_unknown_length_may_have_any() -> None:
    request = make_request(RedirectedPut(content_length=None, new_key=True))
    largest = {"content_length": MAX_UPLOAD_BYTES, "is_max_length": True}
    assert request.access_request() == access_request(Operation.UPLOAD, **largest)


def test_a_type_that_the_caller_did_not_name_is_none() -> None:
    request = replace(make_request(UPLOAD), content_type_given=False)
    assert request.access_request().content_type is None


# A form's key


WHOLE: Final = {"key": "a/0123/", "is_prefix": True}


@pytest.mark.parametrize(
    ("changes", "key", "needs"),
    [
        pytest.param({"key_prefix": "a/"}, "a/0123/${filename}", WHOLE, id="the browser names it"),
        pytest.param(
            {"key_prefix": ""},
            "0123/${filename}",
            {"key": "0123/", "is_prefix": True},
            id="in the whole bucket",
        ),
        pytest.param(
            {"key_prefix": "a/", "filename": "é b.pdf"},
            "a/0123/é b.pdf",
            {"key": "a/0123/é b.pdf"},
            id="the caller names it",
        ),
        pytest.param(
            {"key": "a/b", "overwrite": True}, "a/b", {"overwrite": True}, id="to be replaced"
        ),
    ],
)
def test_a_form_needs_a_grant_for_its_key(
    changes: dict[str, Any], key: str, needs: dict[str, Any]
) -> None:
    request = make_form_request(**changes)
    assert form_key(request, unique_id) == key
    needed = access_request(Operation.FORM, content_length=5, is_max_length=True, **needs)
    assert access_for_form(request, key) == needed


def test_a_form_for_a_fixed_key_without_overwrite_is_refused() -> None:
    with pytest.raises(CreateOnlyUnsupported) as refused:
        form_key(make_form_request(key="a/b"), unique_id)
    assert list(refused.value.pointers) == ["#/key"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"key": "", "overwrite": True}, "#/key"),
        ({"key": "a/../b", "overwrite": True}, "#/key"),
        ({"key": "a/${filename}", "overwrite": True}, "#/key"),
        ({"key": "${filename}/a", "overwrite": True}, "#/key"),
        ({"key_prefix": "a/../"}, "#/key_prefix"),
        ({"key_prefix": "a/../", "filename": "b"}, "#/key_prefix"),
        ({"key_prefix": "a\n"}, "#/key_prefix"),
        ({"key_prefix": "${filename}/"}, "#/key_prefix"),
        ({"key_prefix": "a" * 1015}, "#/key_prefix"),
        ({"key_prefix": "a/", "filename": ".."}, "#/filename"),
        ({"key_prefix": "a/", "filename": "b/c"}, "#/filename"),
        ({"key_prefix": "a/", "filename": "b\0"}, "#/filename"),
        ({"key_prefix": "a/", "filename": "b" * 1020}, "#/filename"),
        ({"key_prefix": "a/", "filename": "${filename}"}, "#/filename"),
    ],
    ids=lambda each: str(each)[:60],
)
def test_an_invalid_key_of_a_form_is_refused(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        form_key(make_form_request(**changes), unique_id)
    assert list(refused.value.pointers) == [pointer]


def test_a_form_needs_a_grant_for_its_size_and_type() -> None:
    form = PostObject(min_content_length=2, max_content_length=9, content_type="image/png")
    asked = access_for_form(make_form_request(form=form), "k")
    assert (asked.content_length, asked.content_type) == (9, "image/png")
    form = PostObject(max_content_length=9, content_type_prefix="image/")
    asked = access_for_form(make_form_request(form=form), "k")
    assert (asked.content_type, asked.content_type_prefix) == (None, "image/")
