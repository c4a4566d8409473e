"""What a use needs decides who may use all of a target, a part of it, or nothing."""

from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.protocols.rights import Target, Use, rights, warnings

LIST: Final = Operation.LIST
LOAD: Final = Operation.DOWNLOAD
LINK: Final = Operation.LINK
SEND: Final = Operation.UPLOAD
READ: Final = Use("read", frozenset({LIST, LOAD}), in_part="read a part")
WRITE: Final = Use("write", frozenset({SEND}), overwrites=True)
SHARE: Final = Use("share", frozenset({LOAD}), of_grants_with=LINK)
CREATE: Final = Use("create", frozenset({SEND}), creates=True)
NEAR: Final = Use("read", frozenset({LIST, LOAD}), in_part="read a part", list_depth=1)
CONDITIONAL: Final = {"demo", "other"}


def target(*uses: Use, bucket: str = "demo", prefix: str = "m/") -> Target:
    return Target(uses=uses, where="here", location=("at",), bucket=bucket, prefix=prefix)


def entry(*grants: tuple[str, set[Operation]], **more: Any) -> CallerEntry:
    made = [
        Grant(**{"bucket": "demo", "prefix": prefix, "allow": frozenset(allow), **more})
        for prefix, allow in grants
    ]
    return CallerEntry(issuer="people", subject="*", grants=tuple(made))


def said(use: Use, of: CallerEntry, prefix: str = "m/") -> list[str]:
    found = rights(target(use, prefix=prefix), of, CONDITIONAL)
    return [what for right in found for what in right.what]


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ([("m/", {LIST, LOAD})], ["read"]),
        ([("m/", {LIST}), ("", {LOAD})], ["read"]),
        ([("m/", {LIST}), ("m/a/", {LOAD})], ["read a part"]),
        ([("m/a/", {LIST}), ("", {LOAD})], ["read a part"]),
        ([("m/", {LIST}), ("m/a/file", {LOAD})], ["read a part"]),
        ([("m/{claim:/a}/", {LIST}), ("m/{claim:/b}/c/", {LOAD})], ["read a part"]),
        ([("m/{claim:/a}/", {LIST, LOAD})], ["read a part"]),
        ([("{claim:/a}/", {LIST, LOAD})], ["read"]),
        ([("m/a/", {LIST}), ("m/b/", {LOAD})], []),
        ([("m/", {LIST})], []),
        ([("m/a", {LIST, LOAD})], []),  # a list is of all keys below a prefix
        ([("n/", {LIST, LOAD})], []),
        ([], []),
    ],
)
def test_grants_cover_all_a_part_or_nothing(
    grants: list[tuple[str, set[Operation]]], words: list[str]
) -> None:
    assert said(READ, entry(*grants)) == words
    assert said(READ, entry(*grants, bucket="other")) == []


def test_a_use_without_words_for_a_part_needs_all() -> None:
    whole = Use("read", READ.needs)
    assert said(whole, entry(("m/a/", {LIST, LOAD}))) == []
    assert said(whole, entry(("m/", {LIST, LOAD}))) == ["read"]


@pytest.mark.parametrize(
    ("prefix", "grants", "words"),
    [
        ("m/", [("m/a/", {LIST, LOAD})], ["read a part"]),
        ("m/", [("m/a/", {LIST}), ("m/a/b/c/", {LOAD})], ["read a part"]),
        ("m/", [("m/{claim:/a/b}/", {LIST, LOAD})], ["read a part"]),
        ("m/", [("m/a/b/", {LIST, LOAD})], []),
        ("m/n/o/", [("m/", {LIST, LOAD})], ["read"]),
    ],
)
def test_a_list_may_begin_only_so_deep(
    prefix: str, grants: list[tuple[str, set[Operation]]], words: list[str]
) -> None:
    assert said(NEAR, entry(*grants), prefix) == words


def test_an_upload_may_have_to_overwrite() -> None:
    assert said(WRITE, entry(("m/", {SEND}))) == []
    assert said(WRITE, entry(("m/", {SEND}), allow_overwrite=True)) == ["write"]


def test_two_operations_may_have_to_be_of_one_grant() -> None:
    assert said(SHARE, entry(("m/", {LOAD, LINK}))) == ["share"]
    assert said(SHARE, entry(("m/", {LOAD}), ("m/", {LINK}))) == []


def test_what_a_store_cannot_do_is_nobodys_right() -> None:
    of, both = entry(("m/", {SEND, LIST, LOAD}), bucket="old"), target(READ, CREATE, bucket="old")
    assert [right.what for right in rights(both, of, CONDITIONAL)] == [("read",)]
    [lost] = warnings(both, [of], CONDITIONAL)
    assert str(lost) == ("at.bucket: bucket old has no conditional writes, so nobody may create")


def test_what_nobody_may_use_says_what_it_needs() -> None:
    [nobody] = warnings(target(READ, WRITE, SHARE), [entry(("n/", {LIST, LOAD}))], CONDITIONAL)
    assert str(nobody) == (
        "at: nobody may use it; a caller needs grants that cover demo/m/ with `download` and "
        "`list` to read, or with `upload` and `allow_overwrite` to write, or with `download` and "
        "`link` in one grant to share"
    )
    assert [*warnings(target(READ, WRITE), [entry(("m/", {LIST, LOAD}))], CONDITIONAL)] == []


def nobody_reads(*entries: CallerEntry) -> bool:
    return [str(each)[:21] for each in warnings(target(READ), entries, CONDITIONAL)] != []


@pytest.mark.parametrize(
    ("listed", "loaded", "is_shared"),
    [
        ("m/", "m/", True),
        ("m/a/", "m/", True),
        ("m/", "m/{claim:/team}/", True),
        ("m/{claim:/team}/", "m/a/file", True),
        ("m/a/", "m/b/", False),
        ("n/", "m/", False),
    ],
)
def test_grants_of_several_entries_add_up(listed: str, loaded: str, *, is_shared: bool) -> None:
    """A token may match both: one by its subject, the other by its claims."""
    listing, loading = entry((listed, {LIST})), entry((loaded, {LOAD}))
    named = replace(listing, subject="alice")
    grouped = replace(loading, subject=None, claims=((("/groups", '"dev"'),),))
    assert nobody_reads(named)
    assert nobody_reads(grouped)
    assert nobody_reads(named, grouped) is not is_shared
    assert nobody_reads(grouped, named) is not is_shared


@pytest.mark.parametrize("issuer", [None, "robots"])
def test_no_caller_matches_entries_of_two_issuers_or_keys(issuer: str | None) -> None:
    listing, loading = entry(("m/", {LIST})), entry(("m/", {LOAD}))
    other = replace(loading, issuer=issuer, subject="a")
    assert nobody_reads(listing, other)
    assert nobody_reads(replace(other, subject="b", grants=listing.grants), other) is (
        issuer is None
    )
