"""S3 clients whose requests presign signs: what is sent to it, and what comes of the answer."""

import asyncio
import io
import json
import threading
from collections.abc import Callable
from typing import Any

import aioboto3
import aiobotocore.session
import boto3
import botocore.loaders
import botocore.session
import httpx
import pytest
from aiobotocore.awsrequest import AioAWSResponse
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from urllib3 import HTTPResponse

from presign_client import PresignError, Retries, boto
from tests.client.failing import fails
from tests.client.fake import TOKEN, Fake, problem
from tests.client.fake_protocols import SESSION_TOKEN, iceberg_error

LOADER = botocore.loaders.create_loader()  # shared: a session reads S3's model for 0.3 s
STORE = {"endpoint_url": "https://store.test", "region_name": "eu-west-1"}
SIGNATURE = "AWS4-HMAC-SHA256 Signature=of-the-tests"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake() -> Fake:
    return Fake()


def install(fake: Fake, session: Any, **options: Any) -> None:
    getattr(session, "_session", session).register_component("data_loader", LOADER)
    options = {"token": TOKEN, **options}
    http = httpx.Client(transport=httpx.MockTransport(fake.answer))
    retries = Retries(sleep=fake.waits.append, random=lambda: 0.5)
    boto.install(session, "https://presign.test", http=http, retries=retries, **options)


class AsyncBytes:
    async def read(self) -> bytes:
        return b""


class Store:
    """Records what a client sends, and answers all with an empty 200."""

    def __init__(self, client: Any) -> None:
        self.sent: list[Any] = []
        client.meta.events.register("before-send.s3", self.answer)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        return AWSResponse(request.url, 200, {}, HTTPResponse(io.BytesIO(), preload_content=False))


class AsyncStore(Store):
    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        return AioAWSResponse(request.url, 200, {}, AsyncBytes())


def s3(fake: Fake, **options: Any) -> tuple[Any, Store]:
    session = boto3.Session()
    install(fake, session, **options)
    client = session.client("s3", **STORE)
    return client, Store(client)


def asked(fake: Fake, number: int = 0) -> Any:
    return json.loads(fake.requests[number].content)


def lower(headers: Any) -> dict[str, str]:
    """Return the headers of a request that botocore sends, whose values may be bytes."""
    return {n.lower(): v.decode() if isinstance(v, bytes) else v for n, v in headers.items()}


def test_a_request_gets_the_headers_of_the_service(fake: Fake) -> None:
    client, store = s3(fake)

    client.get_object(Bucket="bucket", Key="a b/ü.csv")

    headers = lower(store.sent[0].headers)
    assert headers["authorization"] == SIGNATURE
    assert headers["x-amz-security-token"] == SESSION_TOKEN
    assert fake.paths() == ["POST aws/s3/sign"]
    assert asked(fake) == {
        "region": "eu-west-1",
        "method": "GET",
        "uri": store.sent[0].url,
        "headers": {"x-amz-checksum-mode": ["ENABLED"]},
    }
    assert store.sent[0].url == "https://store.test/bucket/a%20b/%C3%BC.csv"


def test_a_bucket_has_a_signer_of_its_own(fake: Fake) -> None:
    client, _ = s3(fake, bucket="reports")

    client.head_object(Bucket="bucket", Key="a")

    assert fake.requests[0].url.path == "/sign/reports/v1/aws/s3/sign"


def test_the_length_is_sent_to_be_signed(fake: Fake) -> None:
    client, store = s3(fake)

    client.put_object(Bucket="bucket", Key="a", Body=b"12345", ChecksumSHA256="hash")

    assert asked(fake)["headers"]["content-length"] == ["5"]
    assert lower(store.sent[0].headers)["content-length"] == "5"


