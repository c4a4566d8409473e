"""The limits of a grant."""

from dataclasses import replace
from typing import Final

import pytest

from service.access.decisions import (
    Allowed,
    Denied,
    allowed_content_type,
    decide,
    max_page_size,
    max_upload_size,
)
from service.access.grants import AccessRequest, Grant, Grants, Operation
from service.access.limits import Limited
from tests.access.access_requests import ALLOWED, make_form, make_request, make_upload
from tests.support.factories import make_grant

IMAGES, NO_TYPES = make_grant(content_types=("image/*",)), make_grant(content_types=())
SIZE_0, SIZE_4, SIZE_9 = (make_grant(max_content_length=each) for each in (0, 4, 9))
LIST = make_request(operation=Operation.LIST, is_prefix=True, max_keys=101)
VERSIONS = make_request(operation=Operation.LIST, is_prefix=True, version=True)
OF_A_CLIENT = make_upload(content_length=None, also_needs=Operation.SIGN)
SIGNING_4 = make_grant(allow=frozenset({Operation.UPLOAD, Operation.SIGN}), max_content_length=4)
LISTS = make_grant(allow=frozenset({Operation.LIST}))
SIGNING_READS = make_grant(
    allow=frozenset({Operation.DOWNLOAD, Operation.SIGN}), max_content_length=4
)
DOWNLOADS = make_grant(allow=frozenset({Operation.DOWNLOAD}))
BLIND = make_grant(allow=frozenset({Operation.UPLOAD}), allow_overwrite=True)
REPLACING = make_upload(overwrite=True, has_if_match=True)
NO_OVERWRITING = "does not allow overwriting."
TYPES = "allows these types: image/*."
NO_READ = "if_match needs read access, which your grant does not give."
LIMITED = {
    "version": (DOWNLOADS, make_request(version=True), "version_id", "does not allow versions."),
    "versions": (LISTS, VERSIONS, "", "does not allow versions."),
    "hidden size": (
        SIGNING_4,
        OF_A_CLIENT,
        "content_length",
        "allows at most 4 bytes. Send Content-Length.",
    ),
    "overwrite": (make_grant(), make_upload(overwrite=True), "overwrite", NO_OVERWRITING),
    "form overwrite": (make_grant(), make_form(overwrite=True), "overwrite", NO_OVERWRITING),
    "if_match": (make_grant(), REPLACING, "if_match", NO_OVERWRITING),
    "blind": (BLIND, REPLACING, "if_match", NO_READ),
    "keys": (make_grant(max_keys=100), LIST, "max_keys", "allows at most 100 keys a page."),
    "size": (SIZE_4, make_upload(), "content_length", "allows at most 4 bytes."),
    "size 0": (SIZE_0, make_upload(content_length=1), "content_length", "allows at most 0 bytes."),
    "form size": (SIZE_4, make_form(), "max_content_length", "allows at most 4 bytes."),
    "type": (IMAGES, make_upload(content_type="text/x-sent"), "content_type", TYPES),
    "types": (
        make_grant(content_types=("image/*", "application/pdf")),
        make_upload(content_type="text/x-sent"),
        "content_type",
        "allows these types: image/*, application/pdf.",
    ),
    "no type": (NO_TYPES, make_upload(content_type="a/b"), "content_type", "allows these types: ."),
    "form type": (IMAGES, make_form(content_type="image/svg+xml"), "content_type", TYPES),
    "form prefix": (
        IMAGES,
        make_form(content_type_prefix="image/"),
        "content_type_prefix",
        f"{TYPES} Give one as content_type.",
    ),
    "type missing": (IMAGES, make_upload(), "content_type", f"{TYPES} Give one."),
    "form type missing": (IMAGES, make_form(), "content_type", f"{TYPES} Give one."),
}
every_limit = pytest.mark.parametrize(
    ("grant", "access_request", "field", "detail"),
    LIMITED.values(),
    ids=LIMITED,
)


@every_limit
def test_a_violated_limit_names_its_field(
    grant: Grant, access_request: AccessRequest, field: str, detail: str
) -> None:
    missing = detail.endswith(("Give one.", "Send Content-Length."))
    detail = detail if detail is NO_READ else f"Your grant {detail}"
    expected = Limited(f"#/{field}" if field else "#", detail, missing=missing)
    assert decide(Grants([grant]), access_request) == expected


@every_limit
def test_a_second_grant_without_the_limit_allows_the_request(
    grant: Grant, access_request: AccessRequest, field: str, detail: str
) -> None:
    wide = make_grant(allow_overwrite=True)
    assert decide(Grants([grant, wide]), access_request) == ALLOWED
    assert decide(Grants([wide, grant]), access_request) == ALLOWED


@every_limit
def test_limits_are_not_revealed_outside_the_grant(
    grant: Grant, access_request: AccessRequest, field: str, detail: str
) -> None:
    assert decide(Grants([replace(grant, prefix="x/")]), access_request) == Denied()


