"""Which copies the callers of one shared session may make, and how a denial spares them."""

from dataclasses import replace
from typing import Final

import pytest

from service.access.copy_sources import Readable, copies_denied, readable_by_all
from service.access.grants import Grant, Operation
from tests.access.policy_meaning import allowing

ACME: Final = "arn:aws:s3:::acme"
COPIER: Final = frozenset({Operation.DOWNLOAD, Operation.UPLOAD})
SOURCE: Final = "s3:x-amz-copy-source"


def copying(prefix: str) -> list[Grant]:
    return [allowing(*COPIER, prefix=prefix)]


@pytest.mark.parametrize(
    ("callers", "patterns"),
    [
        ([copying("a/")], ["a/*"]),
        ([copying("a/"), copying("a/b/")], ["a/b/*"]),
        ([copying("a/b/"), copying("a/")], ["a/b/*"]),
        ([copying("a/b"), copying("a/")], ["a/b"]),
        ([copying("a/b"), copying("a/b")], ["a/b"]),
        ([copying("a/"), [allowing(Operation.DOWNLOAD, prefix="b/")]], ["a/*"]),
        ([[allowing(Operation.DOWNLOAD, prefix="b/")], copying("a/")], ["a/*"]),
        ([[*copying("a/"), *copying("c/")], [*copying("a/b/"), *copying("d/")]], ["a/b/*"]),
    ],
)
def test_callers_of_one_session_copy_what_all_may_read(
    callers: list[list[Grant]], patterns: list[str]
) -> None:
    """Who uploads nothing copies nothing, so it does not count."""
    assert readable_by_all(ACME, callers) == Readable(ACME, tuple(patterns))


LIMITED: Final = replace(allowing(*COPIER), max_content_length=9)
PARTS: Final = allowing(Operation.MULTIPART)


@pytest.mark.parametrize(
    "callers",
    [
        [],
        [[allowing(Operation.DOWNLOAD)]],
        [copying("a/"), copying("b/")],
        [copying("a/b"), copying("a/bc")],
        [copying("a/"), [LIMITED]],
        [[LIMITED]],
        [[allowing(Operation.UPLOAD)]],
        [copying("a/"), [allowing(Operation.UPLOAD)]],
        [copying("a/"), [PARTS]],  # it could send a copy as a part
    ],
)
def test_what_one_caller_may_not_copy_no_caller_of_its_session_may(
    callers: list[list[Grant]],
) -> None:
    assert readable_by_all(ACME, callers) is None


def test_a_caller_with_versions_copies_each_version_of_a_key() -> None:
    granted = [
        allowing(*COPIER, Operation.VERSIONS, prefix="a/b"),
        allowing(*COPIER, prefix="c"),
        allowing(*COPIER, Operation.VERSIONS, prefix="d/"),
    ]
    patterns = ("a/b", "a/b?versionId=*", "c", "d/*")
    assert readable_by_all(ACME, [granted]) == Readable(ACME, patterns)


def test_an_access_point_has_no_sources() -> None:
    point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/p"
    assert readable_by_all(point, [copying("a/")]) is None


def test_a_denial_spares_one_source_as_text() -> None:
    denied = copies_denied(Readable(ACME, ("a/*",)))
    assert denied["StringNotLike"] == {SOURCE: "acme/a/*"}


def test_a_denial_spares_each_of_two_sources() -> None:
    denied = copies_denied(Readable(ACME, ("a/*", "b")))
    assert denied["StringNotLike"] == {SOURCE: ["acme/a/*", "acme/b"]}


@pytest.mark.parametrize("source", [None, Readable(ACME, ("a/*",))])
def test_a_denial_of_copies_lets_uploads_pass(source: Readable | None) -> None:
    """An upload has no source, which `StringNotEquals` alone takes for another one."""
    assert copies_denied(source)["Null"] == {SOURCE: "false"}


def test_without_a_source_every_copy_is_denied() -> None:
    """MinIO accepts only a bucket and a key: ValidateStringValues in minio/pkg, stringfunc.go."""
    assert copies_denied(None)["StringNotEquals"] == {SOURCE: "none/none"}
