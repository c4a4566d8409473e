"""Which callers match an entry, and which grants that gives them."""

import time
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access.callers import CallerEntry, Identity, grants_of
from service.access.claims import named_claims
from service.access.grants import Caller, Grant, Operation
from tests.access.pairs import intersecting_subject
from tests.support.factories import make_grant

ISSUER = "cluster-a"
A_GRANT = make_grant(prefix="a/")


def make_entry(subject: str, *grants: Grant, issuer: str | None = ISSUER) -> CallerEntry:
    return CallerEntry(issuer=issuer, subject=subject, grants=grants or (A_GRANT,))


def make_caller(subject: str, issuer: str | None = ISSUER) -> Caller:
    return Caller(issuer=issuer, subject=subject)


def globs(pattern: str, text: str) -> bool:
    """Match by trying all texts for a star: slow, but certainly right."""
    if not pattern:
        return not text
    if pattern[0] != "*":
        return bool(text) and pattern[0] == text[0] and globs(pattern[1:], text[1:])
    if globs(pattern[1:], text):
        return True
    return bool(text) and text[0] != ":" and globs(pattern, text[1:])


patterns = st.text("ab:*", max_size=6)
subjects = st.text("ab:", max_size=8)
any_subjects = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("ns:sa:billing:api", ["ns:sa:billing:api"], []),
        (
            "ns:sa:billing:*",
            ["ns:sa:billing:api", "ns:sa:billing:"],
            ["ns:sa:billing:api:x", "ns:sa:billing"],
        ),
        ("ns:sa:*:api", ["ns:sa:billing:api"], ["ns:sa:x:billing:api"]),
        ("ns:*", [], ["ns:sa:billing:api"]),
        ("billing-*", ["billing-api", "billing-a\nb"], ["x-billing-api"]),  # also across lines
        ("billing", [], ["billing2", "Billing", "billing\n"]),
        ("billing-*-z", [], ["billing-\n-z\n"]),
        *(("a.c", [], ["abc"]), ("a+", [], ["aa"]), ("(a|b)", ["(a|b)"], ["a"])),
        *(("[ab]", [], ["a"]), ("a$", [], ["a"]), ("a?", [], ["a"]), ("a\\d", [], ["a1"])),
        # No character of a subject is matched twice.
        *(("a*a", ["aa"], ["a"]), ("a*a*", ["aa"], ["a"]), ("*ab*b", ["abb"], ["ab"])),
        ("a\\*", ["a\\x"], []),  # nothing escapes the star
        ("jörg", [], ["jo\u0308rg"]),
    ],
)
def test_a_subject_is_matched_as_a_whole(
    pattern: str, matched: list[str], others: list[str]
) -> None:
    for subject in matched:
        assert make_entry(pattern).may_match(make_caller(subject))
    for subject in others:
        assert not make_entry(pattern).may_match(make_caller(subject))


@given(pattern=patterns, subject=subjects)
def test_a_star_matches_any_text_without_a_colon(pattern: str, subject: str) -> None:
    assert make_entry(pattern).may_match(make_caller(subject)) is globs(pattern, subject)


@given(pattern=any_subjects, subject=any_subjects)
@example(pattern="^a|b$", subject="a")
@example(pattern="{claim:/x}", subject="x")
def test_all_other_characters_match_literally(pattern: str, subject: str) -> None:
    literal = pattern.replace("*", "")
    assert make_entry(literal).may_match(make_caller(literal))
    assert make_entry(literal).may_match(make_caller(subject)) is (literal == subject)


@st.composite
def patterns_of(draw: st.DrawFn, subject: str) -> str:
    """Return a pattern that matches the subject, with stars for some of its characters."""
    kept = [
        "*" if each != ":" and draw(st.booleans()) else each + draw(st.sampled_from(["", "*"]))
        for each in subject
    ]
    return "".join(kept)


@given(subject=subjects, data=st.data())
def test_patterns_that_match_the_same_subject_intersect(subject: str, data: st.DataObject) -> None:
    """`check` adds up the grants of one caller, so it must not miss an entry."""
    one, other = data.draw(patterns_of(subject)), data.draw(patterns_of(subject))
    assert make_entry(one).may_match(make_caller(subject))
    assert intersecting_subject(one, other) is not None
    assert intersecting_subject(other, one) is not None


