"""Checks the prefixes of grants and of protocols. Each error says what to write instead."""

import re

from service.access.callers import without_placeholders
from service.access.key_prefixes import CALLER, MAX_PREFIX_BYTES, longest_prefix
from service.errors import InvalidRequest
from service.signing.validation import check_prefix, is_plain

_AMBIGUOUS = re.compile(r"\{[^{}]*\}[^/{]*\{")  # a pointer may contain slashes
_LIKE_PLACEHOLDER = re.compile(r"\{(?:claims?[:./])?([A-Za-z_]+)\}")
_PATTERN_CHARACTER = re.compile(r"[*?$\\]")  # patterns and variables in an IAM policy


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
