"""The guard rails of the bucket policy, and CORS."""

import json
from collections.abc import Mapping
from typing import Final

import httpx
import pytest

from tests.end_to_end.iam.deployed import (
    BUCKET_POLICY,
    CORS,
    Deployment,
    Json,
    only,
)
from tests.end_to_end.iam.every_operation import OPERATIONS, refused_operations
from tests.support.service import RunningService

KNOWN: Final = {"aws:SecureTransport", "aws:PrincipalArn", "aws:SourceIp"}
NOT_KNOWN: Final = {
    "s3:signatureversion": "so `StringNotEquals` denies all that the role signs",
    "s3:signatureAge": "so `NumericGreaterThan` denies nothing",
    "aws:SourceVpc": "no request comes by way of one",
}
OURS: Final = "192.0.2.0/24"
LOOPBACK: Final = "127.0.0.0/8"


def got(deployed: Deployment, credentials: Mapping[str, str], **headers: str) -> int:
    """Return the status of a download signed with these credentials."""
    deployed.store.put("x")
    requested = {"Bucket": deployed.store.bucket, "Key": "x"}
    s3 = deployed.client("s3", credentials)
    url = s3.generate_presigned_url("get_object", Params=requested)
    return httpx.get(url, headers=headers, trust_env=False, timeout=60).status_code


def guard_rail(sid: str, old: str = "", new: str = "") -> Json:
    """Return one statement of the file, with `new` in place of `old`."""
    text = json.dumps(only(BUCKET_POLICY, sid))
    assert old in text
    rail: Json = json.loads(text.replace(old, new) if old else text)
    return rail


@pytest.fixture(name="reader", scope="module")
def _reader(deployed: Deployment) -> Json:
    """Another user of the account who may read the bucket."""
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return deployed.create_user(json.dumps({"Version": "2012-10-17", "Statement": [reads]}))


def test_each_condition_of_the_policy_is_supported_or_listed() -> None:
    named = {
        key
        for statement in BUCKET_POLICY["Statement"]
        for keys in statement["Condition"].values()
        for key in keys
    }
    assert named == KNOWN | set(NOT_KNOWN)


def test_requests_without_tls_are_denied(deployed: Deployment, reader: Json) -> None:
    """MiniStack trusts a proxy's header that says TLS."""
    with deployed.bucket_policy(guard_rail("OnlyOverTls")):
        for who in (deployed.session, reader):
            assert got(deployed, who) == 403
            assert got(deployed, who, **{"x-forwarded-proto": "https"}) == 200


def test_signed_requests_work_only_from_listed_networks(
    service: RunningService, deployed: Deployment, reader: Json
) -> None:
    with deployed.bucket_policy(guard_rail("OnlyFromOurNetworks")):
        assert refused_operations(service, deployed.store) == set(OPERATIONS)
        assert got(deployed, reader) == 200
    with deployed.bucket_policy(guard_rail("OnlyFromOurNetworks", old=OURS, new=LOOPBACK)):
        assert refused_operations(service, deployed.store) == set()


def test_every_signature_is_denied_where_versions_are_unsupported(
    deployed: Deployment, reader: Json
) -> None:
    assert "s3:signatureversion" in NOT_KNOWN
    with deployed.bucket_policy(guard_rail("OnlySignatureVersion4")):
        assert got(deployed, deployed.session) == 403
        assert got(deployed, reader) == 200


def test_every_age_is_allowed_where_ages_are_unsupported(
    service: RunningService, deployed: Deployment
) -> None:
    assert "s3:signatureAge" in NOT_KNOWN
    with deployed.bucket_policy(guard_rail("NoOlderSignatures", old="960000", new="-1")):
        assert refused_operations(service, deployed.store) == set()


@pytest.fixture(name="url", scope="module")
def _url(deployed: Deployment) -> str:
    admin, bucket = deployed.store.admin_client(), deployed.store.bucket
    admin.put_bucket_cors(Bucket=bucket, CORSConfiguration=CORS)
    return f"{deployed.store.endpoint_url}/{bucket}/x"


def preflight(url: str, headers: str = "", **changed: str) -> httpx.Response:
    requested = {"origin": "https://app.example.com", "method": "PUT", **changed}
    return httpx.request(
        "OPTIONS",
        url,
        headers={
            "Origin": requested["origin"],
            "Access-Control-Request-Method": requested["method"],
            "Access-Control-Request-Headers": headers,
        },
        trust_env=False,
    )


def test_an_allowed_page_may_upload_and_read_the_etag(service: RunningService, url: str) -> None:
    signed = service.sign(
        "upload-urls",
        key="x",
        content_length=1,
        content_type="text/plain",
        cache_control="private",
        filename="x.txt",
        metadata={"author": "ann"},
        tags={"team": "billing"},
        storage_class="STANDARD",
        checksum={"algorithm": "CRC32", "value": "AAAAAA=="},
    )
    assert len(signed.headers) == 10
    answer = preflight(url, ", ".join(signed.headers))
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    reported = answer.headers["access-control-allow-headers"].replace(" ", "")
    assert set(reported.lower().split(",")) == set(signed.headers)
    assert answer.headers["access-control-expose-headers"] == "ETag"


@pytest.mark.parametrize(
    "requested",
    [
        pytest.param({"origin": "https://elsewhere.example.com"}, id="another origin"),
        pytest.param({"origin": "http://app.example.com"}, id="the same without TLS"),
        pytest.param({"method": "DELETE"}, id="another method"),
        pytest.param({"headers": "authorization"}, id="another header"),
        pytest.param({"headers": "x-amz-acl"}, id="an ACL"),
    ],
)
def test_other_pages_and_other_headers_are_not_allowed(url: str, requested: dict[str, str]) -> None:
    assert preflight(url).status_code == 200
    assert preflight(url, **requested).status_code == 403
