"""botocore as the oracle: what it signs for our actions.

botocore's clock is patched, since botocore takes no time as an argument.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import botocore.auth
import botocore.session
import botocore.signers
from botocore.auth import S3SigV4Auth, S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.handlers import set_list_objects_encoding_type_url
from botocore.utils import percent_encode

from service.signing.actions import Encryption
from service.signing.header_signatures import HeaderRequest
from service.signing.post_policy import PostObject
from service.signing.signer import Address, Signable
from service.signing.sigv4 import Credentials
from tests.signing.botocore_calls import operation


@contextmanager
def clock(now: int) -> Iterator[None]:
    moment = dt.datetime.fromtimestamp(now, dt.UTC).replace(tzinfo=None)

    def now_(**_: Any) -> dt.datetime:  # a mock would be slower than the signature
        return moment

    with (
        mock.patch.object(botocore.auth, "get_current_datetime", now_),
        mock.patch.object(botocore.signers, "get_current_datetime", now_),
    ):
        yield


def parts(url: str) -> tuple[str, list[str]]:
    """Return everything before the query, and the query's parameters, sorted.

    The signature is over the canonical order, whatever order is sent. botocore's is not canonical.
    """
    head, _, query = url.partition("?")
    return head, sorted(query.split("&"))


def sign(
    action: Signable,
    key: str,
    *,
    address: Address,
    credentials: Credentials,
    now: int,
    expires_in: int,
) -> str:
    """Return the URL of botocore's signer, which gets our query and headers."""
    path = address.path_prefix + percent_encode(key, safe="/~")
    if not key:
        path = address.path_prefix.rstrip("/") or "/"
    request = AWSRequest(
        method=action.METHOD,
        url=f"{address.scheme}://{address.host}{path}",
        headers=action.headers(),
        params=dict(action.query()),
    )
    auth = S3SigV4QueryAuth(_botocore(credentials), "s3", address.region, expires=expires_in)
    with clock(now):
        auth.add_auth(request)
    return str(request.url)


def sign_headers(
    request: HeaderRequest,
    scheme: str,
    body: bytes | None,
    *,
    credentials: Credentials,
    region: str,
    now: int,
) -> dict[str, str]:
    """Return all headers after botocore has signed. Without `body` the payload is not signed."""
    sent = AWSRequest(
        method=request.method,
        url=f"{scheme}://{request.host}{request.path}?{request.query}",
        headers=dict(request.headers),
        data=body or b"",
    )
    sent.context["client_config"] = Config(s3={"payload_signing_enabled": body is not None})
    with clock(now):
        S3SigV4Auth(_botocore(credentials), "s3", region).add_auth(sent)
    return {name.lower(): value for name, value in sent.headers.items()}


def sign_policy(policy: str, *, credentials: Credentials, region: str, now: int) -> str:
    auth = S3SigV4PostAuth(_botocore(credentials), "s3", region)
    request = AWSRequest()
    with clock(now):
        auth.add_auth(request)  # `signature` needs its time
    return str(auth.signature(policy, request))


def _botocore(credentials: Credentials) -> Any:
    return BotocoreCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )


@cache
def client(
    credentials: Credentials, region: str, endpoint_url: str | None = None, style: str = "virtual"
) -> Any:
    """Return a client that lists without `encoding-type=url`, which botocore adds by default."""
    session = botocore.session.Session()
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
        ignore_configured_endpoint_urls=True,
    )
    client = session.create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        config=config,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
    )
    event = "before-parameter-build.s3.ListObjectsV2"
    client.meta.events.unregister(event, set_list_objects_encoding_type_url)
    return client


def presign(
    client: Any, bucket: str, action: Signable, key: str, *, now: int, expires_in: int
) -> str:
    """Return the URL of a client, from the action in botocore's terms."""
    method, parameters = operation(action)
    given = {"Bucket": bucket, "Key": key or None, **parameters}
    present = {name: value for name, value in given.items() if value is not None}
    with clock(now):
        url: str = client.generate_presigned_url(method, Params=present, ExpiresIn=expires_in)
    return url


def presign_form(
    client: Any,
    bucket: str,
    form: PostObject,
    key: str,
    *,
    encryption: Encryption | None,
    now: int,
    expires_in: int,
) -> dict[str, str]:
    """Return the form's fields. botocore's callers have to write the conditions themselves."""
    fields = _form_fields(form, encryption)
    conditions: list[Any] = [{name: value} for name, value in fields.items()]
    if form.content_type_prefix is not None:
        conditions.append(["starts-with", "$Content-Type", form.content_type_prefix])
    sizes = form.min_content_length, form.max_content_length
    conditions.append(["content-length-range", *sizes])
    with clock(now):
        answer: dict[str, dict[str, str]] = client.generate_presigned_post(
            bucket, key, Fields=fields, Conditions=conditions, ExpiresIn=expires_in
        )
    return answer["fields"]


def _form_fields(form: PostObject, encryption: Encryption | None) -> dict[str, str]:
    fields = {f"x-amz-meta-{name}": value for name, value in form.metadata}
    if form.content_type_prefix is None:
        fields["Content-Type"] = form.content_type or "application/octet-stream"
    if form.success_status is not None:
        fields["success_action_status"] = str(form.success_status)
    if encryption is not None:
        fields["x-amz-server-side-encryption"] = encryption.algorithm
        if encryption.kms_key_id is not None:
            fields["x-amz-server-side-encryption-aws-kms-key-id"] = encryption.kms_key_id
    return fields
