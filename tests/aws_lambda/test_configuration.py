"""The configuration comes from a file, from S3 or from SSM, and errors name where it is."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from service.aws_lambda.configuration import MAX_BYTES, load_configuration
from service.errors import ConfigurationError
from tests.support.stores import BUCKET, REGION, ROOT_KEY_ID, ROOT_SECRET, Store, client, ministack

pytestmark = pytest.mark.slow  # it starts a store for itself

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
SETTINGS: Final = {"buckets": {"demo": {"region": REGION, "role_arn": ROLE}}}


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with ministack(tmp_path_factory.mktemp("ministack")) as store:
        yield store


@pytest.fixture(name="admin", autouse=True)
def _environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint_url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET)
    return store.admin_client()


def problem(source: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(source)
    return str(refused.value)


def test_it_is_read_from_s3(admin: Any) -> None:
    admin.put_object(Bucket=BUCKET, Key="a/presign.yaml", Body=json.dumps(SETTINGS))
    assert set(load_configuration(f"s3://{BUCKET}/a/presign.yaml").buckets) == {"demo"}


def test_it_is_read_from_a_secure_parameter(store: Store) -> None:
    with closing(client("ssm", store.endpoint_url)) as ssm:
        ssm.put_parameter(Name="/presign/a", Value=json.dumps(SETTINGS), Type="SecureString")
    assert set(load_configuration("ssm:/presign/a").buckets) == {"demo"}


def test_an_error_names_the_source_and_the_line(admin: Any) -> None:
    admin.put_object(Bucket=BUCKET, Key="b.yaml", Body="buckets:\n  demo:\n    regoin: x\n")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(f"s3://{BUCKET}/b.yaml")
    assert f"s3://{BUCKET}/b.yaml:3: buckets.demo.regoin: unknown setting" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"s3://{BUCKET}/absent.yaml", f"s3://{BUCKET}/absent.yaml: NoSuchKey"),
        ("s3://bucket-only", "s3://bucket-only: write s3://BUCKET/KEY"),
        ("ssm:/absent", "ssm:/absent: ParameterNotFound"),
        ("ssm:", "ssm:: write ssm:/NAME"),
    ],
)
def test_what_cannot_be_read_is_one_line(source: str, text: str) -> None:
    assert problem(source) == text


def test_an_object_that_is_too_long_is_refused(admin: Any) -> None:
    admin.put_object(Bucket=BUCKET, Key="long.yaml", Body=b"#" * (MAX_BYTES + 1))
    assert problem(f"s3://{BUCKET}/long.yaml").endswith(f"longer than {MAX_BYTES} bytes")


def test_an_unreachable_store_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert problem(f"s3://{BUCKET}/a.yaml") == f"s3://{BUCKET}/a.yaml: EndpointConnectionError"
