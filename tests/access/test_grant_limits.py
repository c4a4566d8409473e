"""A grant's limits."""

from dataclasses import replace

import pytest

from service.access.grants import (
    AccessRequest,
    Denied,
    Grant,
    Limited,
    Operation,
    decide,
    max_upload_size,
    most_keys,
)
from tests.access.access_requests import ALLOWED, a_demand, a_form, an_upload
from tests.support.fakes import a_grant

LIMITED_GRANTS = [
    pytest.param(
        a_grant(allow=frozenset({Operation.DOWNLOAD})), a_demand(version=True), "version_id", id="v"
    ),
    pytest.param(a_grant(), an_upload(overwrite=True), "overwrite", id="overwrite"),
    pytest.param(a_grant(), a_form(overwrite=True), "overwrite", id="form overwrite"),
    pytest.param(
        a_grant(max_keys=100),
        a_demand(operation=Operation.LIST, subtree=True, max_keys=101),
        "max_keys",
        id="keys",
    ),
    pytest.param(
        a_grant(max_content_length=5), an_upload(content_length=6), "content_length", id="size"
    ),
    pytest.param(
        a_grant(max_content_length=0), an_upload(content_length=1), "content_length", id="empty"
    ),
    pytest.param(
        a_grant(max_content_length=5),
        a_form(content_length=6),
        "max_content_length",
        id="form size",
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        an_upload(content_type="text/plain"),
        "content_type",
        id="type",
    ),
    pytest.param(
        a_grant(content_types=()), an_upload(content_type="text/plain"), "content_type", id="none"
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        a_form(content_type="image/svg+xml"),
        "content_type",
        id="form type",
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        a_form(content_type_prefix="image/"),
        "content_type_prefix",
        id="form type prefix",
    ),
]


@pytest.mark.parametrize(("grant", "access_request", "field"), LIMITED_GRANTS)
def test_a_limit_is_named_with_the_field_it_is_for(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    decision = decide([grant], access_request)
    assert isinstance(decision, Limited)
    assert decision.pointer == f"#/{field}"
    assert decision.detail.startswith("Your grant ")
    assert not decision.missing


@pytest.mark.parametrize(("grant", "access_request", "field"), LIMITED_GRANTS)
def test_what_is_limited_is_allowed_by_a_second_grant_without_the_limit(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    wide = a_grant(allow_overwrite=True)
    assert decide([grant, wide], access_request) == ALLOWED
    assert decide([wide, grant], access_request) == ALLOWED


@pytest.mark.parametrize(("grant", "access_request", "field"), LIMITED_GRANTS)
def test_a_limit_tells_nothing_of_what_no_grant_covers(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    assert decide([replace(grant, prefix="x/")], access_request) == Denied()


@pytest.mark.parametrize(
    ("grant", "access_request"),
    [
        pytest.param(a_grant(), a_demand(version=True), id="version"),
        pytest.param(a_grant(allow_overwrite=True), an_upload(overwrite=True), id="overwrite"),
        pytest.param(
            a_grant(max_keys=100), a_demand(operation=Operation.LIST, max_keys=100), id="keys"
        ),
        pytest.param(a_grant(max_content_length=5), an_upload(content_length=5), id="size"),
        pytest.param(
            a_grant(content_types=("text/plain", "image/*")),
            an_upload(content_type="image/png"),
            id="type",
        ),
        pytest.param(a_grant(content_types=()), a_demand(), id="a download has no type to limit"),
        pytest.param(a_grant(), a_form(content_type_prefix="image/"), id="no types, any prefix"),
    ],
)
def test_what_is_within_the_limits_is_allowed(grant: Grant, access_request: AccessRequest) -> None:
    assert decide([grant], access_request) == ALLOWED


@pytest.mark.parametrize("access_request", [an_upload(), a_form()])
def test_a_type_that_was_left_out_is_asked_for_where_types_are_limited(
    access_request: AccessRequest,
) -> None:
    decision = decide([a_grant(content_types=("image/*",))], access_request)
    assert isinstance(decision, Limited)
    assert (decision.pointer, decision.missing) == ("#/content_type", True)


def test_the_limit_told_is_the_grants_own_and_nothing_that_was_sent() -> None:
    decision = decide(
        [a_grant(content_types=("image/*", "application/pdf"))],
        an_upload(content_type="text/x-sent"),
    )
    assert decision == Limited(
        "#/content_type", "Your grant allows these types: image/*, application/pdf."
    )


def test_a_replacement_of_what_stands_is_refused_at_the_field_that_asks_for_it() -> None:
    replacing = an_upload(overwrite=True, has_if_match=True)
    assert decide([a_grant()], replacing) == Limited(
        "#/if_match", "Your grant does not allow overwriting."
    )
    blind = a_grant(allow=frozenset({Operation.UPLOAD}), allow_overwrite=True)
    assert decide([blind], replacing) == Limited(
        "#/if_match", "Your grant does not allow to read, which if_match needs."
    )
    assert decide([blind], an_upload(overwrite=True)) == ALLOWED


@pytest.mark.parametrize("reads", [Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK])
def test_whoever_may_read_in_any_way_may_compare_with_what_stands(reads: Operation) -> None:
    grant = a_grant(allow=frozenset({Operation.UPLOAD, reads}), allow_overwrite=True)
    assert decide([grant], an_upload(overwrite=True, has_if_match=True)) == ALLOWED


def test_the_most_bytes_are_those_of_a_grant_that_allows_all_else() -> None:
    form = a_form(content_length=None, content_type="image/png")
    small, large = a_grant(max_content_length=5), a_grant(max_content_length=9)
    other = a_grant(max_content_length=99, content_types=("text/plain",))
    elsewhere = a_grant(prefix="b/", max_content_length=99)
    assert max_upload_size([small, large, other, elsewhere], form, 100) == 9
    assert max_upload_size([small, a_grant()], form, 100) == 100
    assert max_upload_size([a_grant(max_content_length=500)], form, 100) == 100


def test_the_most_keys_are_those_of_one_grant_that_covers_the_prefix() -> None:
    page = a_demand(operation=Operation.LIST, subtree=True, key="a/")
    small, large = a_grant(max_keys=5), a_grant(max_keys=9)
    elsewhere = a_grant(prefix="b/", max_keys=99)
    assert most_keys([small, large, elsewhere], page, 1000) == 9
    assert most_keys([small, a_grant()], page, 1000) == 1000
    assert most_keys([elsewhere], page, 1000) == 0


def test_where_nothing_allows_all_else_there_is_no_byte_to_ask_for() -> None:
    other = a_grant(max_content_length=99, content_types=("text/plain",))
    assert max_upload_size([other], a_form(content_length=None, content_type="image/png"), 100) == 0
    assert max_upload_size([], a_form(content_length=None), 100) == 0
