"""Reads a bucket's CORS, encryption and lifecycle rules. `presign check --live` uses it.

The role that signs needs no permission for these, so the operator's own credentials are tried too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Final, Literal

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.access.grants import Operation
from service.config.quoting import quoted
from service.operations.live.results import Path, Result
from service.operations.setup.documents import cors_rules
from service.operations.setup.signing import SignedBucket
from service.s3.botocore_endpoints import client_config
from service.s3.location import Location
from service.signing.sigv4 import Credentials

Setting = Literal["CORS", "lifecycle", "encryption"]

# The SDK's method, what its answer has, and the error code if nothing is configured.
_CALLS: Final[Mapping[Setting, tuple[str, str, str]]] = MappingProxyType(
    {
        "CORS": ("get_bucket_cors", "CORSRules", "NoSuchCORSConfiguration"),
        "lifecycle": (
            "get_bucket_lifecycle_configuration",
            "Rules",
            "NoSuchLifecycleConfiguration",
        ),
        "encryption": (
            "get_bucket_encryption",
            "ServerSideEncryptionConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
    }
)
# What the console sends by each method: service/console/page.
_CONSOLE_SENDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "PUT": ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-copy-source"),
        "DELETE": ("if-match",),
    }
)
_LIMITS: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class Unreadable(Exception):
    """A setting cannot be read. The message is an error code or the kind of an error."""


class SettingsReader:
    """Tries several credentials, one after the other, until one is allowed to read.

    `server_time` is that of the last answer, in epoch seconds.
    """

    def __init__(self, clients: Sequence[Any], bucket: str) -> None:
        """`clients` are aioboto3's, for S3."""
        self.server_time: float | None = None
        self._clients = clients
        self._bucket = bucket

    async def read(self, setting: Setting) -> Any:
        """Return the setting as the SDK has it, or None. Raises Unreadable."""
        refusal = Unreadable("no credentials")
        for client in self._clients:
            try:
                return await self._read(client, setting)
            except Unreadable as error:
                refusal = error
        raise refusal

    async def _read(self, client: Any, setting: Setting) -> Any:
        method, member, missing = _CALLS[setting]
        try:
            answer = await getattr(client, method)(Bucket=self._bucket)
        except ClientError as error:
            self._note_time(error.response)
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == missing:
                return None
            raise Unreadable(code) from None
        # ValueError: a time in the answer that is none
        except (BotoCoreError, ResponseParserError, OSError, ValueError) as error:
            raise Unreadable(type(error).__name__) from None
        self._note_time(answer)
        return answer.get(member)

    def _note_time(self, answer: Mapping[str, Any]) -> None:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date is not None:
            with suppress(ValueError, OverflowError):  # what is no date, from a store or a proxy
                moment = parsedate_to_datetime(date)
                self.server_time = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


class SettingsClients:
    """Opens S3 clients of the SDK. They share its data, which takes a tenth of a second to read."""

    def __init__(self, ca_bundle: FilePath | None) -> None:
        self._session = aioboto3.Session()
        self._verify = None if ca_bundle is None else str(ca_bundle)

    def open(
        self, location: Location, credentials: Credentials
    ) -> AbstractAsyncContextManager[Any]:
        client: AbstractAsyncContextManager[Any] = self._session.client(
            "s3",
            region_name=location.region,
            endpoint_url=location.endpoint_url,
            verify=self._verify,
            config=client_config(location).merge(_LIMITS),
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
        )
        return client


async def check_settings(reader: SettingsReader, bucket: SignedBucket) -> list[Result]:
    """Return what is missing on the bucket for what the configuration does with it."""
    at: Path = ("buckets", bucket.name)
    results = list[Result]()
    unread = dict[str, list[str]]()
    for setting, check in _CHECKS.items():
        try:
            results += check(at, bucket, await reader.read(setting))
        except Unreadable as error:
            unread.setdefault(str(error), []).append(setting)
    for reason, settings in unread.items():
        text = f"its {', '.join(settings)} could not be read ({reason})"
        results.append(Result("warning", at, f"{text}; try with credentials that may"))
    return results


