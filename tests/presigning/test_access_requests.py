from typing import Any

import pytest

from service.access.grants import AccessRequest, Operation
from service.errors import CreateOnlyUnsupported, InvalidRequest
from service.presigning.requests import (
    PostFormRequest,
    PresignRequest,
    access_for_form,
    access_for_request,
    form_key,
    signed_key,
)
from service.sessions.lifetime import Lifetime
from service.signing.actions import (
    Action,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.post_policy import PostObject


def make_request(action: Action, key: str = "a/b", **more: Any) -> PresignRequest:
    return PresignRequest(bucket="reports", key=key, action=action, lifetime=Lifetime(), **more)


def make_form_request(*, form: PostObject | None = None, **more: Any) -> PostFormRequest:
    form = form or PostObject(key="", max_content_length=5)
    return PostFormRequest(bucket="reports", form=form, lifetime=Lifetime(), **more)


def unique_id() -> str:
    return "0123"


def access_request(operation: Operation, **more: Any) -> AccessRequest:
    return AccessRequest(**{"operation": operation, "bucket": "reports", "key": "a/b"} | more)


# The key that is signed


@pytest.mark.parametrize("key", ["a", "a//b", "/a", "a/", "a b+c%2F?#&'~", "é", "...", "a" * 1024])
def test_a_key_is_signed_as_it_stands(key: str) -> None:
    assert signed_key(make_request(GetObject(), key)) == key


@pytest.mark.parametrize("key", ["", ".", "../a", "a/./b", "a\nb", "\0", "\ud800", "é" * 513])
def test_a_key_that_no_client_could_send_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        signed_key(make_request(GetObject(), key))
    assert list(refused.value.pointers) == ["#/key"]


@pytest.mark.parametrize("prefix", ["", "a/", "a"])
def test_a_list_is_signed_for_the_bucket_itself(prefix: str) -> None:
    assert signed_key(make_request(ListObjects(prefix=prefix), prefix)) == ""


def test_a_lists_prefix_is_checked_by_its_own_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        signed_key(make_request(ListObjects(prefix="a/../"), "a/../"))
    assert list(refused.value.pointers) == ["#/prefix"]


# What a request needs a grant for


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (GetObject(), access_request(Operation.DOWNLOAD)),
        (HeadObject(), access_request(Operation.HEAD)),
        (DeleteObject(), access_request(Operation.DELETE)),
        (GetObject(version_id="1"), access_request(Operation.DOWNLOAD, version=True)),
        (HeadObject(version_id="1"), access_request(Operation.HEAD, version=True)),
        (DeleteObject(version_id="1"), access_request(Operation.DELETE, version=True)),
        (ListObjects(prefix="a/b"), access_request(Operation.LIST, subtree=True, max_keys=1000)),
        (
            ListObjects(prefix="a/b", max_keys=0),
            access_request(Operation.LIST, subtree=True, max_keys=0),
        ),
        (
            PutObject(content_length=5, content_type="text/plain"),
            access_request(Operation.UPLOAD, content_length=5, content_type="text/plain"),
        ),
        (
            PutObject(content_length=0, content_type="text/plain", overwrite=True),
            access_request(
                Operation.UPLOAD, content_length=0, content_type="text/plain", overwrite=True
            ),
        ),
        (
            PutObject(content_length=5, content_type="text/plain", if_match='"e"'),
            access_request(
                Operation.UPLOAD,
                content_length=5,
                content_type="text/plain",
                overwrite=True,
                has_if_match=True,
            ),
        ),
    ],
)
def test_a_request_demands(action: Action, expected: AccessRequest) -> None:
    assert access_for_request(make_request(action)) == expected


def test_a_type_that_the_caller_did_not_name_is_none() -> None:
    assert (
        access_for_request(
            make_request(PutObject(content_length=5), content_type_given=False)
        ).content_type
        is None
    )


# A form's key


