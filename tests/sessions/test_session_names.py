"""Session names at STS."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sessions.source import Owner, session_name

ALLOWED_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")  # STS: API_AssumeRole

# Neither configuration nor tokens allow owners with a NUL or a lone surrogate.
parts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
owners = st.none() | st.tuples(st.none() | parts, parts)


def test_own_sessions_are_named_after_the_service() -> None:
    assert session_name(None) == "presign"


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        ("billing", "billing"),
        ("system:serviceaccount:billing:api", "system-serviceaccount-billing-api"),
        ("a b/c\\d\n", "a-b-c-d-"),
        ("jörg", "j-rg"),  # `\w` without ASCII would let it through
        ("it_is+=,.@-fine", "it_is+=,.@-fine"),
        ("", ""),
    ],
)
def test_session_names_show_the_owner(subject: str, written: str) -> None:
    name, _, digest = session_name((None, subject)).rpartition("-")
    assert name == written
    assert re.fullmatch("[0-9a-f]{12}", digest)


@given(owner=owners)
def test_session_names_are_valid_for_sts(owner: Owner) -> None:
    assert ALLOWED_NAME.fullmatch(session_name(owner))


@given(one=owners, other=owners)
def test_distinct_owners_have_distinct_names(one: Owner, other: Owner) -> None:
    assert (session_name(one) == session_name(other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), (None, "b")),
        (("a", "b"), ("b", "a")),
        (("a", "bc"), ("ab", "c")),
        ((None, "presign"), None),
        ((None, "a:b"), (None, "a/b")),
        ((None, "x" * 200), (None, "x" * 201)),
        ((None, "y" + "x" * 200), (None, "z" + "x" * 200)),
        ((None, "x" * 200 + "y"), (None, "x" * 200 + "z")),
    ],
)
def test_similar_owners_have_distinct_names(one: Owner, other: Owner) -> None:
    assert session_name(one) != session_name(other)


def test_long_subjects_keep_their_end() -> None:
    owner = ("cluster", f"system:serviceaccount:{'n' * 80}:api")
    assert len(session_name(owner, vended=True)) == 64
    assert "n-api-" in session_name(owner)


@given(one=owners, other=owners.filter(bool))
def test_a_vended_session_has_a_name_of_its_own(one: Owner, other: Owner) -> None:
    vended = session_name(other, vended=True)
    assert vended == f"{session_name(other)}-vended"
    assert ALLOWED_NAME.fullmatch(vended)
    assert vended != session_name(one)