def test_a_stream_with_a_trailer_is_signed_as_one(fake: Fake) -> None:
    client, store = s3(fake)

    client.put_object(Bucket="bucket", Key="a", Body=io.BytesIO(b"12345"))

    headers = asked(fake)["headers"]
    assert headers["x-amz-content-sha256"] == ["STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    assert headers["x-amz-decoded-content-length"] == ["5"]
    assert "content-length" not in headers | lower(store.sent[0].headers)


def test_conditions_and_metadata_are_sent_to_be_signed(fake: Fake) -> None:
    client, _ = s3(fake)

    client.put_object(
        Bucket="bucket", Key="a", Body=b"", IfNoneMatch="*", ContentType="a/b", Metadata={"c": "d"}
    )

    headers = asked(fake)["headers"]
    assert headers["if-none-match"] == ["*"]
    assert headers["content-type"] == ["a/b"]
    assert headers["x-amz-meta-c"] == ["d"]


def test_headers_that_change_on_their_path_are_not_sent(fake: Fake) -> None:
    client, _ = s3(fake)

    client.put_object(Bucket="bucket", Key="a", Body=b"12345")

    assert not asked(fake)["headers"].keys() & {
        *("user-agent", "expect", "transfer-encoding"),
        *("amz-sdk-invocation-id", "amz-sdk-request", "authorization", "x-amz-date"),
    }


def test_the_keys_to_delete_are_sent(fake: Fake) -> None:
    client, store = s3(fake)

    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "ü"}]})

    assert asked(fake)["body"] == store.sent[0].body.decode()
    assert "<Key>ü</Key>" in asked(fake)["body"]
    assert asked(fake)["headers"]["content-length"] == [str(len(store.sent[0].body))]


def test_other_bodies_are_not_sent(fake: Fake) -> None:
    client, _ = s3(fake)

    client.put_object(Bucket="bucket", Key="a", Body=b"12345")

    assert "body" not in asked(fake)


def test_credentials_of_the_session_are_not_used(fake: Fake) -> None:
    session = boto3.Session(aws_access_key_id="AKIA", aws_secret_access_key="other")
    install(fake, session)
    client = session.client("s3", **STORE)
    store = Store(client)

    client.list_objects_v2(Bucket="bucket")

    assert lower(store.sent[0].headers)["authorization"] == SIGNATURE


def test_clients_of_other_services_are_left_alone(fake: Fake) -> None:
    session = boto3.Session(aws_access_key_id="AKIA", aws_secret_access_key="other")
    install(fake, session)

    url = session.client("sts", region_name="eu-west-1").generate_presigned_url(
        "get_caller_identity"
    )

    assert "X-Amz-Credential=AKIA" in url
    assert fake.requests == []


def test_a_resource_of_the_session_is_signed(fake: Fake) -> None:
    session = boto3.Session()
    install(fake, session)
    resource = session.resource("s3", **STORE)
    store = Store(resource.meta.client)

    resource.Object("bucket", "a").delete()

    assert lower(store.sent[0].headers)["authorization"] == SIGNATURE


def test_a_session_of_botocore_is_signed(fake: Fake) -> None:
    session = botocore.session.Session()
    install(fake, session)
    client = session.create_client("s3", **STORE)
    store = Store(client)

    client.delete_object(Bucket="bucket", Key="a")

    assert lower(store.sent[0].headers)["authorization"] == SIGNATURE


def test_a_second_installation_replaces_the_first(fake: Fake) -> None:
    session, other = boto3.Session(), Fake()
    install(other, session, token="another")
    install(fake, session)
    client = session.client("s3", **STORE)
    Store(client)

    client.head_object(Bucket="bucket", Key="a")

    assert (len(other.requests), len(fake.requests)) == (0, 1)


