"""What is missing on a bucket: CORS rules, a lifecycle rule, encryption."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from service.access.bucket_arns import bucket_arns
from service.access.grants import Operation
from service.operations.live.bucket_settings import SettingsReader, check_settings
from service.operations.live.results import Result
from service.operations.setup.signing import SignedBucket
from service.signing.actions import Encryption
from tests.deploy.iam.files import read
from tests.support.factories import make_grant

APP: Final = "https://app.example.com"
DATE: Final = {"ResponseMetadata": {"HTTPHeaders": {"date": "Thu, 26 Nov 2026 10:00:00 GMT"}}}
BUCKET: Final = SignedBucket(
    name="reports",
    s3_bucket="acme-reports",
    arns=bucket_arns("acme-reports", partition="aws"),
    region="eu-west-1",
    is_at_aws=True,
    is_scoped=True,
    endpoint_url=None,
    grants=(make_grant(allow=frozenset({Operation.DOWNLOAD, Operation.UPLOAD})),),
    credentials="assume_role",
)
ENCRYPTED: Final = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}],
}
Answer = dict[str, Any] | Exception


def refuses(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "canary"}, **DATE}, "GetBucketCors")


class FakeClient:
    """A client like aioboto3's, for S3."""

    def __init__(
        self,
        cors: Answer | None = None,
        lifecycle: Answer | None = None,
        encryption: Answer | None = None,
    ) -> None:
        self.get_bucket_cors = self._method(cors or refuses("NoSuchCORSConfiguration"))
        self.get_bucket_lifecycle_configuration = self._method(
            lifecycle or refuses("NoSuchLifecycleConfiguration")
        )
        self.get_bucket_encryption = self._method(
            encryption or refuses("ServerSideEncryptionConfigurationNotFoundError")
        )

    def _method(self, answer: Answer) -> Callable[..., Any]:
        async def call(*, Bucket: str) -> Any:  # noqa: N803 - the SDK's name
            assert Bucket == "acme-reports"
            if isinstance(answer, Exception):
                raise answer
            return {**answer, **DATE}

        return call


DENIED: Final = FakeClient(
    refuses("AccessDenied"), refuses("AccessDenied"), refuses("AccessDenied")
)


async def found(bucket: SignedBucket, *clients: FakeClient) -> dict[str, list[str]]:
    results = await check_settings(SettingsReader(clients, "acme-reports"), bucket)
    assert {each.path for each in results} <= {("buckets", "reports")}
    assert "canary" not in repr(results)
    return by_kind(results)


