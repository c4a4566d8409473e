"""Callers and their grants: the grants of all entries that match a caller add up. Pure.

A caller is a subject of one issuer, or the name of an API key. Neither ever matches the other, and
one issuer's subject never matches another's. An entry may also demand claims of the token. A prefix
may hold placeholders. Only verified claims fill them, and only with text that is neither a path nor
a pattern. If a claim is missing or has any other value, the grant is left out.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from service.access.claims import NO_FACTS, Fact, Facts
from service.access.grants import Caller, Grant, Grants

# The settings allow no API key of this name.
ANONYMOUS: Final = Caller(issuer=None, subject="unsafe anonymous caller")

_SHOWN: Final = 3  # values of one condition, where a caller is named
_PLACEHOLDER = re.compile(r"\{claim:((?:/[^/{}]*)+)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """An authenticated caller. `claims` has the claims that prefixes name, by their JSON pointers.

    `facts` are the conditions of entries that hold. No other claim is stored, so an issuer that
    adds user data to its tokens cannot fill our memory. An API key has no claims. With `by_link` a
    share link is used in the caller's name, so only grants with `link` apply. `claims_left_out`
    says that the issuer kept a claim of some entry out of the token.
    """

    caller: Caller
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_link: bool = False
    facts: Facts = field(default=NO_FACTS, repr=False)
    claims_left_out: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `urls` URLs in any `seconds` seconds."""

    urls: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerEntry:
    """The grants of all callers whose subject and claims match. `*` matches any text without `:`.

    For an API key, `issuer` is None and `subject` is its name. None as `subject` matches all. Of
    each item of `claims`, a caller has at least one fact. Sessions that began before
    `revoked_before`, in epoch seconds, are no longer used.
    """

    issuer: str | None
    subject: str | None
    grants: tuple[Grant, ...]
    claims: tuple[tuple[Fact, ...], ...] = ()
    rate: Rate | None = None
    revoked_before: float = -math.inf

    def matches(self, identity: Identity) -> bool:
        return self.may_match(identity.caller) and not any(
            identity.facts.isdisjoint(any_of) for any_of in self.claims
        )

    def may_match(self, caller: Caller) -> bool:
        """Return whether the caller matches with suitable claims."""
        if caller.issuer != self.issuer or self.subject is None:
            return caller.issuer == self.issuer
        segments, texts = self.subject.split(":"), caller.subject.split(":")
        return len(segments) == len(texts) and all(map(segment_matches, segments, texts))

    def held(self, facts: Facts) -> Facts:
        """Return those of the facts that the entry demands."""
        return facts.intersection(chain.from_iterable(self.claims))

    def example(self) -> Identity:
        """Return a caller that matches."""
        subject = (self.subject or "x").replace("*", "x")
        facts = frozenset(any_of[0] for any_of in self.claims)
        return Identity(Caller(issuer=self.issuer, subject=subject), facts=facts)


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


def grants_of(entries: Iterable[CallerEntry], identity: Identity) -> Grants:
    """Return the grants of all matching entries, with the claims in place of the placeholders."""
    claims = identity.claims
    return Grants(
        _filled(grant, claims)
        for entry in entries
        if entry.matches(identity)
        for grant in entry.grants
        if claims.keys() >= set(pointers(grant.prefix))
    )


def _filled(grant: Grant, claims: Mapping[str, str]) -> Grant:
    prefix = without_placeholders(grant.prefix, claims.__getitem__)
    return grant if prefix == grant.prefix else replace(grant, prefix=prefix)


def rate_of(entries: Iterable[CallerEntry], identity: Identity) -> Rate | None:
    """Return the most generous rate of the matching entries, or None if none of them has one."""
    rates = [entry.rate for entry in entries if entry.matches(identity) and entry.rate is not None]
    return max(rates, key=lambda rate: (rate.urls / rate.seconds, rate.urls), default=None)


def revoked_before(entries: Iterable[CallerEntry], identity: Identity) -> float:
    """Return the latest `revoked_before` of the matching entries, in epoch seconds."""
    times = [entry.revoked_before for entry in entries if entry.matches(identity)]
    return max(times, default=-math.inf)


def pointers(prefix: str) -> list[str]:
    """Return the JSON pointers (RFC 6901) in a prefix's placeholders."""
    return _PLACEHOLDER.findall(prefix)


def without_placeholders(prefix: str, filler: Callable[[str], str] = lambda _: "") -> str:
    """Replace each placeholder by what `filler` returns for its JSON pointer."""
    return _PLACEHOLDER.sub(lambda at: filler(at[1]), prefix)


def is_anonymous(caller: CallerEntry | Caller) -> bool:
    return caller.issuer is None and caller.subject == ANONYMOUS.subject


def caller_name(caller: CallerEntry | Caller) -> str:
    """For operators to read."""
    if caller.issuer is None:
        return "ANYBODY (unsafe)" if is_anonymous(caller) else f"API key {caller.subject}"
    name = f"{caller.subject} of {caller.issuer}"
    if caller.subject in {None, "*"}:
        name = f"everyone who signs in at `{caller.issuer}`"
    claims = caller.claims if isinstance(caller, CallerEntry) else ()
    return f"{name} with {' and '.join(map(_condition, claims))}" if claims else name


def _condition(any_of: tuple[Fact, ...]) -> str:
    shown = [value for _, value in any_of[:_SHOWN]]
    more = f" or {len(any_of) - _SHOWN} more" if len(any_of) > _SHOWN else ""
    return f"{any_of[0][0]} {' or '.join(shown)}{more}"
