"""What tokens of R2 may do of a caller's grants."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.access.r2_rights import (
    ACTIONS,
    NOTHING,
    Rights,
    call_rights,
    may_copy,
    no_rights,
    reading_rights,
    rights_in,
    session_rights,
    vended_rights,
)
from service.errors import InvalidRequest
from service.signing.signer import SignedCall

KEYS: Final = ["a/x", "a/b/x", "b/x", "one.txt", "a/one.txt", "ü/x", "z", "a/"]
PREFIXES: Final = ["", "a/", "a/b/", "b/", "one.txt", "a/one.txt", "ü/"]
GRANTS: Final = st.lists(
    st.builds(
        Grant,
        bucket=st.just("media"),
        prefix=st.sampled_from(PREFIXES),
        allow=st.frozensets(st.sampled_from([*Operation]), min_size=1),
    ),
    min_size=1,
    max_size=5,
)


def grant(prefix: str, *allow: Operation) -> Grant:
    return Grant(bucket="media", prefix=prefix, allow=frozenset(allow))


def token_of(call: SignedCall, *grants: Grant) -> dict[str, Any] | None:
    """Return what the token of a call of a caller with these grants may do. None is nothing."""
    found = call_rights(rights_in(session_rights(grants)), call)
    return None if found is NOTHING else found.claims()


def covers(grants: list[Grant], operation: Operation, key: str) -> bool:
    return any(
        operation in each.allow
        and (key.startswith(each.prefix) if each.covers_subtree else key == each.prefix)
        for each in grants
    )


def test_a_token_of_a_url_is_for_one_action_and_one_key() -> None:
    everything = grant("", *Operation)
    assert token_of(SignedCall("GetObject", ("a/x",)), everything) == {
        "scope": "object-read-only",
        "actions": ["GetObject"],
        "paths": {"objectPaths": ["a/x"]},
    }
    assert token_of(SignedCall("UploadPart", ("a/x",)), everything) == {
        "scope": "object-read-write",
        "actions": ["UploadPart"],
        "paths": {"objectPaths": ["a/x"]},
    }


def test_a_token_of_a_list_is_for_its_prefix() -> None:
    for prefix, paths in [("a/b", {"paths": {"prefixPaths": ["a/b"]}}), ("", {})]:
        found = token_of(SignedCall("ListObjectsV2", prefix=prefix), grant("", Operation.LIST))
        assert found == {"scope": "object-read-only", "actions": ["ListObjectsV2"], **paths}


def test_a_token_of_a_copy_is_for_its_two_keys() -> None:
    found = token_of(SignedCall("CopyObject", ("a/x", "a/y")), grant("a/", *Operation))
    assert found == {
        "scope": "object-read-write",
        "actions": ["CopyObject", "GetObject"],
        "paths": {"objectPaths": ["a/x", "a/y"]},
    }


@given(GRANTS, st.sampled_from(KEYS), st.sampled_from([*ACTIONS]))
def test_a_call_has_a_token_only_if_granted(
    grants: list[Grant], key: str, operation: Operation
) -> None:
    for action in ACTIONS[operation]:
        allowing = [each for each, actions in ACTIONS.items() if action in actions]
        granted = any(covers(grants, each, key) for each in allowing)
        is_list = action == "ListObjectsV2"
        call = SignedCall(action, prefix=key) if is_list else SignedCall(action, (key,))
        assert (token_of(call, *grants) is not None) == granted


def test_a_list_that_looks_for_a_granted_key_is_for_that_key() -> None:
    found = token_of(SignedCall("ListObjectsV2", prefix="k"), grant("k", Operation.CHECK))
    assert found is not None
    assert found["paths"] == {"objectPaths": ["k"]}
    assert token_of(SignedCall("ListObjectsV2", prefix="kk"), grant("k", Operation.CHECK)) is None


@pytest.mark.parametrize("action", ["DeleteObjects", "UploadPartCopy", "ListObjectVersions"])
def test_a_call_of_no_operation_has_no_token(action: str) -> None:
    everything = grant("", *Operation)
    assert token_of(SignedCall(action, ("a/x",)), everything) is None
    assert token_of(SignedCall(action, prefix="a/"), everything) is None


def test_a_grant_on_the_whole_bucket_has_no_paths() -> None:
    whole = Rights.of(["HeadObject"], [grant("", Operation.HEAD)], Operation.HEAD)
    assert "paths" not in whole.claims()
    assert (whole.prefixes, whole.keys) == (("",), ())


def test_a_token_of_nothing_is_not_one_of_everything() -> None:
    for nothing in (Rights(("HeadObject",)), Rights((), keys=("a/x",))):
        with pytest.raises(AssertionError):
            nothing.claims()
    assert token_of(SignedCall("GetObject"), grant("", *Operation)) is None


def test_a_path_that_another_covers_is_left_out() -> None:
    granted = [grant(each, Operation.HEAD) for each in ("a/", "a/b/", "a/k", "k")]
    found = Rights.of(["HeadObject"], granted, Operation.HEAD)
    assert found.claims()["paths"] == {"prefixPaths": ["a/"], "objectPaths": ["k"]}


def test_equal_grants_give_equal_text() -> None:
    granted = [grant("b/", Operation.HEAD), grant("a/", Operation.HEAD)]
    assert session_rights(granted) == session_rights(granted[::-1])


@given(GRANTS, st.sampled_from(KEYS), st.sampled_from(KEYS))
def test_a_copy_reads_and_writes_only_what_is_granted(
    grants: list[Grant], target: str, source: str
) -> None:
    if token_of(SignedCall("CopyObject", (target, source)), *grants) is not None:
        assert may_copy(grants)
        for key in (target, source):
            for needed in (Operation.DOWNLOAD, Operation.UPLOAD):
                assert covers(grants, needed, key)


def test_who_may_upload_what_it_may_download_may_copy() -> None:
    both = [grant("a/", Operation.DOWNLOAD), grant("a/", Operation.UPLOAD)]
    assert may_copy(both)
    assert not may_copy([*both, grant("b/", Operation.DOWNLOAD)])
    assert not may_copy([grant("a/", Operation.HEAD)])


def test_credentials_have_the_actions_of_equal_grants() -> None:
    [found] = rights_in(
        vended_rights(
            [
                grant("a/", Operation.DOWNLOAD, Operation.LIST),
                grant("b/", Operation.LIST, Operation.DOWNLOAD),
            ]
        )
    )
    assert found.actions == ("GetObject", "HeadObject", "ListObjectsV2")
    assert found.claims()["paths"] == {"prefixPaths": ["a/", "b/"]}


def test_credentials_of_other_operations_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        vended_rights(
            [grant("a/", Operation.DOWNLOAD), grant("b/", Operation.DOWNLOAD, Operation.UPLOAD)]
        )
    assert [*refused.value.pointers] == ["#/prefix"]
    assert refused.value.detail == (
        "A token of R2 has the same operations on all its paths, and these grants have not. "
        "Name a prefix whose grants have."
    )


def test_a_buckets_own_session_may_do_nothing() -> None:
    assert rights_in(no_rights()) == ()
    assert NOTHING.claims()["paths"] == {"objectPaths": ["presign-signs-nothing-with-this"]}
    [found] = rights_in(reading_rights())
    assert found.claims() == {
        "scope": "object-read-only",
        "actions": ["GetObject", "HeadObject", "ListObjectsV2"],
    }
