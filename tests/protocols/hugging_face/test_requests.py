"""Queries and bodies of the Hub's clients."""

from typing import Final
from urllib.parse import parse_qs

import pytest

from service.errors import InvalidJson, InvalidRequest
from service.protocols.hugging_face.schemas import TreeQuery, paths_of, tree_query, wants_blobs

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "recursive"),
    [("", False), ("recursive=true", True), ("recursive=True&expand=1", True), ("recursive=0", False)],
)  # fmt: skip
def test_a_tree_may_be_recursive(query: str, recursive: bool) -> None:
    assert tree_query(query.encode()) == TreeQuery(recursive, "")


def test_the_next_page_begins_after_the_last_path() -> None:
    text = TreeQuery(recursive=True, cursor="").next_page("a b/é&c=1")
    assert parse_qs(text) == {"recursive": ["true"], "cursor": ["a b/é&c=1"]}
    assert tree_query(text.encode()) == TreeQuery(recursive=True, cursor="a b/é&c=1")


def test_blobs_are_asked_for_by_name() -> None:
    assert wants_blobs(b"expand=a&expand=b&blobs=true")
    assert not wants_blobs(b"securityStatus=true")


@pytest.mark.parametrize(
    ("body", "content_type", "paths"),
    [
        ("paths=a&paths=b%2Fc&expand=False", FORM, ["a", "b/c"]),
        ("paths=a+b", "", ["a b"]),
        ('{"paths": ["a", "b"], "expand": true}', JSON, ["a", "b"]),
        ('{"paths": "a"}', JSON, ["a"]),
        ("", FORM, []),
    ],
)
def test_paths_come_as_a_form_or_as_json(body: str, content_type: str, paths: list[str]) -> None:
    assert paths_of(body.encode(), content_type) == paths


@pytest.mark.parametrize("body", ["[]", "{}", '{"paths": [1]}', '{"paths": null}', "1"])
def test_json_without_paths_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        paths_of(body.encode(), JSON)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_other_bodies_are_no_json(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        paths_of(body, JSON)


@pytest.mark.parametrize("body", [b"paths=%ff", b"paths=\xc3\xa9", b"paths=a&" * 10_001])
def test_a_form_is_short_and_in_utf8(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        paths_of(body, FORM)


def test_json_has_at_most_ten_thousand_paths() -> None:
    with pytest.raises(InvalidRequest, match="10,000"):
        paths_of(b'{"paths": [' + b'"a",' * 10_000 + b'"a"]}', JSON)
