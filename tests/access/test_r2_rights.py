"""What tokens of R2 may do of a caller's grants."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.access.r2_rights import (
    ACTIONS,
    copy_rights,
    no_rights,
    operation_rights,
    reading_rights,
    vended_rights,
)
from service.errors import InvalidRequest

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


def rights(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read


def covers(found: dict[str, Any], key: str) -> bool:
    if (paths := found.get("paths")) is None:
        return True
    in_prefix = any(key.startswith(each) for each in paths.get("prefixPaths", ()))
    return in_prefix or key in paths.get("objectPaths", ())


def test_a_download_has_the_example_of_the_page() -> None:
    text = operation_rights(
        [grant("a/", Operation.DOWNLOAD), grant("one.txt", Operation.DOWNLOAD)]
    )[Operation.DOWNLOAD]
    assert text == (
        '{"scope":"object-read-only","actions":["GetObject","HeadObject"],'
        '"paths":{"prefixPaths":["a/"],"objectPaths":["one.txt"]}}'
    )


@pytest.mark.parametrize("operation", ACTIONS)
def test_each_operation_has_its_own_actions(operation: Operation) -> None:
    found = rights(operation_rights([grant("a/", *Operation)])[operation])
    assert found["actions"] == [*ACTIONS[operation]]
    writes = operation not in {Operation.DOWNLOAD, Operation.HEAD, Operation.LIST, Operation.CHECK}
    assert found["scope"] == ("object-read-write" if writes else "object-read-only")
    assert "CopyObject" not in found["actions"]


def test_a_grant_on_the_whole_bucket_has_no_paths() -> None:
    whole = operation_rights(
        [
            grant("", Operation.LIST),
            grant("a/", Operation.LIST, Operation.HEAD),
            grant("k", Operation.LIST),
        ]
    )
    assert "paths" not in rights(whole[Operation.LIST])
    assert rights(whole[Operation.HEAD])["paths"] == {"prefixPaths": ["a/"]}


def test_a_path_that_another_covers_is_left_out() -> None:
    granted = [
        grant("a/", Operation.HEAD),
        grant("a/b/", Operation.HEAD),
        grant("a/k", Operation.HEAD),
        grant("k", Operation.HEAD),
    ]
    paths = rights(operation_rights(granted)[Operation.HEAD])["paths"]
    assert paths == {"prefixPaths": ["a/"], "objectPaths": ["k"]}


@given(GRANTS, st.sampled_from(["a/x", "a/b/x", "b/x", "one.txt", "a/one.txt", "ü/x", "z", "a/"]))
def test_a_token_covers_what_grants_of_its_operation_do(grants: list[Grant], key: str) -> None:
    found = operation_rights(grants)
    for operation in ACTIONS:
        granted = any(
            operation in each.allow
            and (key.startswith(each.prefix) if each.covers_subtree else key == each.prefix)
            for each in grants
        )
        allowed = operation in found and covers(rights(found[operation]), key)
        assert allowed == granted


def test_equal_grants_give_equal_text() -> None:
    granted = [grant("b/", Operation.HEAD), grant("a/", Operation.HEAD)]
    assert operation_rights(granted) == operation_rights(granted[::-1])


def test_a_copy_reads_and_writes_by_actions_of_its_own() -> None:
    both = [
        grant("a/", Operation.DOWNLOAD),
        grant("a/", Operation.UPLOAD),
        grant("b/", Operation.UPLOAD, Operation.DOWNLOAD),
    ]
    text = copy_rights([*both, grant("b/c/", Operation.DOWNLOAD), grant("d/", Operation.HEAD)])
    assert text is not None
    found = rights(text)
    assert found["actions"] == ["CopyObject", "GetObject"]
    assert found["paths"] == {"prefixPaths": ["a/", "b/"]}
    assert found["scope"] == "object-read-write"


@given(GRANTS, st.sampled_from(["a/x", "a/b/x", "b/x", "one.txt", "a/one.txt", "ü/x", "z", "a/"]))
def test_a_copys_token_reads_and_writes_only_what_is_granted(grants: list[Grant], key: str) -> None:
    if (text := copy_rights(grants)) is not None and covers(rights(text), key):
        by_operation = operation_rights(grants)
        for needed in (Operation.DOWNLOAD, Operation.UPLOAD):
            assert needed in by_operation
            assert covers(rights(by_operation[needed]), key)


def test_credentials_have_the_actions_of_equal_grants() -> None:
    found = rights(
        vended_rights(
            [
                grant("a/", Operation.DOWNLOAD, Operation.LIST),
                grant("b/", Operation.LIST, Operation.DOWNLOAD),
            ]
        )
    )
    assert found["actions"] == ["GetObject", "HeadObject", "ListObjectsV2"]
    assert found["paths"] == {"prefixPaths": ["a/", "b/"]}


def test_credentials_of_other_operations_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        vended_rights(
            [grant("a/", Operation.DOWNLOAD), grant("b/", Operation.DOWNLOAD, Operation.UPLOAD)]
        )
    assert [*refused.value.pointers] == ["#/prefix"]


def test_a_buckets_own_session_may_do_nothing() -> None:
    assert rights(no_rights())["paths"] == {"objectPaths": ["presign-signs-nothing-with-this"]}
    assert rights(reading_rights())["scope"] == "object-read-only"