@pytest.mark.parametrize(
    ("form_request", "key"),
    [
        pytest.param(
            make_form_request(key_prefix="a/"), "a/0123/${filename}", id="the browser names it"
        ),
        pytest.param(
            make_form_request(key_prefix=""), "0123/${filename}", id="of the whole bucket"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="é b.pdf"),
            "a/0123/é b.pdf",
            id="the caller does",
        ),
        pytest.param(make_form_request(key="a/b", overwrite=True), "a/b", id="to be replaced"),
    ],
)
def test_the_key_of_a_form_is(form_request: PostFormRequest, key: str) -> None:
    assert form_key(form_request, unique_id) == key


def test_a_form_for_a_fixed_key_without_overwrite_is_refused() -> None:
    with pytest.raises(CreateOnlyUnsupported) as refused:
        form_key(make_form_request(key="a/b"), unique_id)
    assert list(refused.value.pointers) == ["#/key"]


@pytest.mark.parametrize(
    ("form_request", "pointer"),
    [
        pytest.param(make_form_request(key="", overwrite=True), "#/key", id="no key"),
        pytest.param(make_form_request(key="a/../b", overwrite=True), "#/key", id="dots"),
        pytest.param(
            make_form_request(key="a/${filename}", overwrite=True), "#/key", id="variable"
        ),
        pytest.param(
            make_form_request(key="${filename}/a", overwrite=True), "#/key", id="in the midst"
        ),
        pytest.param(
            make_form_request(key_prefix="a/../"), "#/key_prefix", id="dots in the prefix"
        ),
        pytest.param(
            make_form_request(key_prefix="a/../", filename="b"),
            "#/key_prefix",
            id="dots, and a name",
        ),
        pytest.param(
            make_form_request(key_prefix="a\n"), "#/key_prefix", id="control in the prefix"
        ),
        pytest.param(
            make_form_request(key_prefix="${filename}/"), "#/key_prefix", id="variable prefix"
        ),
        pytest.param(
            make_form_request(key_prefix="a" * 1015), "#/key_prefix", id="a prefix too long"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename=".."), "#/filename", id="dots, named"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="b/c"), "#/filename", id="a slash"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="b\0"), "#/filename", id="control"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="b" * 1020), "#/filename", id="too long"
        ),
        pytest.param(
            make_form_request(key_prefix="a/", filename="${filename}"),
            "#/filename",
            id="named variable",
        ),
    ],
)
def test_a_forms_key_is_refused(form_request: PostFormRequest, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        form_key(form_request, unique_id)
    assert list(refused.value.pointers) == [pointer]


# What a form needs a grant for


def test_a_form_with_a_filename_variable_needs_its_whole_prefix() -> None:
    request = make_form_request(key_prefix="a/")
    assert access_for_form(request, form_key(request, unique_id)) == access_request(
        Operation.FORM, key="a/0123/", subtree=True, content_length=5
    )


def test_a_form_whose_file_is_named_demands_that_key() -> None:
    request = make_form_request(key_prefix="a/", filename="b")
    assert access_for_form(request, form_key(request, unique_id)) == access_request(
        Operation.FORM, key="a/0123/b", content_length=5
    )


def test_a_form_for_a_fixed_key_demands_to_overwrite_it() -> None:
    request = make_form_request(key="a/b", overwrite=True)
    assert access_for_form(request, "a/b") == access_request(
        Operation.FORM, content_length=5, overwrite=True
    )


def test_a_form_needs_a_grant_for_its_size_and_type() -> None:
    form = PostObject(key="", min_content_length=2, max_content_length=9, content_type="image/png")
    asked = access_for_form(make_form_request(form=form), "k")
    assert (asked.content_length, asked.content_type) == (9, "image/png")
    form = PostObject(key="", max_content_length=9, content_type_prefix="image/")
    asked = access_for_form(make_form_request(form=form), "k")
    assert (asked.content_type, asked.content_type_prefix) == (None, "image/")
