"""The texts that an operator may write, each with the words that say what to write instead."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

# The digest of nothing: any caller could send it.
_EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
# As botocore takes it; and an address of IPv6, which urlsplit has freed of its brackets
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_DEFAULT_PORT = re.compile(r"https://.*:443|http://.*:80")  # browsers leave it out


def _text(pattern: str, words: str) -> AfterValidator:
    """Text that matches `pattern` as a whole; `words` tell an operator what to write."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and parts.port != 0
        usable = known and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("write a URL such as https://store.internal:9000, without query or user")
    return text


def _check_origin(text: str) -> str:
    if text == "*":
        raise ValueError("`*` would let every page act with its visitor's token; list the origins")
    if _ORIGIN.fullmatch(text) is None or _DEFAULT_PORT.fullmatch(text) is not None:
        raise ValueError(
            "write an origin such as https://app.example.com: scheme and host in lower case, "
            "no path, no default port"
        )
    return text


def _check_digest(text: str) -> str:
    if text == _EMPTY_SHA256:
        raise ValueError("this is the digest of an empty key; make one with `presign new-key`")
    return text


Name = Annotated[
    str,
    _text(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
        "write at most 63 letters, digits, `.`, `_` and `-`, a letter or digit first",
    ),
]
S3Bucket = Annotated[
    str,
    _text(
        r"[A-Za-z0-9._-]{3,255}|arn:[\x21-\x7e]+",
        "write the name of a bucket, or the ARN of an access point",
    ),
]
Region = Annotated[str, _text(r"[a-z0-9-]{1,32}", "write a region such as eu-west-1")]
RoleArn = Annotated[
    str,
    _text(
        r"arn:[a-z-]+:iam:[^:]*:[^:]*:?role/[\x21-\x7e]+",
        "write the ARN of a role, such as arn:aws:iam::111122223333:role/presign",
    ),
]
ExternalId = Annotated[  # docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    str,
    _text(r"[\w+=,.@:/-]{2,1224}", "write 2 to 1224 letters, digits and any of `+=,.@:/-_`"),
]
Url = Annotated[str, AfterValidator(_check_url)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Sha256 = Annotated[
    str,
    _text(r"[0-9a-f]{64}", "write 64 hex digits in lower case, as `presign new-key` prints them"),
    AfterValidator(_check_digest),
]
ContentTypePattern = Annotated[
    str,
    _text(
        r"[\w!#&^+.-]+/(?:[\w!#&^+.-]+|\*)",
        "write a type such as application/pdf, or a family such as image/*",
    ),
]
