"""What signing one GET costs in the core, beside other signers in the same run.

Keys are distinct, since botocore keeps what it worked out for a key, and one key would flatter it
twofold. Seconds turn while this runs, so contexts are rendered anew as they are in life.
"""

import secrets
import string
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Final

import aioboto3
import boto3
import obstore
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from obstore.store import S3Store

from benchmarks.measuring import Samples
from service.signing.actions import GetObject
from service.signing.header_signatures import HeaderRequest, sign_headers
from service.signing.signer import Address, Signer
from service.signing.sigv4 import UNSIGNED_PAYLOAD, Credentials

ROUNDS: Final = 7
# URLs a round, so that each takes 0.1 s or so
URLS: Final = {
    "presign": 20_000,
    "obstore": 5_000,
    "boto3": 200,
    "aioboto3": 200,
    "presign, in headers": 20_000,
    "botocore, in headers": 2_000,
}
KEY_LENGTH: Final = 60
# An AssumeRole token of the global endpoint, and one of a regional endpoint with tags.
TOKEN_LENGTHS: Final = (352, 1200)
REGION: Final = "eu-west-1"
BUCKET: Final = "acme-reports"
CONFIG: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})

READ: Final = {"x-amz-checksum-mode": "ENABLED"}  # as botocore sends it
A_GET: Final = GetObject()  # one for all, as in the service

Sign = Callable[[list[str]], Awaitable[None]]


async def measure() -> Samples:
    """CPU µs a URL, by signer and length of token."""
    samples = Samples()
    for length in TOKEN_LENGTHS:
        credentials = some_credentials(length)
        async with aioboto3_client(credentials) as client:
            signers: dict[str, Sign] = {
                "presign": _presign(credentials),
                "obstore": _obstore(credentials),
                "boto3": _boto3(credentials),
                "aioboto3": _aioboto3(client),
                "presign, in headers": _presign_headers(credentials),
                "botocore, in headers": _botocore_headers(credentials),
            }
            for turn in range(ROUNDS + 1):  # the first warms up
                for name, sign in signers.items():
                    spent = await _spent(sign, keys(URLS[name]))
                    if turn:
                        samples.add(name, length, spent)
    return samples


async def _spent(sign: Sign, its_keys: list[str]) -> float:
    began = time.process_time()
    await sign(its_keys)
    return (time.process_time() - began) / len(its_keys) * 1e6


def _presign(credentials: Credentials) -> Sign:
    """The signer as the presigner calls it, on the time that stands."""
    host = f"{BUCKET}.s3.{REGION}.amazonaws.com"
    signer = Signer(credentials, Address(scheme="https", host=host, path_prefix="/", region=REGION))

    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            signer.presign(A_GET, key, now=int(time.time()), expires_in=900)

    return sign


def _presign_headers(credentials: Credentials) -> Sign:
    host = f"{BUCKET}.s3.{REGION}.amazonaws.com"
    signer = Signer(credentials, Address(scheme="https", host=host, path_prefix="/", region=REGION))

    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            request = HeaderRequest(
                method="GET",
                host=host,
                path=f"/{key}",
                query="",
                headers=READ,
                payload_hash=UNSIGNED_PAYLOAD,
            )
            sign_headers(signer, request, now=int(time.time()))

    return sign


def _botocore_headers(credentials: Credentials) -> Sign:
    """The signer alone, without the client around it."""
    keys_of_botocore = BotocoreCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    auth = S3SigV4Auth(keys_of_botocore, "s3", REGION)
    unsigned = Config(s3={"payload_signing_enabled": False})

    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            url = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{key}"
            request = AWSRequest(method="GET", url=url, headers=READ)
            request.context["client_config"] = unsigned
            auth.add_auth(request)

    return sign


def _obstore(credentials: Credentials) -> Sign:
    store = S3Store(
        BUCKET,
        region=REGION,
        virtual_hosted_style_request=True,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
    )
    lifetime = timedelta(seconds=900)

    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            obstore.sign(store, "GET", key, lifetime)

    return sign


def _boto3(credentials: Credentials) -> Sign:
    client = boto3.client("s3", **arguments(credentials), config=CONFIG)

    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})

    return sign


def _aioboto3(client: Any) -> Sign:
    async def sign(its_keys: list[str]) -> None:
        for key in its_keys:
            await client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})

    return sign


def aioboto3_client(credentials: Credentials) -> Any:
    return aioboto3.Session().client("s3", **arguments(credentials), config=CONFIG)


def arguments(credentials: Credentials) -> dict[str, str | None]:
    return {
        "region_name": REGION,
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
    }


def some_credentials(token_length: int) -> Credentials:
    return Credentials(
        access_key_id="ASIAIOSFODNN7EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session_token=token(token_length),
    )


def keys(count: int, stem: str = "reports/2026/11/24/") -> list[str]:
    return [stem + secrets.token_hex((KEY_LENGTH - len(stem)) // 2) for _ in range(count)]


def token(length: int) -> str:
    """Always the same one: URLs are as long as there are characters to escape in it."""
    alphabet = string.ascii_letters + string.digits + "+/"
    return "".join(islice(cycle(alphabet), length - 2)) + "=="