def _check_cors(at: Path, bucket: SignedBucket, rules: Any) -> Iterable[Result]:
    """A missing rule is an error only for the bucket of Uppy: pages may use other buckets."""
    for wanted in cors_rules([bucket]):
        pages = [(o, m) for o in wanted["AllowedOrigins"] for m in wanted["AllowedMethods"]]
        missing = [
            f"{method} from {origin}"
            for origin, method in pages
            if not any(_lets(rule, origin, method) for rule in rules or ())
        ]
        if bucket.is_in_console and not missing:
            missing = [
                f"{header} in a {method} from {origin}"
                for origin, method in pages
                for header in _CONSOLE_SENDS.get(method, ())
                if not any(_lets(rule, origin, method, header) for rule in rules or ())
            ]
        if missing:
            text = f"its CORS rules allow no {', '.join(missing)}; `presign iam` prints the rule"
            yield Result("error" if bucket.is_for_uppy else "warning", at, text)
        else:
            origins = ", ".join(wanted["AllowedOrigins"])
            yield Result("works", at, f"its CORS rules allow the pages of {origins}")


def _lets(rule: Mapping[str, Any], origin: str, method: str, header: str | None = None) -> bool:
    if method not in rule.get("AllowedMethods", ()):
        return False
    named = [each.lower() for each in rule.get("AllowedHeaders", ())]
    if header is not None and not _is_among(named, header):
        return False
    return _is_among(rule.get("AllowedOrigins", ()), origin)


def _is_among(patterns: Iterable[str], text: str) -> bool:
    """One `*` in a rule matches any text: …/userguide/ManageCorsUsing.html."""
    return any(
        text == allowed or ("*" in allowed and text.startswith(head) and text.endswith(tail))
        for allowed in patterns
        for head, _, tail in [allowed.partition("*")]
    )


def _check_lifecycle(at: Path, bucket: SignedBucket, rules: Any) -> Iterable[Result]:
    found = [
        (prefix, rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation", 0))
        for rule in rules or ()
        if rule.get("Status") == "Enabled" and "AbortIncompleteMultipartUpload" in rule
        if (prefix := _prefix_of(rule)) is not None
    ]
    granted = dict.fromkeys(g.prefix for g in bucket.grants if Operation.MULTIPART in g.allow)
    days = {each: [n for prefix, n in found if each.startswith(prefix)] for each in granted}
    if uncovered := [prefix for prefix, covering in days.items() if not covering]:
        below = f" below {quoted(uncovered[0])}" if found and uncovered[0] else ""
        text = (
            f"no lifecycle rule aborts incomplete multipart uploads{below}, whose parts are billed "
            "forever; `presign iam` prints a rule for the whole bucket"
        )
        yield Result("warning", at, text)
    elif days:
        last = max(map(min, days.values()))
        yield Result("works", at, f"incomplete uploads are aborted after {last} days")


def _prefix_of(rule: Mapping[str, Any]) -> str | None:
    """Return what the keys of a rule begin with, or None if it is limited by anything else."""
    limits = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    return str(limits["Prefix"]) if set(limits) == {"Prefix"} else None


def _check_encryption(at: Path, bucket: SignedBucket, found: Any) -> Iterable[Result]:
    defaults = [
        rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        for rule in (found or {}).get("Rules", ())
        if "ApplyServerSideEncryptionByDefault" in rule
    ]
    if defaults:
        yield Result("works", at, f"objects are encrypted by default ({defaults[0]})")
    elif bucket.encryption is not None:
        yield Result("works", at, "every upload is signed with its encryption")
    else:
        yield Result("warning", at, "objects are not encrypted by default, nor by `encryption`")


_CHECKS: Final[Mapping[Setting, Callable[[Path, SignedBucket, Any], Iterable[Result]]]] = (
    MappingProxyType(
        {"CORS": _check_cors, "lifecycle": _check_lifecycle, "encryption": _check_encryption}
    )
)
