"""The types of settings. Each has an error message that says what to write instead."""

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from service.config.conditions import check_proxy
from service.config.durations import parse_rate
from service.config.messages import Missing
from service.config.texts import (
    check_origin,
    check_own_prefix,
    check_prefix_of_grant,
    check_secure_url,
    check_store_url,
    check_url,
    matching,
)

# As `presign new-key` prints one: 256 bits in base64
_API_KEY = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_-]{43}")
# Any caller could send an empty key.
_EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
WITH_ZONE: Final = (
    "write a time with its zone, such as 2026-11-24T20:00:00Z or 2026-11-24T21:00:00+01:00"
)
READABLE_PEM: Final = "write the path of a readable file with certificates in PEM"
# The context of a validation that reads no certificate files: `presign check --offline`
OFFLINE: Final = "offline"
_MAX_CLOCK_ERROR: Final = timedelta(minutes=1)


class Section(BaseModel):
    """The base of all sections of the configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def read_by(read: Callable[[Path], object]) -> AfterValidator:
    """Return the validator of a file that `read` can read: else it raises ValueError."""

    def check(path: Path, info: ValidationInfo) -> Path:
        if info.context != OFFLINE:
            read(path)
        return path

    return AfterValidator(check)


def _read_ca_file(path: Path) -> None:
    if not can_be_trusted(path):
        raise ValueError(READABLE_PEM)


def can_be_trusted(path: Path) -> bool:
    """Return whether `path` is a readable file of certificates."""
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):  # SSLError is an OSError
        return False
    return True


def _check_rate(text: str) -> str:
    parse_rate(text)
    return text


def _moment(value: object, parse: ValidatorFunctionWrapHandler) -> datetime:
    """Parse a time with its zone, or say what to write. A number would count as epoch seconds."""
    if not re.match(r"\d{4}-\d\d-\d\d", str(value)):
        raise ValueError(WITH_ZONE)
    try:
        moment: datetime = parse(str(value))
    except ValidationError:
        raise ValueError(WITH_ZONE) from None
    return moment


def true_false_or(section: type[Section], example: str) -> BeforeValidator:
    """Take `true` for an empty section, and `false` for none. `example` names a setting in it."""

    def validate(value: object) -> object:
        if not isinstance(value, str | int):
            return value
        # A variable or a file has the words as text.
        match str(value).lower():
            case "true":
                return {}
            case "false":
                return None
        raise ValueError(f"write true, false, or settings such as {example}")

    return BeforeValidator(validate, json_schema_input_type=section | bool | None)


def _check_past(moment: datetime) -> datetime:
    """Allow for a wrong clock. A later time would leave the caller without a session."""
    if moment > datetime.now(UTC) + _MAX_CLOCK_ERROR:
        raise ValueError("write a time in the past; sessions that began before it are dropped")
    return moment


def _check_first(subject: str) -> str:
    if subject.startswith("*") and subject != "*":
        raise ValueError(
            "`*` cannot come first; write what all these subjects begin with, or `*` alone for all"
        )
    return subject


def _check_key_name(name: str) -> str:
    if _API_KEY.fullmatch(name):
        raise ValueError("this is a key, which logs would show; write a name, and make another key")
    return name


def _check_digest(text: str) -> str:
    if text == _EMPTY_SHA256:
        raise ValueError("this is the digest of an empty key; make one with `presign new-key`")
    return text


# docs/configuration.md lists each `title` with its error message, and editors show the examples.
Name = Annotated[
    str,
    Field(title="name", examples=["reports"]),
    matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
        "write a name of at most 63 letters, digits, `.`, `_` and `-`, a letter or digit first",
    ),
]
KeyName = Annotated[Name, AfterValidator(_check_key_name)]
S3Bucket = Annotated[
    str,
    Field(title="bucket's real name", examples=["acme-reports-prod"]),
    matching(
        r"[A-Za-z0-9._-]{3,255}|arn:[\x21-\x7e]+",
        "write the name of a bucket, such as acme-reports, or the ARN of an access point",
    ),
]
Region = Annotated[
    str,
    Field(title="region", examples=["eu-west-1"]),
    matching(r"[a-z0-9-]{1,32}", "write a region such as eu-west-1"),
]
RoleArn = Annotated[
    str,
    Field(title="ARN of a role", examples=["arn:aws:iam::111122223333:role/presign-reports"]),
    matching(
        r"arn:[a-z-]+:iam:[^:]*:[^:]*:?role/[\x21-\x7e]+",
        "write the ARN of a role, such as arn:aws:iam::111122223333:role/presign",
    ),
]
ExternalId = Annotated[  # docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    str,
    Field(title="external id", examples=["presign-acme-reports"]),
    matching(r"[\w+=,.@:/-]{2,1224}", "write 2 to 1224 letters, digits and any of `+=,.@:/-_`"),
]
R2Account = Annotated[  # …/fundamentals/account/find-account-and-zone-ids of Cloudflare
    str,
    Field(title="account of R2", examples=["0123456789abcdef0123456789abcdef"]),
    matching(r"[0-9a-f]{32}", "write the account's id, 32 hexadecimal digits"),
]
Subject = Annotated[
    str,
    Field(title="subject", examples=["system:serviceaccount:billing:*"]),
    AfterValidator(_check_first),
    matching(
        r"\*|[^*\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,254}",
        "write at most 255 characters; `*` matches any text without `:`, and comes first only "
        "alone",
    ),
]
Audience = Annotated[
    str,
    Field(title="audience", examples=["presign"]),
    matching(
        r"[\x21-\x29\x2b-\x7e]{1,255}",
        "write the `aud` of the tokens, without spaces; `*` matches nothing here",
    ),
]
Issuer = Annotated[
    str,
    Field(title="issuer", examples=["https://kubernetes.default.svc.cluster.local"]),
    matching(r"[\x21-\x7e]{1,255}", "write the `iss` of the tokens, without spaces"),
]
TagName = Annotated[  # docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
    str,
    Field(title="tag", examples=["presign-subject"]),
    matching(
        r"(?!aws:)[\w .:/=+@-]{1,128}", "write at most 128 letters, digits, ` ` and `_.:/=+-@`"
    ),
]
TagTemplate = Annotated[
    str,
    Field(title="tag's value", examples=["{issuer}", "{subject}"]),
    matching(
        r"(?:[\w .:/=+@-]|\{issuer\}|\{subject\}){0,256}",
        "write at most 256 letters, digits, ` ` and `_.:/=+-@`; or {issuer}, {subject}",
    ),
]
Url = Annotated[
    str, Field(title="URL", examples=["https://minio.internal:9000"]), AfterValidator(check_url)
]
StoreUrl = Annotated[  # it may hold a password
    SecretStr,
    Field(title="URL of a Redis or Valkey", examples=["rediss://limits:6379/0"]),
    AfterValidator(check_store_url),
]
RateLimit = Annotated[
    str,
    Field(title="rate", examples=["600/minute", "100 per 5 seconds"]),
    AfterValidator(_check_rate),
]
Time = Annotated[
    AwareDatetime, Field(title="time", examples=["2027-11-24T20:00:00Z"]), WrapValidator(_moment)
]
PastTime = Annotated[
    AwareDatetime,
    Field(title="past time", examples=["2026-11-24T20:00:00Z"]),
    WrapValidator(_moment),
    AfterValidator(_check_past),
]
Origin = Annotated[
    str, Field(title="origin", examples=["https://app.example.com"]), AfterValidator(check_origin)
]
Proxy = Annotated[
    str,
    Field(title="address or network", examples=["10.0.7.4", "10.1.0.0/16"]),
    AfterValidator(check_proxy),
]
CaFile = Annotated[
    Path,
    Field(title="path of certificates", examples=["/etc/ssl/ours.pem"]),
    read_by(_read_ca_file),
]
KeysUrl = Annotated[
    str,
    Field(title="https URL", examples=["https://kubernetes.default.svc/openid/v1/jwks"]),
    AfterValidator(check_secure_url),
]
_PREFIX: Final = Missing('write a prefix such as invoices/, or "" for the whole bucket')
Prefix = Annotated[
    str,
    Field(title="prefix", examples=["invoices/", "invoices/{claim:/kubernetes.io/namespace}/", ""]),
    AfterValidator(check_prefix_of_grant),
    _PREFIX,
]
OwnPrefix = Annotated[
    str,
    Field(title="prefix with {caller}", examples=["uploads/{caller}/"]),
    AfterValidator(check_own_prefix),
    _PREFIX,
]
BucketName = Annotated[Name, Missing("write the name of one of `buckets`")]
Sha256 = Annotated[
    str,
    Field(
        title="SHA-256",
        examples=["725acb2ebe612bb4e761d87deb9114d9f50b1efc78cbc8c953cb25f1b2dbf755"],
    ),
    matching(
        r"[0-9a-f]{64}", "write 64 hex digits in lower case, as `presign new-key` prints them"
    ),
    AfterValidator(_check_digest),
]
ContentTypePattern = Annotated[
    str,
    Field(title="content type", examples=["application/pdf", "image/*"]),
    matching(
        r"[\w!#&^+.-]+/(?:[\w!#&^+.-]+|\*)",
        "write a type such as application/pdf, or a family such as image/*",
    ),
]
