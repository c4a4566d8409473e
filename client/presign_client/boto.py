"""S3 clients of boto3, botocore, aioboto3 and aiobotocore that need no AWS credentials.

The service signs each of their requests.
"""

import asyncio
import inspect
import os
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore import UNSIGNED
from botocore.auth import SIGNED_HEADERS_BLACKLIST
from botocore.exceptions import ClientError

from presign_client.api import Api
from presign_client.errors import NOT_PRESIGN, PresignError
from presign_client.remote_signing import RemoteSigner, UnsignedRequest
from presign_client.retries import Retries
from presign_client.settings import Token, service_url, token_source

if TYPE_CHECKING:
    import httpx

ID = "presign-remote-signing"
CALLS = 32  # of coroutines, at the same time; more wait
# botocore signs these two as well. They differ in each attempt, and S3 does not need them signed.
NOT_SIGNED = frozenset({*SIGNED_HEADERS_BLACKLIST, "amz-sdk-invocation-id", "amz-sdk-request"})
# What S3 answers in such a case.
CODES: Mapping[int, str] = {
    400: "InvalidRequest",
    401: "InvalidToken",
    403: "AccessDenied",
    413: "EntityTooLarge",
    419: "ExpiredToken",
    429: "SlowDown",
    503: "SlowDown",
}


def install(
    session: Any,
    url: str | None = None,
    token: Token | None = None,
    *,
    token_file: str | os.PathLike[str] | None = None,
    bucket: str | None = None,
    retries: Retries | None = None,
    http: "httpx.Client | None" = None,
) -> None:
    """Let presign sign all requests of the S3 clients that this session creates from now on.

    `session` is one of boto3, botocore, aioboto3 or aiobotocore. Where presign is, and the token,
    are as in `Presign`. `bucket` is the name of a bucket in presign, which then signs for no other.
    A second call replaces the first.

    The clients raise `ClientError` where presign refuses, with S3's code, and `PresignError` if it
    cannot be reached. They cannot sign URLs: `Presign.download_url` can.

    Raises:
        ValueError: if `url` or `token` is missing.

    """
    where, current_token = service_url(url), token_source(token, token_file)
    where += "" if bucket is None else f"/sign/{quote(bucket, safe='')}"
    api = Api(where, current_token, http, retries or Retries())
    signer = RemoteSigner(api, current_token)
    weakref.finalize(signer, api.close)  # once no session and no client has it
    botocore_session = getattr(session, "_session", session)  # boto3's and aioboto3's have one
    is_async = inspect.iscoroutinefunction(botocore_session.get_credentials)
    handlers = {
        "choose-signer.s3": _choose_signer,
        "before-sign.s3": _async_handler(signer) if is_async else _handler(signer),
    }
    for event, handler in handlers.items():
        botocore_session.unregister(event, unique_id=f"{ID}.{event}")
        botocore_session.register(event, handler, unique_id=f"{ID}.{event}")


def _choose_signer(context: Mapping[str, Any], **_: Any) -> Any:
    if context.get("is_presign_request"):
        raise PresignError(
            "unsupported", "Presign signs requests of this client, but no URLs. See `presign url`."
        )
    return UNSIGNED


def _handler(signer: RemoteSigner) -> Any:
    def sign(request: Any, region_name: str, operation_name: str, **_: Any) -> None:
        unsigned = _unsigned(request, region_name, operation_name)
        _add(request, _signed(signer, unsigned, operation_name))

    return sign


def _async_handler(signer: RemoteSigner) -> Any:
    threads = ThreadPoolExecutor(CALLS, thread_name_prefix="presign")

    async def sign(request: Any, region_name: str, operation_name: str, **_: Any) -> None:
        unsigned = _unsigned(request, region_name, operation_name)
        loop = asyncio.get_running_loop()
        _add(
            request,
            await loop.run_in_executor(threads, _signed, signer, unsigned, operation_name),
        )

    return sign


def _unsigned(request: Any, region: str, operation: str) -> UnsignedRequest:
    prepared = request.prepare()
    length = prepared.headers.get("content-length")
    if length is not None:
        # botocore adds it after it has signed. A grant may limit it, so it must be signed.
        request.headers["Content-Length"] = length
    headers = {name.lower(): value for name, value in request.headers.items()}
    return UnsignedRequest(
        region=request.context.get("signing", {}).get("region") or region,
        method=request.method,
        uri=prepared.url,
        headers=tuple(sorted((n, v) for n, v in headers.items() if n not in NOT_SIGNED)),
        body=prepared.body.decode() if operation == "DeleteObjects" else None,
    )


def _signed(signer: RemoteSigner, unsigned: UnsignedRequest, operation: str) -> Mapping[str, str]:
    try:
        return signer.sign(unsigned)
    except PresignError as error:
        if error.code == NOT_PRESIGN or error.status not in CODES:
            raise
        answer = {
            "Error": {"Code": CODES[error.status], "Message": f"presign: {error.detail}"},
            "ResponseMetadata": {
                "HTTPStatusCode": error.status,
                "RequestId": error.request_id or "",
            },
        }
        raise ClientError(answer, operation) from error


def _add(request: Any, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        request.headers[name] = value
