"""boto3 without credentials: the service signs each of its requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
import httpx
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from tests.support.service import API_KEY, RunningService, make_caller
from tests.support.stores import REGION, Store

ALLOW: Final = ["download", "head", "upload", "multipart", "delete", "list", "sign"]
CALLER: Final = make_caller("tests", API_KEY, "wh/", allow=ALLOW)


class NotSigned(Exception):
    pass


class RemoteSigning:
    """A handler of botocore's `before-sign`, for calls that it leaves unsigned."""

    def __init__(self, service: RunningService) -> None:
        self.service = service

    def __call__(self, request: AWSRequest, operation_name: str, **_: Any) -> None:
        body = request.data.decode() if operation_name == "DeleteObjects" else None
        headers = {name: [value] for name, value in request.headers.items()}
        answer = ask(self.service, request.method, request.url, headers, body)
        if answer.status_code != 200:
            raise NotSigned(answer.text)
        for name, [value] in answer.json()["headers"].items():
            request.headers[name] = value


def ask(
    service: RunningService,
    method: str,
    uri: str,
    headers: dict[str, list[str]] | None = None,
    body: str | None = None,
) -> httpx.Response:
    wanted = {"region": REGION, "method": method, "uri": uri, "headers": headers or {}}
    return service.client.post("/sign/objects/v1/aws/s3/sign", json={**wanted, "body": body})


def sign(
    service: RunningService,
    method: str,
    uri: str,
    headers: dict[str, str] | None = None,
    body: str | None = None,
) -> dict[str, str]:
    """Return all headers to send."""
    sent = {name: [value] for name, value in (headers or {}).items()}
    answer = ask(service, method, uri, sent, body)
    assert answer.status_code == 200, answer.text
    added = {name: value for name, [value] in answer.json()["headers"].items()}
    return {**(headers or {}), **added}


@contextmanager
def unsigned_client(store: Store, service: RunningService) -> Iterator[Any]:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=store.endpoint_url,
        region_name=REGION,
        config=Config(
            signature_version=UNSIGNED,
            s3={"addressing_style": "path"},
            proxies={},
            retries={"max_attempts": 0},
        ),
    )
    client.meta.events.register_last("before-sign.s3", RemoteSigning(service))
    try:
        yield client
    finally:
        client.close()
