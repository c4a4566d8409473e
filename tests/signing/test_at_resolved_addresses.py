"""URLs at addresses that botocore resolved are botocore's own."""

from typing import Any, Final

import pytest

from service.s3.endpoints import resolve
from service.s3.location import Location
from service.signing.actions import Action, GetObject, ListObjects, PutObject
from service.signing.signer import Signer
from service.signing.sigv4 import Credentials
from tests.signing import oracle

NOW: Final = 1_709_251_199  # 2024-02-29T23:59:59Z
KEY: Final = "//a b/%2F\u00e9"
CREDENTIALS: Final = Credentials(
    access_key_id="ASIAEXAMPLE", secret_access_key="wJalrXUtnFEMI", session_token="t+/=="
)
REQUESTS: Final[list[tuple[Action, str]]] = [
    (GetObject(), KEY),
    (PutObject(content_length=5), KEY),
    (ListObjects(prefix="a/"), ""),
]


def urls(bucket: str, style: Any, endpoint: str | None) -> list[tuple[str, str]]:
    """Return our URL and botocore's for each request."""
    location = Location(
        bucket=bucket, region="eu-west-1", endpoint_url=endpoint, addressing_style=style
    )
    client = oracle.client(CREDENTIALS, "eu-west-1", endpoint, style)
    addresses = resolve({"name": location}, in_process=True).addresses
    signer = Signer(CREDENTIALS, addresses["name"])
    return [
        (
            signer.presign(action, key, now=NOW, expires_in=60),
            oracle.presign(client, bucket, action, key, now=NOW, expires_in=60),
        )
        for action, key in REQUESTS
    ]


@pytest.mark.parametrize(
    ("bucket", "style", "endpoint"),
    [
        ("bkt", "virtual", None),
        ("bkt", "path", None),
        ("my.dot.bkt", "virtual", None),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/reports", "virtual", None),
        ("bkt", "path", "http://127.0.0.1:9000"),
        ("bkt", "virtual", "https://store.test"),
        ("bkt", "path", "https://store.test/of/ours"),
        ("bkt", "path", "https://store.test/of/ours/"),
        ("bkt", "virtual", "https://store.test/of/ours"),
        ("bkt", "path", "https://store.test/a b"),
        ("bkt", "path", "http://[::1]:9000"),
    ],
)
def test_objects_and_lists_are_signed_like_botocore(
    bucket: str, style: str, endpoint: str | None
) -> None:
    for ours, theirs in urls(bucket, style, endpoint):
        assert oracle.parts(ours) == oracle.parts(theirs)


@pytest.mark.parametrize("endpoint", ["https://store.test:443", "http://Store.Test:80"])
def test_the_signed_host_is_what_clients_send(endpoint: str) -> None:
    """Only the query is compared: the URL may have either spelling."""
    for ours, theirs in urls("bkt", "path", endpoint):
        assert oracle.parts(ours)[1] == oracle.parts(theirs)[1]
