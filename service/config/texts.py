"""Checks of texts: patterns, prefixes, URLs. Each error says what to write instead."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, SecretStr

from service.access.callers import without_placeholders
from service.access.key_prefixes import CALLER, MAX_PREFIX_BYTES, longest_prefix
from service.config.quoting import quoted
from service.errors import InvalidRequest
from service.signing.validation import check_prefix, is_plain

_AMBIGUOUS = re.compile(r"\{[^{}]*\}[^/{]*\{")  # a pointer may contain slashes
_LIKE_PLACEHOLDER = re.compile(r"\{(?:claims?[:./])?([A-Za-z_]+)\}")
_PATTERN_CHARACTER = re.compile(r"[*?$\\]")  # patterns and variables in an IAM policy
_DATABASE: Final = re.compile(r"(?:/\d*)?")  # the client would take any other path for database 0
# A host that botocore accepts, or an IPv6 address, without the brackets that urlsplit removes
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_DEFAULT_PORT = re.compile(r"https://.*:443|http://.*:80")  # browsers omit it


def check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"http", "https"} and parts.port != 0
        is_valid = is_valid and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("write a URL such as https://store.internal:9000, without query or user")
    return text


def check_origin(text: str) -> str:
    if text == "*":
        raise ValueError("`*` would let every page use its visitor's token; list the origins")
    if _ORIGIN.fullmatch(text) is None or _DEFAULT_PORT.fullmatch(text) is not None:
        raise ValueError(
            "write an origin such as https://app.example.com: scheme and host in lower case, "
            "no path, no default port"
        )
    return text


def check_secure_url(text: str) -> str:
    """Refuse http: an attacker on the network could replace keys, and act as any caller."""
    parts = urlsplit(check_url(text))
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValueError("write an https URL; http is allowed on loopback only")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def check_store_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
        is_valid = is_valid and _DATABASE.fullmatch(parts.path) and not parts.fragment
        is_valid = is_valid and not re.search(r"\s", text)
    except ValueError:  # an invalid port
        is_valid = False
    if not is_valid:
        raise ValueError("write the URL of a Redis or Valkey, such as redis://limits:6379/0")
    _check_options(parts)
    return url


def _check_options(parts: SplitResult) -> None:
    """After an `@` the query may be the end of a password that has a `?`. Then name no option."""
    for name, value in parse_qsl(parts.query):
        if not _is_accepted(f"{parts.scheme}://host?{urlencode({name: value})}"):
            option = quoted(name) if "@" not in parts.query else "one"
            raise ValueError(
                f"the options after the `?` are redis-py's, which refuses {option}: correct or "
                "remove it; those of ssl need rediss://, and a `?` in a password is written %3F"
            )


def _is_accepted(url: str) -> bool:
    """Ask redis-py, which reads some options only when it makes a connection. It opens none."""
    # Imported here for the reason that service/app/services.py gives.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except (AttributeError, TypeError, ValueError, RedisError):
        return False
    return True


def check_prefix_of_grant(prefix: str) -> str:
    if is_plain(prefix):  # as nearly all: it has no pattern and no brace
        return prefix
    if _PATTERN_CHARACTER.search(prefix):
        raise ValueError(
            "a prefix cannot contain *, ?, $ or a backslash; end it in / to cover all keys below it"
        )
    literal = without_placeholders(prefix)
    if "{" in literal or "}" in literal:
        near = _LIKE_PLACEHOLDER.search(prefix)
        text = f"did you mean {{claim:/{near[1]}}}? " if near else ""
        raise ValueError(
            f"{text}a prefix can contain braces only in a placeholder such as "
            "{claim:/kubernetes.io/namespace}"
        )
    if _AMBIGUOUS.search(prefix):
        raise ValueError(
            "two placeholders in one segment are ambiguous: different claims could give the same "
            "text; separate them with a /"
        )
    try:
        check_prefix(without_placeholders(prefix, lambda _: "x"), pointer="prefix")
    except InvalidRequest as error:
        raise ValueError(f"no key can match it: {error.detail}") from None
    return prefix


def check_own_prefix(template: str) -> str:
    parts = f"/{template}".split(f"/{CALLER}/")
    if len(parts) != 2 or CALLER in "".join(parts) or not template.endswith("/"):
        raise ValueError(
            f"write a prefix such as uploads/{CALLER}/: it ends in /, and contains {CALLER} once, "
            "first or between two slashes"
        )
    check_prefix_of_grant(template.replace(CALLER, "x/x"))
    if longest_prefix(template) > MAX_PREFIX_BYTES:
        raise ValueError(
            f"with a caller's name it can have {longest_prefix(template)} bytes; shorten it to at "
            f"most {MAX_PREFIX_BYTES}, to leave room for a file's name"
        )
    return template


@dataclass(frozen=True, slots=True)
class Matching:
    """Checks that a text matches `pattern` as a whole. `message` is its error."""

    pattern: re.Pattern[str]
    message: str

    def __call__(self, text: str) -> str:
        if self.pattern.fullmatch(text) is None:
            raise ValueError(self.message)
        return text


def matching(pattern: str, message: str) -> AfterValidator:
    """Return the validator of a setting. `presign schema` has its pattern and message too."""
    return AfterValidator(Matching(re.compile(pattern, re.ASCII), message))
