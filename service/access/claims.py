"""What the claims of a verified token say: values in prefixes, and conditions of entries. Pure.

A condition holds if the value at a JSON pointer equals the configured one, or is a list with it.
Values have types: `7` is not `"7"`, and `true` is not `1`. A `Fact` is a condition that holds for a
token. Of a token only the facts that the configuration names are kept, so lists of groups take no
memory.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

Claims = Mapping[str, Any]
ClaimValue = str | int | bool
# A JSON pointer and a value as JSON, in which `1`, `true` and `"1"` differ
Fact = tuple[str, str]
Facts = frozenset[Fact]

LONGEST_CLAIM: Final = 64
NO_FACTS: Final[Facts] = frozenset()
_VALUE = re.compile(f"[A-Za-z0-9_.-]{{1,{LONGEST_CLAIM}}}")
_TYPES: Final = (str, int, bool)
# learn.microsoft.com/entra/identity-platform/access-token-claims-reference: groups overage
_ELSEWHERE: Final = "_claim_names"
_HAS_GROUPS: Final = "hasgroups"


def fact(pointer: str, value: ClaimValue) -> Fact:
    return pointer, json.dumps(value)


def value_of(fact: Fact) -> ClaimValue:
    value: ClaimValue = json.loads(fact[1])
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedClaims:
    """The claims of one issuer that the configuration names: pointers in prefixes, and facts."""

    pointers: frozenset[str] = frozenset()
    facts: Facts = NO_FACTS
    _wanted: Mapping[str, Mapping[tuple[type, ClaimValue], Fact]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        wanted = defaultdict[str, dict[tuple[type, ClaimValue], Fact]](dict)
        for each in self.facts:
            value = value_of(each)
            wanted[each[0]][type(value), value] = each
        object.__setattr__(self, "_wanted", wanted)

    def facts_in(self, claims: Claims) -> Facts:
        """Return the named facts that a token with these claims has."""
        if not self._wanted:
            return NO_FACTS
        found = []
        for pointer, wanted in self._wanted.items():
            value = value_at(claims, pointer)
            for each in value if isinstance(value, list) else (value,):
                kind = type(each)
                if kind in _TYPES and (held := wanted.get((kind, each))) is not None:
                    found.append(held)
        return _shared(frozenset(found))

    def left_out(self, claims: Claims) -> bool:
        """Return whether the issuer kept a named claim out of the token, as Entra ID does."""
        elsewhere = claims.get(_ELSEWHERE)
        names = {*elsewhere} if isinstance(elsewhere, Mapping) else set()
        if claims.get(_HAS_GROUPS) in (True, "true"):
            names.add("groups")
        named = {_segments(pointer)[0] for pointer in self._wanted}
        return not names.isdisjoint(named - claims.keys())


@lru_cache(maxsize=1024)
def _shared(facts: Facts) -> Facts:
    """Return one set for all tokens that have the same facts."""
    return facts


def named_claims(claims: Claims, named: Iterable[str]) -> Mapping[str, str]:
    """Return the claims at the pointers `named`, without those that may not be part of a prefix."""
    found = {pointer: claim(claims, pointer) for pointer in named}
    return {pointer: value for pointer, value in found.items() if value is not None}


def claim(claims: Claims, pointer: str) -> str | None:
    """Return the claim at `pointer`, or None if there is none that may be part of a prefix."""
    value = value_at(claims, pointer)
    if not isinstance(value, str) or _VALUE.fullmatch(value) is None or value in {".", ".."}:
        return None
    return value


def value_at(claims: Claims, pointer: str) -> Any:
    """Return the value at a JSON pointer into objects, or None."""
    value: Any = claims
    for name in _segments(pointer):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _segments(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