def by_kind(results: list[Result]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for each in results:
        kinds.setdefault(each.kind, []).append(each.message)
    return kinds


def with_pages(**more: Any) -> SignedBucket:
    return replace(BUCKET, origins=(APP,), **more)


async def test_all_that_is_configured_works() -> None:
    client = FakeClient(
        read("cors.json"), read("lifecycle.json"), {"ServerSideEncryptionConfiguration": ENCRYPTED}
    )
    bucket = with_pages(grants=(make_grant(),))
    assert await found(bucket, client) == {
        "works": [
            f"its CORS rules allow the pages of {APP}",
            "incomplete uploads are aborted after 7 days",
            "objects are encrypted by default (aws:kms)",
        ]
    }


async def test_pages_without_a_cors_rule_are_a_warning() -> None:
    [cors, _] = (await found(with_pages(), FakeClient()))["warning"]
    assert cors == (
        f"its CORS rules allow no GET from {APP}, HEAD from {APP}, PUT from {APP}; `presign iam` "
        "prints the rule"
    )


async def test_the_bucket_of_uppy_needs_its_cors_rule() -> None:
    [cors] = (await found(with_pages(is_for_uppy=True), FakeClient()))["error"]
    assert f"PUT from {APP}" in cors


@pytest.mark.parametrize(
    ("allowed", "is_allowed"),
    [
        (APP, True),
        ("*", True),
        ("https://*.example.com", True),
        ("https://app.example.com:8443", False),
        ("https://*.example.org", False),
        ("http://app.example.com", False),
    ],
)
async def test_an_origin_may_match_a_pattern(allowed: str, is_allowed: bool) -> None:
    rule = {"AllowedOrigins": [allowed], "AllowedMethods": ["GET", "HEAD", "PUT"]}
    kinds = await found(with_pages(), FakeClient({"CORSRules": [rule]}))
    assert (
        any("CORS rules allow the pages" in each for each in kinds.get("works", [])) is is_allowed
    )


@pytest.mark.parametrize(
    ("headers", "missing"),
    [
        (["*"], None),
        (read("cors.json")["CORSRules"][0]["AllowedHeaders"], None),
        (["Content-Type", "If-*", "x-amz-checksum-*"], "x-amz-copy-source in a PUT"),
        (["content-type", "if-none-match", "x-amz-*"], "if-match in a DELETE"),
    ],
)
async def test_the_console_may_send_what_a_move_needs(
    headers: list[str], missing: str | None
) -> None:
    allowed = frozenset({Operation.DOWNLOAD, Operation.UPLOAD, Operation.DELETE})
    bucket = replace(with_pages(), grants=(make_grant(allow=allowed),), is_in_console=True)
    methods = ["GET", "HEAD", "PUT", "DELETE"]
    rule = {"AllowedOrigins": [APP], "AllowedMethods": methods, "AllowedHeaders": headers}
    kinds = await found(bucket, FakeClient({"CORSRules": [rule]}))
    [cors] = [each for messages in kinds.values() for each in messages if "CORS" in each]
    if missing is None:
        assert cors == f"its CORS rules allow the pages of {APP}"
    else:
        assert cors.startswith(f"its CORS rules allow no {missing} from {APP};")


async def test_a_bucket_without_pages_needs_no_cors() -> None:
    kinds = await found(BUCKET, FakeClient())
    assert not any("CORS" in each for messages in kinds.values() for each in messages)


@pytest.mark.parametrize(
    "rules",
    [
        None,
        {"Rules": [{"Status": "Disabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}]},
        {"Rules": [{"Status": "Enabled", "Expiration": {"Days": 30}}]},
    ],
)  # fmt: skip
async def test_parts_without_a_lifecycle_rule_are_a_warning(rules: Any) -> None:
    parts = (make_grant(allow=frozenset({Operation.MULTIPART})),)
    kinds = await found(replace(BUCKET, grants=parts), FakeClient(lifecycle=rules))
    assert any("no lifecycle rule aborts" in each for each in kinds["warning"])
    assert not any("lifecycle" in each for each in (await found(BUCKET, FakeClient()))["warning"])


def abort(days: int, **limits: Any) -> dict[str, Any]:
    return {
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        **limits,
    }


async def of_lifecycle(prefixes: list[str], *rules: dict[str, Any]) -> str:
    """Return what is said about these rules if these prefixes have grants with `multipart`."""
    parts = tuple(make_grant(prefix=each, allow={Operation.MULTIPART}) for each in prefixes)
    client = FakeClient(lifecycle={"Rules": [*rules]})
    kinds = await found(replace(BUCKET, grants=parts), client)
    texts = [text for each in kinds.values() for text in each]
    [text] = [each for each in texts if "incomplete" in each]
    return text


@pytest.mark.parametrize(
    "limits",
    [
        {"Filter": {"Prefix": "logs/"}},
        {"Prefix": "logs/"},
        {"Filter": {"Tag": {"Key": "a", "Value": "b"}}},
        {"Filter": {"ObjectSizeGreaterThan": 1}},
        {"Filter": {"And": {"Prefix": "", "ObjectSizeGreaterThan": 1}}},
    ],
)
async def test_a_limited_lifecycle_rule_is_not_enough(limits: dict[str, Any]) -> None:
    text = await of_lifecycle(["uploads/"], abort(7, **limits))
    assert text.startswith("no lifecycle rule aborts incomplete multipart uploads")


@pytest.mark.parametrize("limits", [{}, {"Filter": {}}, {"Filter": {"Prefix": ""}}, {"Prefix": ""}])
async def test_a_lifecycle_rule_without_limits_is_enough(limits: dict[str, Any]) -> None:
    text = await of_lifecycle(["", "uploads/"], abort(7, **limits))
    assert text == "incomplete uploads are aborted after 7 days"


async def test_lifecycle_rules_count_for_the_grants_below_them() -> None:
    up, other = (abort(n, Filter={"Prefix": p}) for n, p in ((3, "up"), (9, "other/")))
    assert await of_lifecycle(["uploads/"], up) == "incomplete uploads are aborted after 3 days"
    both = await of_lifecycle(["uploads/", "other/"], up, other, abort(20))
    assert both == "incomplete uploads are aborted after 9 days"
    missing = await of_lifecycle(["uploads/", "more/{claim:/sub}/"], up, other)
    assert 'uploads below "more/{claim:/sub}/", whose' in missing


@pytest.mark.parametrize("date", ["", "yesterday", f"Thu, 26 Nov {'9' * 20} 10:00:00 GMT"])
async def test_a_date_that_is_none_is_left_out(date: str) -> None:
    headers = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    refusal = ClientError({"Error": {"Code": "AccessDenied"}, **headers}, "GetBucketCors")
    reader = SettingsReader([FakeClient(refusal, refusal, refusal)], "acme-reports")
    await check_settings(reader, BUCKET)
    assert reader.server_time is None


async def test_missing_encryption_is_a_warning_unless_it_is_signed() -> None:
    assert (
        "objects are not encrypted by default, nor by `encryption`"
        in (await found(BUCKET, FakeClient()))["warning"]
    )
    signed = await found(replace(BUCKET, encryption=Encryption(algorithm="AES256")), FakeClient())
    assert signed == {"works": ["every upload is signed with its encryption"]}


async def test_what_may_not_be_read_is_one_warning() -> None:
    [(kind, [warning])] = (await found(BUCKET, DENIED)).items()
    assert kind == "warning"
    assert warning == (
        "its CORS, lifecycle, encryption could not be read (AccessDenied); try with "
        "credentials that may"
    )


async def test_own_credentials_are_tried_after_the_roles() -> None:
    client = FakeClient(encryption={"ServerSideEncryptionConfiguration": ENCRYPTED})
    assert "warning" not in await found(BUCKET, DENIED, client)


async def test_a_store_that_does_not_answer_is_a_warning() -> None:
    gone = EndpointConnectionError(endpoint_url="https://canary")
    kinds = await found(BUCKET, FakeClient(gone, gone, gone))
    assert "(EndpointConnectionError)" in kinds["warning"][0]


@pytest.mark.parametrize("client", [FakeClient(), DENIED])
async def test_the_time_of_an_answer_is_noted(client: FakeClient) -> None:
    reader = SettingsReader([client], "acme-reports")
    assert reader.server_time is None
    await check_settings(reader, BUCKET)
    assert reader.server_time == 1_795_687_200  # `date -d 2026-11-26T10:00Z +%s`
