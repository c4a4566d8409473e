"""Who calls, and which grants that gives: all entries that match a caller add up. Pure.

A caller is a subject of one issuer, or the name of an API key; the two never match each other, nor
one issuer's subject another's. A prefix may hold placeholders, which only verified claims fill, and
only with what can be neither a path nor a pattern; where a claim is missing or is anything else, that
grant is not given.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from service.access.grants import Caller, Grant

Claims = Mapping[str, Any]

LONGEST_CLAIM: Final = 64
_VALUE = re.compile(f"[A-Za-z0-9_.-]{{1,{LONGEST_CLAIM}}}")
_PLACEHOLDER = re.compile(r"\{claim:((?:/[^/{}]*)+)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """A caller who is known. `claims` has the text at each JSON pointer that the configuration names.

    Nothing else of a token is kept: whoever fills it with a user's own data must not fill our memory.
    An API key has no claims.
    """

    caller: Caller
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many URLs in so many seconds."""

    urls: int
    seconds: int

    @property
    def a_second(self) -> float:
        return self.urls / self.seconds


@dataclass(frozen=True, kw_only=True)
class CallerEntry:
    """`subject` may have `*`, which stands for any text without `:`. Then `grants` are templates.

    Of an API key, `issuer` is None and `subject` its name. Sessions that began before
    `revoked_before`, in epoch seconds, are not used any more.
    """

    issuer: str | None
    subject: str
    grants: tuple[Grant, ...]
    rate: Rate | None = None
    revoked_before: float = -math.inf

    def matches(self, caller: Caller) -> bool:
        if caller.issuer != self.issuer or not caller.subject.startswith(self._begin):
            return False
        return self._pattern.fullmatch(caller.subject) is not None

    @cached_property
    def _begin(self) -> str:
        """Most of thousands of entries are told from a subject by this, and need no pattern."""
        return self.subject.partition("*")[0]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Atomic up to the last `*`: a token brings the subject, and must not make us try for long."""
        first, *others = (re.escape(part) for part in self.subject.split("*"))
        if not others:
            return re.compile(first)
        between = "".join(f"(?>[^:]*?{part})" for part in others[:-1])
        return re.compile(f"{first}{between}[^:]*{others[-1]}")


def granted(entries: Iterable[CallerEntry], identity: Identity) -> tuple[Grant, ...]:
    """The grants of all entries that match, their placeholders filled."""
    templates = [
        grant for entry in entries if entry.matches(identity.caller) for grant in entry.grants
    ]
    filled = [_filled(grant, identity.claims) for grant in templates]
    return tuple(grant for grant in filled if grant is not None)


def rate_of(entries: Iterable[CallerEntry], caller: Caller) -> Rate | None:
    """The most generous of the entries that match; an entry without a rate does not add one."""
    rates = [entry.rate for entry in entries if entry.matches(caller) and entry.rate is not None]
    return max(rates, key=lambda rate: (rate.a_second, rate.urls), default=None)


def revoked_before(entries: Iterable[CallerEntry], caller: Caller) -> float:
    """The latest of the entries that match."""
    times = [entry.revoked_before for entry in entries if entry.matches(caller)]
    return max(times, default=-math.inf)


def pointers(prefix: str) -> list[str]:
    """The JSON pointers (RFC 6901) of a prefix's placeholders."""
    return _PLACEHOLDER.findall(prefix)


def without_placeholders(prefix: str, filler: Callable[[str], str] = lambda _: "") -> str:
    """`filler` makes the text for a pointer."""
    return _PLACEHOLDER.sub(lambda at: filler(at[1]), prefix)


def named_claims(claims: Claims, named: Iterable[str]) -> Mapping[str, str]:
    """What the pointers `named` lead to, of those that may stand in a prefix."""
    found = {pointer: claim(claims, pointer) for pointer in named}
    return {pointer: value for pointer, value in found.items() if value is not None}


def claim(claims: Claims, pointer: str) -> str | None:
    """The claim at `pointer`, if it is one that may stand in a prefix."""
    value: Any = claims
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or _VALUE.fullmatch(value) is None or value in {".", ".."}:
        return None
    return value


def _filled(grant: Grant, claims: Mapping[str, str]) -> Grant | None:
    if not claims.keys() >= set(pointers(grant.prefix)):
        return None
    return replace(grant, prefix=without_placeholders(grant.prefix, claims.__getitem__))


def intersecting_subject(one: str, other: str) -> str | None:
    """A subject that both patterns match: a walk over how far both have come, with what was read."""
    open_, seen = [(0, 0, "")], {(0, 0)}
    while open_:
        i, j, text = open_.pop()
        if (i, j) == (len(one), len(other)):
            return text
        steps = [*_steps(one, other, i, j), *((a, b, c) for b, a, c in _steps(other, one, j, i))]
        open_ += [(a, b, text + c) for a, b, c in steps if (a, b) not in seen]
        seen |= {(a, b) for a, b, _ in steps}
    return None


def _steps(one: str, other: str, i: int, j: int) -> Iterator[tuple[int, int, str]]:
    """Where a star, or a letter that both have, leads from here, and what it reads on the way."""
    ahead = other[j : j + 1]
    if one[i : i + 1] == "*":
        yield i + 1, j, ""
        if ahead not in {"", ":"}:
            yield i, j + 1, "" if ahead == "*" else ahead
    elif i < len(one) and one[i] == ahead:
        yield i + 1, j + 1, ahead