@given(one=patterns, other=patterns)
@example(one="a*", other="*b")
@example(one="a*:b", other="a:*")
def test_an_intersecting_subject_matches_both_patterns(one: str, other: str) -> None:
    found = intersecting_subject(one, other)
    assert found is None or (globs(one, found) and globs(other, found))


@pytest.mark.parametrize(
    ("one", "other", "subject"),
    [
        *(("ab", "ab", "ab"), ("ab", "a*", "ab"), ("a*", "*b", "ab"), ("a*:b", "a:*", "a:b")),
        *(("*", "*", ""), ("**", "", ""), ("a*:b", "a:*b", "a:b"), ("*a", "*ba", "ba")),
        *(("*b", "*ab", "ab"), ("*x*", "*x*", "xx")),
        *(("a", "b", None), ("a", "", None), ("a*", "b*", None), ("a:*", "a*", None)),
        *(("a*:b", "a*:c", None), ("*", "a:b", None), ("*", ":", None)),
    ],
)
def test_intersecting_subjects(one: str, other: str, subject: str | None) -> None:
    assert intersecting_subject(one, other) == subject
    assert intersecting_subject(other, one) == subject


def test_the_longest_patterns_are_compared() -> None:
    """255 characters, the limit of a subject."""
    assert intersecting_subject("x" * 255, "x" * 255) == "x" * 255
    assert intersecting_subject("x" + "*a" * 127, "x" + "*b" * 127) is None


def test_a_near_match_of_many_stars_is_fast() -> None:
    """Tokens choose the subject, and must not be able to block the service."""
    entry, caller = make_entry("a*a*a*a*a*ab"), make_caller("a" * 120)
    begun = time.process_time()
    assert not entry.may_match(caller)
    assert time.process_time() - begun < 0.1


def test_grants_of_all_matching_entries_add_up() -> None:
    entries = [
        make_entry("billing", make_grant(prefix="a/")),
        make_entry("bill*", make_grant(prefix="b/"), make_grant(prefix="c/")),
        make_entry("sales", make_grant(prefix="d/")),
        make_entry("billing", make_grant(prefix="e/"), issuer="cluster-b"),
    ]
    found = grants_of(entries, Identity(make_caller("billing")))
    assert [grant.prefix for grant in found] == ["a/", "b/", "c/"]


@pytest.mark.parametrize(
    ("entry_issuer", "caller_issuer"),
    [("cluster-a", "cluster-b"), ("cluster-a", None), (None, "cluster-a"), ("", None), (None, "")],
)
@pytest.mark.parametrize("pattern", ["billing", "billin*", "b*"])
def test_subjects_of_other_issuers_and_api_keys_never_match(
    entry_issuer: str | None, caller_issuer: str | None, pattern: str
) -> None:
    """Even if they are spelled the same."""
    entry = make_entry(pattern, issuer=entry_issuer)
    assert entry.may_match(make_caller("billing", entry_issuer))
    assert not entry.may_match(make_caller("billing", caller_issuer))


segments = st.sampled_from(["a/", "b/", "ab/", "a/b/", "{claim:/c}/", "x/{claim:/c}", ""])
some_grants = st.lists(
    st.builds(
        Grant,
        bucket=st.just("reports"),
        prefix=segments,
        allow=st.frozensets(st.sampled_from(Operation)),
    ),
    max_size=3,
).map(tuple)
entries = st.lists(
    st.builds(
        CallerEntry,
        issuer=st.sampled_from([None, "cluster-a", "cluster-b"]),
        subject=st.sampled_from(["s", "s*", "t", "t*", "s:*"]),
        grants=some_grants,
    ),
    max_size=4,
)
identities = st.builds(
    lambda issuer, subject, value: Identity(
        make_caller(subject, issuer), named_claims({"c": value}, ["/c"])
    ),
    st.sampled_from([None, "cluster-a", "cluster-b"]),
    st.sampled_from(["s", "st", "t", "s:x"]),
    st.sampled_from(["a", "b", "ab", "..", "a/b", None]),
)


@given(some=entries, identity=identities)
def test_only_matching_entries_give_grants(some: list[CallerEntry], identity: Identity) -> None:
    """All that it gets are their grants, one by one."""
    caller = identity.caller
    matching = [
        each
        for each in some
        if each.issuer == caller.issuer and globs(each.subject or "", caller.subject)
    ]
    alone = [replace(entry, grants=(grant,)) for entry in matching for grant in entry.grants]
    found = [grants_of([entry], identity) for entry in alone]
    assert grants_of(some, identity) == tuple(grant for grants in found for grant in grants)
