"""Callers and their grants: the grants of all entries that match a caller add up. Pure.

A caller is a subject of one issuer, or the name of an API key. Neither ever matches the other, and
one issuer's subject never matches another's. A prefix may hold placeholders. Only verified claims
fill them, and only with text that is neither a path nor a pattern. If a claim is missing or has any
other value, the grant is left out.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.access.grants import Caller, Grant, Grants

Claims = Mapping[str, Any]

# The settings allow no API key of this name.
ANONYMOUS: Final = Caller(issuer=None, subject="unsafe anonymous caller")

LONGEST_CLAIM: Final = 64
_VALUE = re.compile(f"[A-Za-z0-9_.-]{{1,{LONGEST_CLAIM}}}")
_PLACEHOLDER = re.compile(r"\{claim:((?:/[^/{}]*)+)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """An authenticated caller. `claims` maps the configured JSON pointers to their values.

    No other claim is stored, so an issuer that adds user data to its tokens cannot fill our memory.
    An API key has no claims. With `by_link` a share link is used in the caller's name, so only
    grants with `link` apply.
    """

    caller: Caller
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_link: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `urls` URLs in any `seconds` seconds."""

    urls: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerEntry:
    """The grants of all callers whose subject matches. `*` matches any text without `:`.

    For an API key, `issuer` is None and `subject` is its name. Sessions that began before
    `revoked_before`, in epoch seconds, are no longer used.
    """

    issuer: str | None
    subject: str
    grants: tuple[Grant, ...]
    rate: Rate | None = None
    revoked_before: float = -math.inf

    def matches(self, caller: Caller) -> bool:
        segments, texts = self.subject.split(":"), caller.subject.split(":")
        return (
            caller.issuer == self.issuer
            and len(segments) == len(texts)
            and all(map(segment_matches, segments, texts))
        )


def segment_matches(segment: str, text: str) -> bool:
    """Return whether a pattern without `:` matches all of `text`. Never backtracks."""
    head, star, rest = segment.partition("*")
    if not star:
        return segment == text
    *parts, tail = rest.split("*")
    at = len(head)
    for part in parts:
        if (found := text.find(part, at)) < 0:
            return False
        at = found + len(part)
    return at <= len(text) - len(tail) and text.startswith(head) and text.endswith(tail)


def granted(entries: Iterable[CallerEntry], identity: Identity) -> Grants:
    """Return the grants of all matching entries, with the claims in place of the placeholders."""
    claims = identity.claims
    return Grants(
        _filled(grant, claims)
        for entry in entries
        if entry.matches(identity.caller)
        for grant in entry.grants
        if claims.keys() >= set(pointers(grant.prefix))
    )


def _filled(grant: Grant, claims: Mapping[str, str]) -> Grant:
    prefix = without_placeholders(grant.prefix, claims.__getitem__)
    return grant if prefix == grant.prefix else replace(grant, prefix=prefix)


def rate_of(entries: Iterable[CallerEntry], caller: Caller) -> Rate | None:
    """Return the most generous rate of the matching entries, or None if none of them has one."""
    rates = [entry.rate for entry in entries if entry.matches(caller) and entry.rate is not None]
    return max(rates, key=lambda rate: (rate.urls / rate.seconds, rate.urls), default=None)


def revoked_before(entries: Iterable[CallerEntry], caller: Caller) -> float:
    """Return the latest `revoked_before` of the matching entries, in epoch seconds."""
    times = [entry.revoked_before for entry in entries if entry.matches(caller)]
    return max(times, default=-math.inf)


def pointers(prefix: str) -> list[str]:
    """Return the JSON pointers (RFC 6901) in a prefix's placeholders."""
    return _PLACEHOLDER.findall(prefix)


def without_placeholders(prefix: str, filler: Callable[[str], str] = lambda _: "") -> str:
    """Replace each placeholder by what `filler` returns for its JSON pointer."""
    return _PLACEHOLDER.sub(lambda at: filler(at[1]), prefix)


def named_claims(claims: Claims, named: Iterable[str]) -> Mapping[str, str]:
    """Return the claims at the pointers `named`, without those that may not be part of a prefix."""
    found = {pointer: claim(claims, pointer) for pointer in named}
    return {pointer: value for pointer, value in found.items() if value is not None}


def claim(claims: Claims, pointer: str) -> str | None:
    """Return the claim at `pointer`, or None if there is none that may be part of a prefix."""
    value: Any = claims
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or _VALUE.fullmatch(value) is None or value in {".", ".."}:
        return None
    return value


def is_anonymous(caller: CallerEntry | Caller) -> bool:
    return caller.issuer is None and caller.subject == ANONYMOUS.subject


def caller_name(caller: CallerEntry | Caller) -> str:
    """For operators to read."""
    if caller.issuer is not None and caller.subject == "*":
        return f"everyone who signs in at `{caller.issuer}`"
    if caller.issuer is not None:
        return f"{caller.subject} of {caller.issuer}"
    return "ANYBODY (unsafe)" if is_anonymous(caller) else f"API key {caller.subject}"