@pytest.mark.parametrize(
    "sign",
    [
        lambda client: client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}),
        lambda client: client.generate_presigned_post("b", "k"),
    ],
    ids=["url", "post"],
)
def test_urls_are_refused_in_words(fake: Fake, sign: Callable[[Any], Any]) -> None:
    client, _ = s3(fake)

    with pytest.raises(PresignError, match="no URLs"):
        sign(client)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidRequest"),
        (401, "InvalidToken"),
        (403, "AccessDenied"),
        (413, "EntityTooLarge"),
        (419, "ExpiredToken"),
    ],
)
def test_a_refusal_is_an_error_of_s3(fake: Fake, status: int, code: str) -> None:
    fails(9, iceberg_error(status, "refused", "No grant."), fake)
    client, store = s3(fake)

    with pytest.raises(ClientError) as raised:
        client.put_object(Bucket="bucket", Key="a", Body=b"12345")

    assert raised.value.operation_name == "PutObject"
    assert raised.value.response["Error"] == {"Code": code, "Message": "presign: No grant."}
    assert raised.value.response["ResponseMetadata"]["RequestId"] == "request-1"
    assert isinstance(raised.value.__cause__, PresignError)
    assert raised.value.__cause__.code == "refused"
    assert (len(fake.requests), store.sent) == (1, [])


def test_an_overloaded_service_is_asked_again(fake: Fake) -> None:
    fails(2, iceberg_error(503, "overloaded", "Try again."), fake)
    client, store = s3(fake)

    client.put_object(Bucket="bucket", Key="a", Body=b"12345")

    assert (len(fake.waits), len(store.sent)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ConnectError("refused"), "unreachable"),
        (httpx.Response(403, content="<html>A firewall</html>"), "not_presign"),
        (problem(404, "not_found"), "not_found"),
        (httpx.Response(200, json={"uri": "https://store.test/b/c", "headers": {}}), "not_presign"),
        (httpx.Response(200, json={"headers": {}}), "not_presign"),
        (httpx.Response(200, json=[]), "not_presign"),
    ],
)
def test_a_failure_is_a_presign_error(fake: Fake, answer: Any, code: str) -> None:
    fails(9, answer, fake)
    client, store = s3(fake)

    with pytest.raises(PresignError) as raised:
        client.get_object(Bucket="bucket", Key="a")

    assert raised.value.code == code
    assert TOKEN not in str(raised.value)
    assert store.sent == []


def test_a_session_without_presign_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRESIGN_URL", raising=False)

    with pytest.raises(ValueError, match="PRESIGN_URL"):
        boto.install(boto3.Session(), token=TOKEN)


async def test_a_session_of_aiobotocore_is_signed(fake: Fake) -> None:
    session = aiobotocore.session.AioSession()
    install(fake, session)

    async with session.create_client("s3", **STORE) as client:
        store = AsyncStore(client)
        await client.head_bucket(Bucket="bucket")

    assert lower(store.sent[0].headers)["authorization"] == SIGNATURE


async def test_a_session_of_aioboto3_is_signed(fake: Fake) -> None:
    session = aioboto3.Session()
    install(fake, session)

    async with session.client("s3", **STORE) as client:
        store = AsyncStore(client)
        await client.head_bucket(Bucket="bucket")

    assert lower(store.sent[0].headers)["authorization"] == SIGNATURE


async def test_a_refusal_reaches_a_coroutine(fake: Fake) -> None:
    fails(9, iceberg_error(403, "forbidden", "No grant."), fake)
    session = aioboto3.Session()
    install(fake, session)

    async with session.client("s3", **STORE) as client:
        with pytest.raises(ClientError, match="No grant"):
            await client.head_bucket(Bucket="bucket")


async def test_the_loop_runs_while_presign_is_asked(fake: Fake) -> None:
    loop, is_asked, loop_ran = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def before(_: httpx.Request) -> httpx.Response | None:
        loop.call_soon_threadsafe(is_asked.set)
        return None if loop_ran.wait(60) else problem(403, "blocked")

    fake.before = before
    session = aioboto3.Session()
    install(fake, session)

    async with session.client("s3", **STORE) as client:
        AsyncStore(client)
        signed = asyncio.create_task(client.head_bucket(Bucket="bucket"))
        await is_asked.wait()
        loop_ran.set()
        await signed
