"""Which bucket and key a URL names."""

from dataclasses import replace
from typing import Final

import pytest

from service.diagnosis.bucket_lookup import BucketLocation, locate, locate_behind_proxy
from service.diagnosis.request import parse_request
from service.signing.signer import Address
from tests.diagnosis.reports import ADDRESS, PLACE

OWN: Final = Address(
    scheme="http", host="minio.internal:9000", path_prefix="/acme/", region="us-east-1"
)
INNER: Final = replace(OWN, host="10.0.0.1:9000")
PRIVATE: Final = BucketLocation(
    bucket="private", s3_bucket="acme", address=replace(OWN, internal=INNER)
)
PLACES: Final = [PLACE, PRIVATE]


def of(url: str) -> list[tuple[str, str]]:
    return [
        (each.location.bucket, each.key) for each in locate(parse_request("GET", url, None), PLACES)
    ]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"https://{ADDRESS.host}/a/b%20c", [("reports", "a/b c")]),
        (f"https://{ADDRESS.host}:443/a", [("reports", "a")]),
        (f"https://user@{ADDRESS.host.upper()}/a", [("reports", "a")]),
        (f"https://{ADDRESS.host}", [("reports", "")]),
        (f"https://{ADDRESS.host}//a", [("reports", "/a")]),
        ("https://acme-reports.s3.amazonaws.com/a", [("reports", "a")]),
        ("https://acme-reports.s3-eu-west-1.amazonaws.com/a", [("reports", "a")]),
        ("https://acme-reports.s3.dualstack.eu-west-1.amazonaws.com/a", [("reports", "a")]),
        ("https://s3.eu-west-1.amazonaws.com/acme-reports/a/b", [("reports", "a/b")]),
        ("https://s3.cn-north-1.amazonaws.com.cn/acme-reports/a", [("reports", "a")]),
        ("https://s3.amazonaws.com/acme-reports", [("reports", "")]),
        ("http://minio.internal:9000/acme/a", [("private", "a")]),
        ("http://minio.internal:9000/acme", [("private", "")]),
        ("http://10.0.0.1:9000/acme/a", [("private", "a")]),
        ("http://minio.internal:9000/acmes/a", []),
        ("http://minio.internal/acme/a", []),
        ("https://other.s3.amazonaws.com/acme-reports/a", []),
        ("https://s3.amazonaws.com/other/a", []),
        ("https://acme-reports.s3.amazonaws.com.evil.example/a", []),
        ("https://evil.example/acme-reports.s3.amazonaws.com/a", []),
        ("https://acme-reports.example/a", []),
        ("", []),
    ],
)
def test_a_url_names_the_bucket_with_its_host(url: str, found: list[tuple[str, str]]) -> None:
    assert of(url) == found


def test_the_sent_host_header_counts() -> None:
    sent = parse_request("GET", "https://cdn.example/a", {"HOST": ADDRESS.host})
    assert [each.key for each in locate(sent, PLACES)] == ["a"]


def test_a_bucket_with_two_names_is_found_twice() -> None:
    twin = replace(PLACE, bucket="twin")
    sent = parse_request("GET", f"https://{ADDRESS.host}/a", None)
    assert [each.location.bucket for each in locate(sent, [PLACE, twin])] == ["reports", "twin"]


def test_a_matching_host_beats_a_matching_bucket_name() -> None:
    """Otherwise a grant on another store's bucket would allow diagnoses for AWS's namesake."""
    namesake = replace(PRIVATE, s3_bucket="acme-reports")
    sent = parse_request("GET", f"https://{ADDRESS.host}/a", None)
    assert [each.location.bucket for each in locate(sent, [namesake, PLACE])] == ["reports"]


@pytest.mark.parametrize(
    ("url", "key"), [("https://cdn.example/acme/a", "a"), ("https://cdn.example/a/b", "a/b")]
)
def test_behind_a_proxy_the_path_names_the_key(url: str, key: str) -> None:
    assert locate_behind_proxy(parse_request("GET", url, None), PRIVATE).key == key
