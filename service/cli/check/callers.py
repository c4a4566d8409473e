"""What `presign check` says about callers: their keys and their rights."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from service.access import caller_description
from service.access.callers import CallerEntry, Identity, caller_name
from service.access.claims import value_of
from service.access.conditions import words
from service.access.grants import Caller, Grant, Operation
from service.access.limits import Unit, limits_of
from service.app.settings import Settings
from service.cli.check.protocols import CheckedProtocols
from service.errors import FOUND, ConfigurationProblem
from service.protocols.quantities import duration, size
from service.protocols.rights import Right

_SOON: Final = timedelta(days=7)
_NAMED: Final = 3  # of callers that may do the same


Described = tuple[CallerEntry, tuple[Right, ...]]  # and what it may do


def rights(protocols: CheckedProtocols, entry: CallerEntry) -> Iterator[Right]:
    """Yield what a caller of this entry may do, if its claims suit the grants."""
    for grant in entry.grants:
        yield _of_grant(grant)
    yield from protocols.rights(entry)


def matching(entries: Iterable[CallerEntry], name: str) -> tuple[CallerEntry, ...]:
    """Return the entry of the API key `name`, or those of that subject, pattern or claim."""

    def is_named(entry: CallerEntry) -> bool:
        values = {value_of(each) for any_of in entry.claims for each in any_of}
        caller = Caller(issuer=entry.issuer, subject=name)
        return name == entry.subject or name in values or entry.matches(Identity(caller))

    found = tuple(filter(is_named, entries))
    return tuple(entry for entry in found if entry.issuer is None) or found


def documents(described: Iterable[Described]) -> list[dict[str, Any]]:
    """Return each caller as `GET /v1/caller` shows it, and what it may do in words."""
    return [
        {**caller_description.describe_entry(entry), "may": [*map(str, may)]}
        for entry, may in described
    ]


def describe(described: Iterable[Described]) -> Iterator[str]:
    """Yield lines about who may do what. Callers that may do the same share theirs."""
    named = defaultdict[tuple[Right, ...], list[str]](list)
    for entry, may in described:
        named[may].append(caller_name(entry))
    for may, names in named.items():
        who = together(names)
        yield from (f"{who} may {each}" for each in may or ("do nothing",))


def together(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    first = names[:_NAMED]
    if len(names) > _NAMED:
        others = names[_NAMED:]
        first.append(f"{len(others):,} more" if len(others) > 1 else others[0])
    return " and ".join(filter(None, (", ".join(first[:-1]), first[-1])))


def _of_grant(grant: Grant) -> Right:
    keys = f"{grant.prefix}…" if grant.prefix.endswith("/") else grant.prefix or "everything"
    limits = [
        limit.words.format(_value(value, limit.unit))
        for limit, value in limits_of(grant)
        if value is not False
    ]
    said = ", ".join([f"{keys} in {grant.bucket}", *limits, *words(grant.conditions)])
    return Right(tuple(operation for operation in Operation if operation in grant.allow), said)


def _value(value: Any, unit: Unit) -> str:
    match unit:
        case Unit.SECONDS:
            return duration(value)
        case Unit.BYTES:
            return size(value)
        case Unit.TYPES:
            return ", ".join(value)
        case Unit.NUMBER | Unit.FLAG:
            return f"{value}"
        case _:
            assert_never(unit)


def ending_keys(settings: Settings, now: datetime) -> Iterator[ConfigurationProblem]:
    """Yield the callers whose `not_after` has passed, or will soon."""
    for i, caller in enumerate(settings.callers):
        if (end := caller.not_after) is None or end > now + _SOON:
            continue
        what = "has passed, so its keys are refused" if end < now else "is within a week"
        advice = "rotate its key and set a later time, or remove the caller"
        text = f"{FOUND} {what}; {advice}"
        yield ConfigurationProblem(text, ("callers", i, "not_after"))