WITHIN = {
    "version": (make_grant(), make_request(version=True)),
    "overwrite": (make_grant(allow_overwrite=True), make_upload(overwrite=True)),
    "keys": (make_grant(max_keys=101), LIST),
    "size": (make_grant(max_content_length=5), make_upload(content_length=5)),
    "told size": (SIGNING_4, make_upload(content_length=4, also_needs=Operation.SIGN)),
    "no limit": (make_grant(), OF_A_CLIENT),
    "a read": (SIGNING_READS, make_request(also_needs=Operation.SIGN)),
    "of ours": (SIZE_4, make_upload(content_length=None)),
    "type": (IMAGES, make_upload(content_type="image/png")),
    "second type": (
        make_grant(content_types=("text/plain", "image/*")),
        make_upload(content_type="image/png"),
    ),
    "downloads have no type": (NO_TYPES, make_request()),
    "no types, any prefix": (make_grant(), make_form(content_type_prefix="image/")),
    "blind overwrite": (BLIND, make_upload(overwrite=True)),
}


@pytest.mark.parametrize(("grant", "access_request"), WITHIN.values(), ids=WITHIN)
def test_requests_within_the_limits_are_allowed(
    grant: Grant, access_request: AccessRequest
) -> None:
    assert decide(Grants([grant]), access_request) == ALLOWED


@pytest.mark.parametrize("reads", [Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK])
def test_any_reading_operation_allows_if_match(reads: Operation) -> None:
    grant = make_grant(allow=frozenset({Operation.UPLOAD, reads}), allow_overwrite=True)
    assert decide(Grants([grant]), make_upload(overwrite=True, has_if_match=True)) == ALLOWED


TEXTS = make_grant(max_content_length=99, content_types=("text/plain",))
BESIDE = make_grant(prefix="b/", max_content_length=99, max_keys=99)


@pytest.mark.parametrize(
    ("grants", "most"),
    [
        ([SIZE_4, SIZE_9, TEXTS, BESIDE], 9),
        ([SIZE_4, make_grant()], 100),
        ([make_grant(max_content_length=500)], 100),
        ([TEXTS], 0),
        ([], 0),
    ],
)
def test_max_upload_size_comes_from_the_most_generous_grant(grants: list[Grant], most: int) -> None:
    form = make_form(content_length=None, content_type="image/png")
    assert max_upload_size(Grants(grants), form, 100) == most


@pytest.mark.parametrize(
    ("grants", "most"),
    [
        ([make_grant(max_keys=5), make_grant(max_keys=9), BESIDE], 9),
        ([make_grant(max_keys=5), make_grant()], 1000),
        ([BESIDE], 0),
    ],
)
def test_most_keys_comes_from_a_covering_grant(grants: list[Grant], most: int) -> None:
    page = make_request(operation=Operation.LIST, is_prefix=True, key="a/")
    assert max_page_size(Grants(grants), page, 1000) == most


@pytest.mark.parametrize(
    ("limits", "longest"),
    [([60], 60), ([60, 900], 900), ([900, 60], 900), ([60, None], None), ([None], None)],
)
def test_the_longest_lifetime_of_the_allowing_grants_counts(
    limits: list[int | None], longest: int | None
) -> None:
    grants = [make_grant(max_expires_in=limit) for limit in limits]
    assert decide(Grants(grants), make_request()) == Allowed(longest)


def test_two_grants_do_not_combine_into_a_third() -> None:
    large = make_grant(content_types=("image/png",))
    typed = make_grant(max_content_length=1)
    access_request = make_upload(content_type="text/plain", content_length=5)
    assert isinstance(decide(Grants([large, typed]), access_request), Limited)


PARTS: Final = frozenset({Operation.MULTIPART})
PICTURES: Final = make_grant(allow=PARTS, content_types=("image/png",), allow_overwrite=True)
ANYTHING: Final = make_grant(allow=PARTS)
PROGRAM: Final = make_grant(allow=frozenset({Operation.UPLOAD, Operation.CREDENTIALS}))


@pytest.mark.parametrize(
    ("other", "replaced"),
    [
        (None, True),
        (ANYTHING, False),
        (replace(ANYTHING, content_types=("text/html",)), False),
        (replace(ANYTHING, content_types=("image/png", "text/html")), False),
        (replace(ANYTHING, content_types=("image/png",)), True),
        (replace(ANYTHING, allow_overwrite=True), True),  # it replaces by itself
        (replace(ANYTHING, prefix="a/"), False),
        (replace(ANYTHING, prefix="b/"), True),
        (replace(ANYTHING, allow=frozenset({Operation.UPLOAD})), True),
        (PROGRAM, False),
        (replace(PROGRAM, allow_overwrite=True), True),
        (replace(PROGRAM, allow=frozenset({Operation.UPLOAD})), True),
    ],
)
def test_an_upload_of_another_type_replaces_nothing(other: Grant | None, *, replaced: bool) -> None:
    """Its completion names no type: one grant begins it, and another one would replace by it."""
    for grants in ([PICTURES, other], [other, PICTURES]):
        held = Grants(each for each in grants if each is not None)
        completion = make_upload(
            operation=Operation.MULTIPART, overwrite=True, checks_content_type=False
        )
        decision = decide(held, completion)
        assert isinstance(decision, Allowed if replaced else Limited)
        assert decide(held, replace(completion, overwrite=False)) == ALLOWED


@pytest.mark.parametrize(
    ("key", "content_type"),
    [("b/a.png", "image/png"), ("b/a.txt", None), ("b/a", None), ("a/a.png", None)],
)
def test_the_type_that_a_key_suggests_is_given_if_granted(
    key: str, content_type: str | None
) -> None:
    granted = Grants([make_grant(prefix="b/", content_types=("image/*",))])
    assert allowed_content_type(granted, make_upload(key=key)) == content_type
