"""What a schema cannot say of a field's value, to be checked next to it. Pure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from service.sessions.lifetime import Lifetime
from service.signing.actions import check_digest
from service.signing.content_disposition import content_disposition
from service.signing.copy_object import CopySource
from service.signing.metadata import check_metadata
from service.signing.tags import check_tags
from service.signing.validation import (
    check_header_value,
    check_key,
    check_media_type,
    check_prefix,
    check_text,
)


class ValueCheck(NamedTuple):
    """`check` gets the values of `fields`, if a body has all of them. It raises InvalidRequest."""

    fields: tuple[str, ...]
    check: Callable[..., object]


ValueChecks = tuple[ValueCheck, ...]


def _of_one(check: Callable[..., object], name: str) -> ValueCheck:
    return ValueCheck((name,), partial(check, pointer=f"#/{name}"))


prefix: Final = partial(_of_one, check_prefix)
header: Final = partial(_of_one, check_header_value)
text: Final = partial(_of_one, check_text)


def _of_pairs(check: Callable[[tuple[tuple[str, str], ...]], None]) -> Callable[..., object]:
    def run(strings: Mapping[str, str]) -> None:
        check(tuple(strings.items()))

    return run


def _check_lifetime(expires_in: int, min_expires_in: int) -> None:
    Lifetime(expires_in=expires_in, min_expires_in=min_expires_in)


def _check_source(sent: Mapping[str, Any]) -> None:
    CopySource(**{"bucket": "", **sent})


def _check_checksum(sent: Mapping[str, Any]) -> None:
    check_digest(**sent, pointer="#/checksum/value")


LIFETIME: Final = ValueCheck(("expires_in", "min_expires_in"), _check_lifetime)
COPY_SOURCE: Final = ValueCheck(("source",), _check_source)
CHECKSUM: Final = ValueCheck(("checksum",), _check_checksum)
KEY: Final = _of_one(check_key, "key")
CONTENT_TYPE: Final = _of_one(check_media_type, "content_type")
FILENAME: Final = ValueCheck(("filename",), partial(content_disposition, "attachment"))
METADATA: Final = ValueCheck(("metadata",), _of_pairs(check_metadata))
TAGS: Final = ValueCheck(("tags",), _of_pairs(check_tags))
