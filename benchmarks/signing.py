"""What signing one GET costs, beside botocore and aioboto3 in the same run: `make bench`.

CPU time, not wall time, and ratios within a round: on a shared machine nothing else holds. Keys are
distinct, since botocore keeps what it worked out for a key, and one key would flatter it twofold.
"""

import asyncio
import platform
import secrets
import statistics
import string
import time
from collections.abc import Callable
from dataclasses import dataclass

import aioboto3
import boto3
from botocore.config import Config

from service.signing.requests import GetObject
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials

ROUNDS = 9
URLS = {"presign": 20_000, "boto3": 300, "aioboto3": 300}  # a round, so that each takes 0.1 s or so
KEY_LENGTH = 60
# An AssumeRole token of the global endpoint, and one of a regional endpoint with tags.
TOKEN_LENGTHS = (352, 1200)
BARS = {352: 4.0, 1200: 5.0}  # CPU µs a URL on Python 3.11
REGION = "eu-west-1"
CONFIG = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})

Sign = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Result:
    token_length: int
    name: str
    microseconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.microseconds)


def main() -> None:
    print(f"{platform.python_implementation()} {platform.python_version()}, {_processor()}")
    print(
        f"{'token':>6}  {'signer':10} {'CPU µs a URL':>13} {'min':>8} {'max':>8} {'times ours':>11}"
    )
    for length in TOKEN_LENGTHS:
        results = asyncio.run(measure(length))
        ours = results[0].median
        for result in results:
            low, high = min(result.microseconds), max(result.microseconds)
            print(
                f"{length:>6}  {result.name:10} {result.median:>13.2f} {low:>8.2f} {high:>8.2f}"
                f" {result.median / ours:>11.1f}"
            )
        verdict = "within" if ours <= BARS[length] else "OVER"
        print(f"        {verdict} the bar of {BARS[length]} µs")


async def measure(token_length: int) -> list[Result]:
    credentials = Credentials(
        access_key_id="ASIAIOSFODNN7EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session_token=_token(token_length),
    )
    async with _aioboto3_client(credentials) as client:
        signers = {"presign": _presign(credentials), "boto3": _boto3(credentials)}
        timings: dict[str, list[float]] = {name: [] for name in URLS}
        for round_number in range(ROUNDS + 1):  # the first warms up
            for name, count in URLS.items():
                keys = _keys(count)
                started = time.process_time()
                if name == "aioboto3":
                    for key in keys:
                        await client.generate_presigned_url(
                            "get_object", Params={"Bucket": "acme-reports", "Key": key}
                        )
                else:
                    signers[name](keys)
                spent = time.process_time() - started
                if round_number:
                    timings[name].append(spent / count * 1e6)
    return [Result(token_length, name, spent) for name, spent in timings.items()]


def _presign(credentials: Credentials) -> Sign:
    """The signer as the presigner calls it, on the time that stands: seconds turn while it runs."""
    address = Address(
        scheme="https",
        host=f"acme-reports.s3.{REGION}.amazonaws.com",
        path_prefix="/",
        region=REGION,
    )
    signer = Signer(credentials, address)

    def sign(keys: list[str]) -> None:
        for key in keys:
            signer.presign(GetObject(), key, now=int(time.time()), expires_in=900)

    return sign


def _boto3(credentials: Credentials) -> Sign:
    client = boto3.client("s3", **_arguments(credentials), config=CONFIG)

    def sign(keys: list[str]) -> None:
        for key in keys:
            client.generate_presigned_url(
                "get_object", Params={"Bucket": "acme-reports", "Key": key}
            )

    return sign


def _aioboto3_client(credentials: Credentials):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the SDK has no types
    return aioboto3.Session().client("s3", **_arguments(credentials), config=CONFIG)


def _arguments(credentials: Credentials) -> dict[str, str | None]:
    return {
        "region_name": REGION,
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
    }


def _keys(count: int) -> list[str]:
    stem = "reports/2026/11/24/"
    return [stem + secrets.token_hex((KEY_LENGTH - len(stem)) // 2) for _ in range(count)]


def _token(length: int) -> str:
    alphabet = string.ascii_letters + string.digits + "+/"
    return "".join(secrets.choice(alphabet) for _ in range(length - 2)) + "=="


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii") as lines:  # noqa: PTH123 - a line a field
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
