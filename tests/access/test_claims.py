"""Verified claims in prefixes: one plain segment, or nothing."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import CallerEntry, Identity, grants_of, pointers, without_placeholders
from service.access.claims import claim, named_claims
from service.access.decisions import Denied, decide
from service.access.grants import Caller, Grant, Grants, Operation
from tests.access.access_requests import make_request
from tests.support.factories import make_grant

CALLER = Caller(issuer="cluster-a", subject="s")


def grants_for(claims: Any, *grants: Grant) -> tuple[Grant, ...]:
    """Return the grants of a caller with these claims."""
    entry = CallerEntry(issuer="cluster-a", subject="s", grants=grants)
    named = [pointer for grant in grants for pointer in pointers(grant.prefix)]
    return grants_of([entry], Identity(CALLER, named_claims(claims, named)))


def prefixes_of(template: str, claims: Any, *more: Grant) -> list[str]:
    return [grant.prefix for grant in grants_for(claims, make_grant(prefix=template), *more)]


@pytest.mark.parametrize(
    ("pointer", "claims"),
    [
        ("/team", {"team": "x"}),
        ("/kubernetes.io/namespace", {"kubernetes.io": {"namespace": "x"}}),
        ("/a/b/c", {"a": {"b": {"c": "x"}}}),
        ("/https:~1~1example.com~1team", {"https://example.com/team": "x"}),
        ("/a~0b", {"a~b": "x"}),
        ("/a~01b", {"a~1b": "x"}),  # `~01` is `~1`, never a slash
        ("/", {"": "x"}),
        ("/a/", {"a": {"": "x"}}),
        ("/a b", {"a b": "x"}),
        ("/é", {"é": "x"}),
    ],
)
def test_placeholders_are_json_pointers(pointer: str, claims: Any) -> None:
    assert prefixes_of(f"teams/{{claim:{pointer}}}/", claims) == ["teams/x/"]


def test_a_prefix_may_have_several_placeholders() -> None:
    template = "{claim:/a}/{claim:/b}/x/{claim:/a}"
    assert pointers(template) == ["/a", "/b", "/a"]
    assert prefixes_of(template, {"a": "1", "b": "2"}) == ["1/2/x/1"]
    assert prefixes_of(template, {"a": "1"}) == []


def test_placeholders_in_claims_are_not_filled() -> None:
    assert prefixes_of("{claim:/a}/", {"a": "{claim:/b}", "b": "x"}) == []


def test_placeholders_can_be_removed_or_replaced() -> None:
    assert without_placeholders("a/{claim:/x}/{claim:/y/z}") == "a//"
    assert without_placeholders("a/{claim:/x}/b", lambda at: f"<{at}>") == "a/</x>/b"


NO_SEGMENT: list[Any] = [
    *("", ".", "..", "x" * 65, "a/b", "/", "a/", "*", "?", "a*", "$", "${aws:username}"),
    *("{claim:/other}", "a b", "a\\b", "a%2Fb", "a\n", "\na", "a\0", "a:b", "é", "\ud800"),
    *("\u0661", "\uff0e\uff0e"),  # a digit and dots, to Unicode
    *(1, 0, 1.5, True, None, ["a"], [], {"x": "a"}, {}),
]


@pytest.mark.parametrize("value", NO_SEGMENT)
def test_a_claim_that_is_no_plain_segment_gives_no_grant(value: Any) -> None:
    """Other grants are not affected."""
    assert prefixes_of("{claim:/c}/", {"c": value}, make_grant(prefix="b/")) == ["b/"]


@pytest.mark.parametrize(
    "claims",
    [
        *({}, {"a": "x"}, {"a": ["x"]}, {"a": [{"b": "x"}]}),
        *({"a": None}, {"a/b": "x"}, {"a": {"B": "x"}}),
    ],
    ids=repr,
)
def test_a_missing_claim_gives_no_grant(claims: Any) -> None:
    assert prefixes_of("{claim:/a/b}/", claims, make_grant(prefix="b/")) == ["b/"]


def test_pointers_do_not_index_lists() -> None:
    assert claim({"groups": ["a", "b"]}, "/groups/0") is None


@pytest.mark.parametrize("value", ["a", "x" * 64, "...", ".a", "-", "_", "0", "A-b_c.d"])
def test_a_plain_segment_is_filled_in_unchanged(value: str) -> None:
    assert prefixes_of("{claim:/c}/", {"c": value}) == [f"{value}/"]


def test_an_identity_does_not_show_its_claims() -> None:
    assert "sentinel" not in repr(Identity(CALLER, {"email": "sentinel"}))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text("ab./*?$_-", max_size=4)
    | st.sampled_from([each for each in NO_SEGMENT if isinstance(each, str)])
    | st.text("abAB01_.-", min_size=60, max_size=70),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
literals = st.sampled_from(["", "a/", "teams/", "a/b-", "x", "é/"])
tails = st.sampled_from(["", "/", "/reports/", ".csv", "-b/", "/k"])
keys = st.text("ab/.*", max_size=8)


@given(head=literals, tail=tails, value=values, key=keys, is_prefix=st.booleans())
def test_no_value_of_a_claim_widens_a_prefix(
    head: str, tail: str, value: Any, key: str, *, is_prefix: bool
) -> None:
    """Whatever the claim, it covers one segment between the texts that the operator wrote."""
    granted_now = grants_for({"c": value}, make_grant(prefix=f"{head}{{claim:/c}}{tail}"))
    rest = ".*" if tail.endswith("/") else ""
    bounds = re.compile(
        f"{re.escape(head)}[A-Za-z0-9_.-]{{1,64}}{re.escape(tail)}{rest}", re.DOTALL
    )
    texts = [key, f"{head}{value}{tail}", f"{head}{value}{tail}{key}", f"{head}{key}", head]
    for text in texts:
        access_request = make_request(key=text, is_prefix=is_prefix)
        if decide(Grants(granted_now), access_request) != Denied():
            assert bounds.fullmatch(text)
            assert isinstance(value, str)
            assert text.startswith(f"{head}{value}{tail}")


@given(head=literals, tail=tails, one=values, other=values, key=keys)
def test_different_claims_never_share_a_key(
    head: str, tail: str, one: Any, other: Any, key: str
) -> None:
    template = f"{head}{{claim:/c}}{tail}"
    if not tail.startswith("/") or one == other:
        return  # with `-b/`, the operator lets `x` and `x-b` overlap
    [first, second] = [prefixes_of(template, {"c": value}) for value in (one, other)]
    for prefix in first:
        access_request = make_request(key=prefix + key)
        assert (
            decide(Grants([make_grant(prefix=each) for each in second]), access_request) == Denied()
        )


@given(value=values, key=keys, operation=st.sampled_from(Operation))
def test_a_claims_prefix_grants_no_key_of_its_sibling(
    value: Any, key: str, operation: Operation
) -> None:
    found = grants_for({"c": value}, make_grant(prefix="b/"), make_grant(prefix="b/{claim:/c}/"))
    for beside in (f"a/{key}", f"b{key.removeprefix('/')}"):
        if not beside.startswith("b/"):
            for is_prefix in (True, False):
                access_request = make_request(operation=operation, key=beside, is_prefix=is_prefix)
                assert decide(Grants(found), access_request) == Denied()
