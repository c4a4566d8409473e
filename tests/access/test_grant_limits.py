"""The limits of a grant."""

from dataclasses import replace

import pytest

from service.access.grants import (
    AccessRequest,
    Allowed,
    Denied,
    Grant,
    Limited,
    Operation,
    decide,
    max_upload_size,
    most_keys,
)
from tests.access.access_requests import ALLOWED, make_form, make_request, make_upload
from tests.support.factories import make_grant

IMAGES = make_grant(content_types=("image/*",))
LIST = make_request(operation=Operation.LIST, subtree=True, max_keys=101)
DOWNLOADS = make_grant(allow=frozenset({Operation.DOWNLOAD}))
LIMITED = {
    "version": (DOWNLOADS, make_request(version=True), "version_id"),
    "overwrite": (make_grant(), make_upload(overwrite=True), "overwrite"),
    "form overwrite": (make_grant(), make_form(overwrite=True), "overwrite"),
    "keys": (make_grant(max_keys=100), LIST, "max_keys"),
    "size": (make_grant(max_content_length=4), make_upload(), "content_length"),
    "size 0": (make_grant(max_content_length=0), make_upload(content_length=1), "content_length"),
    "form size": (make_grant(max_content_length=4), make_form(), "max_content_length"),
    "type": (IMAGES, make_upload(content_type="text/plain"), "content_type"),
    "no type": (make_grant(content_types=()), make_upload(content_type="a/b"), "content_type"),
    "form type": (IMAGES, make_form(content_type="image/svg+xml"), "content_type"),
    "form prefix": (IMAGES, make_form(content_type_prefix="image/"), "content_type_prefix"),
}
every_limit = pytest.mark.parametrize(
    ("grant", "access_request", "field"), LIMITED.values(), ids=LIMITED
)


@every_limit
def test_a_violated_limit_names_its_field(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    decision = decide([grant], access_request)
    assert isinstance(decision, Limited)
    assert decision.pointer == f"#/{field}"
    assert decision.detail.startswith("Your grant ")
    assert not decision.missing


@every_limit
def test_a_second_grant_without_the_limit_allows_the_request(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    wide = make_grant(allow_overwrite=True)
    assert decide([grant, wide], access_request) == ALLOWED
    assert decide([wide, grant], access_request) == ALLOWED


@every_limit
def test_limits_are_not_revealed_outside_the_grant(
    grant: Grant, access_request: AccessRequest, field: str
) -> None:
    assert decide([replace(grant, prefix="x/")], access_request) == Denied()


WITHIN = {
    "version": (make_grant(), make_request(version=True)),
    "overwrite": (make_grant(allow_overwrite=True), make_upload(overwrite=True)),
    "keys": (make_grant(max_keys=101), LIST),
    "size": (make_grant(max_content_length=5), make_upload(content_length=5)),
    "type": (IMAGES, make_upload(content_type="image/png")),
    "second type": (
        make_grant(content_types=("text/plain", "image/*")),
        make_upload(content_type="image/png"),
    ),
    "downloads have no type": (make_grant(content_types=()), make_request()),
    "no types, any prefix": (make_grant(), make_form(content_type_prefix="image/")),
}


@pytest.mark.parametrize(("grant", "access_request"), WITHIN.values(), ids=WITHIN)
def test_requests_within_the_limits_are_allowed(
    grant: Grant, access_request: AccessRequest
) -> None:
    assert decide([grant], access_request) == ALLOWED


@pytest.mark.parametrize("access_request", [make_upload(), make_form()])
def test_limited_types_require_a_content_type(access_request: AccessRequest) -> None:
    decision = decide([make_grant(content_types=("image/*",))], access_request)
    assert isinstance(decision, Limited)
    assert (decision.pointer, decision.missing) == ("#/content_type", True)


def test_a_violated_type_shows_the_grants_types_only() -> None:
    decision = decide(
        [make_grant(content_types=("image/*", "application/pdf"))],
        make_upload(content_type="text/x-sent"),
    )
    assert decision == Limited(
        "#/content_type", "Your grant allows these types: image/*, application/pdf."
    )


def test_if_match_needs_overwriting_and_reading() -> None:
    replacing = make_upload(overwrite=True, has_if_match=True)
    assert decide([make_grant()], replacing) == Limited(
        "#/if_match", "Your grant does not allow overwriting."
    )
    blind = make_grant(allow=frozenset({Operation.UPLOAD}), allow_overwrite=True)
    assert decide([blind], replacing) == Limited(
        "#/if_match", "Your grant does not allow to read, which if_match needs."
    )
    assert decide([blind], make_upload(overwrite=True)) == ALLOWED


@pytest.mark.parametrize("reads", [Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK])
def test_any_reading_operation_allows_if_match(reads: Operation) -> None:
    grant = make_grant(allow=frozenset({Operation.UPLOAD, reads}), allow_overwrite=True)
    assert decide([grant], make_upload(overwrite=True, has_if_match=True)) == ALLOWED


def test_max_upload_size_comes_from_the_most_generous_grant() -> None:
    form = make_form(content_length=None, content_type="image/png")
    small, large = make_grant(max_content_length=5), make_grant(max_content_length=9)
    other = make_grant(max_content_length=99, content_types=("text/plain",))
    elsewhere = make_grant(prefix="b/", max_content_length=99)
    assert max_upload_size([small, large, other, elsewhere], form, 100) == 9
    assert max_upload_size([small, make_grant()], form, 100) == 100
    assert max_upload_size([make_grant(max_content_length=500)], form, 100) == 100


def test_most_keys_comes_from_a_covering_grant() -> None:
    page = make_request(operation=Operation.LIST, subtree=True, key="a/")
    small, large = make_grant(max_keys=5), make_grant(max_keys=9)
    elsewhere = make_grant(prefix="b/", max_keys=99)
    assert most_keys([small, large, elsewhere], page, 1000) == 9
    assert most_keys([small, make_grant()], page, 1000) == 1000
    assert most_keys([elsewhere], page, 1000) == 0


def test_without_an_otherwise_matching_grant_no_bytes_are_allowed() -> None:
    other = make_grant(max_content_length=99, content_types=("text/plain",))
    assert (
        max_upload_size([other], make_form(content_length=None, content_type="image/png"), 100) == 0
    )
    assert max_upload_size([], make_form(content_length=None), 100) == 0


@pytest.mark.parametrize(
    ("limits", "longest"),
    [([60], 60), ([60, 900], 900), ([900, 60], 900), ([60, None], None), ([None], None)],
)
def test_the_longest_lifetime_of_the_allowing_grants_counts(
    limits: list[int | None], longest: int | None
) -> None:
    grants = [make_grant(max_expires_in=limit) for limit in limits]
    assert decide(grants, make_request()) == Allowed(longest)


def test_lifetimes_of_other_grants_do_not_count() -> None:
    grants = [
        make_grant(max_expires_in=60),
        make_grant(max_expires_in=900, max_content_length=1),
        make_grant(max_expires_in=901, prefix="x/"),
        make_grant(bucket="photos"),
        make_grant(allow=frozenset({Operation.DOWNLOAD})),
    ]
    assert decide(grants, make_upload()) == Allowed(60)


def test_two_grants_do_not_combine_into_a_third() -> None:
    large = make_grant(content_types=("image/png",))
    typed = make_grant(max_content_length=1)
    access_request = make_upload(content_type="text/plain", content_length=5)
    assert isinstance(decide([large, typed], access_request), Limited)
