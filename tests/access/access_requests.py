"""Access requests: examples, and strategies for any requests and grants."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from service.access.decisions import Allowed
from service.access.grants import AccessRequest, Grant, Operation

ALLOWED = Allowed(None)

segments = st.lists(st.sampled_from(["a", "b", "ab", "", "é"]), max_size=3)
prefixes = segments.map(lambda each: "".join(f"{segment}/" for segment in each))
keys = st.builds(lambda prefix, name: prefix + name, prefixes, st.sampled_from(["a", "ab", "b"]))
grants = st.builds(
    Grant,
    bucket=st.sampled_from(["reports", "photos"]),
    prefix=prefixes | keys,
    allow=st.frozensets(st.sampled_from(Operation)),
    max_expires_in=st.none() | st.integers(1, 3),
    max_content_length=st.none() | st.integers(0, 2),
    content_types=st.none() | st.lists(st.sampled_from(["image/*", "text/html"])).map(tuple),
    max_keys=st.none() | st.integers(1, 3),
    allow_overwrite=st.booleans(),
)
access_requests = st.builds(
    AccessRequest,
    operation=st.sampled_from(Operation),
    bucket=st.sampled_from(["reports", "photos"]),
    key=prefixes | keys,
    is_prefix=st.booleans(),
    content_length=st.none() | st.integers(0, 3),
    content_type=st.none() | st.sampled_from(["image/png", "image/svg+xml", "text/html"]),
    content_type_prefix=st.none() | st.just("image/"),
    overwrite=st.booleans(),
    version=st.booleans(),
    max_keys=st.none() | st.integers(1, 4),
)


def make_request(**changes: Any) -> AccessRequest:
    access_request = AccessRequest(operation=Operation.DOWNLOAD, bucket="reports", key="a/b")
    return replace(access_request, **changes)


def make_upload(**changes: Any) -> AccessRequest:
    return replace(make_request(operation=Operation.UPLOAD, content_length=5), **changes)


def make_form(**changes: Any) -> AccessRequest:
    return replace(
        make_request(operation=Operation.FORM, content_length=5, is_max_length=True), **changes
    )
