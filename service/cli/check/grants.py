"""What `presign check` says about callers and their grants: what is risky or has no effect."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from service.access.caller_entries import Entries
from service.access.callers import CallerEntry, without_placeholders
from service.access.create_only import UPLOADS
from service.access.grants import CONTENT_LIMITS, PUTS, Operation
from service.access.limits import LIMITS, URLS, Limit, Unit
from service.app.builders import max_expires_in
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.config.callers import CallerSettings, GrantSettings
from service.config.durations import duration_text
from service.config.quoting import quoted
from service.errors import OTHER, ConfigurationProblem, Location
from service.signing.signer import MAX_EXPIRES_IN

_UNREVOCABLE: Final = (
    "nobody can revoke the CloudFront URLs of bucket {}, so without max_expires_in URLs live {} at "
    "most, the default_expires_in; set max_expires_in to how long a leak may last"
)
_GUESSABLE: Final = {digest_of(word) for word in ("demo", "test", "secret", "password", "changeme")}
# Why another grant's session signs, and what to do.
_NO_CONDITION: Final = ("has no condition", "give that one the condition, or leave {} out of it")
_NO_TAG: Final = ("reads what has no tag", "give that one the tag, or leave {} out of it")
_COMES_FIRST: Final = (
    "comes first, with other conditions",
    "write one grant with both, or leave {} out of one",
)
_LocatedGrant = tuple[Location, GrantSettings]


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    if not settings.callers and settings.unsafe_anonymous_caller is None:
        yield ConfigurationProblem("there are none, so nobody may do anything", ("callers",))
    for i, caller in enumerate(settings.callers):
        yield from _risky_caller(("callers", i), caller, settings)
    for at, grant in settings.located_grants():
        for text in [*_risks(grant, settings), *_without_effect(grant)]:
            yield ConfigurationProblem(text, at)
        for text in _doubtful_prefix(grant.prefix):
            yield ConfigurationProblem(text, (*at, "prefix"))
    for own, others in _grants_of_callers(settings, entries):
        order = {id(grant): place for place, (_, grant) in enumerate(others)}
        for located, by in product(own, others):
            if by[1] is located[1]:
                continue
            yield from _undone_uploads(located, by)
            if _covers(by[1], located[1]):
                comes_first = order[id(by[1])] < order[id(located[1])]
                yield from _undone_conditions(located, by, comes_first=comes_first)
                yield from _undone_limits(located, by, settings)


def _risky_caller(
    at: Location, caller: CallerSettings, settings: Settings
) -> Iterator[ConfigurationProblem]:
    if not _GUESSABLE.isdisjoint(caller.sha256 or ()):
        text = f"API key {caller.api_key}: easy to guess; make a key with `presign new-key`"
        yield ConfigurationProblem(text, at, grave=True)
    if caller.subject == "*":
        text = (
            "anyone who can get a token for this audience has these grants (except subjects with a "
            "`:`)"
        )
        yield ConfigurationProblem(text, (*at, "subject"), grave=True)
    unscoped = {g.bucket for g in caller.grants if not settings.buckets[g.bucket].is_scoped}
    if caller.revoked_before is not None and unscoped:
        text = (
            f"has no effect on bucket {', '.join(sorted(unscoped))}, where all callers share one "
            "session"
        )
        yield ConfigurationProblem(text, (*at, "revoked_before"), grave=True)


def _risks(grant: GrantSettings, settings: Settings) -> Iterator[str]:
    if not grant.prefix:
        yield f"covers the whole bucket {grant.bucket}"
    if grant.allow_overwrite and not UPLOADS.isdisjoint(grant.allow):
        yield "allows overwriting objects"
    if grant.max_expires_in is None and not URLS.isdisjoint(grant.allow):
        if (longest := max_expires_in(grant, settings)) is None:
            yield f"allows lifetimes of up to {duration_text(MAX_EXPIRES_IN)}; set max_expires_in"
        else:
            yield _UNREVOCABLE.format(grant.bucket, duration_text(longest))


def _doubtful_prefix(prefix: str) -> Iterator[str]:
    if prefix.startswith("s3://"):
        text = "starts with s3://, which keys normally don't: write the start of the keys only"
        yield f"{text} (found {quoted(prefix)})"
    if prefix.startswith("/"):
        text = "starts with a slash, which S3 keys normally don't: remove it"
        yield f"{text} (found {quoted(prefix)})"
    *_, name = without_placeholders(prefix, lambda _: "x").split("/")
    if name and "." not in name:
        yield f"names one key, {quoted(prefix)}; end it in / to cover the keys below it"


def _without_effect(grant: GrantSettings) -> Iterator[str]:
    for limit in LIMITS:
        name, value = limit.name, getattr(grant, limit.name)
        if name not in grant.model_fields_set or value is False:
            continue
        if value is None:
            yield f"{name} has no value, as if it were left out; write one, or remove the line"
        elif not limit.concerns_others and limit.operations.isdisjoint(grant.allow):
            yield f"{name} has no effect without {_names(limit.operations)}"


def _grants_of_callers(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[tuple[list[_LocatedGrant], list[_LocatedGrant]]]:
    """Yield each caller's own grants, and all that it has by other entries too."""
    located = defaultdict[Location, list[_LocatedGrant]](list)
    for at, grant in settings.located_grants():
        located[at[:-2]].append((at, grant))
    own = {
        id(entry): located[at]
        for entry, at in zip(entries, settings.caller_locations(), strict=True)
    }
    index = Entries(entries)
    for entry in entries:
        matching = [entry]
        # Others may match some of its subjects only.
        if entry.subject is not None and "*" not in entry.subject:
            matching = index.of(entry.example())
        yield own[id(entry)], [each for other in matching for each in own[id(other)]]


def _undone_conditions(
    located: _LocatedGrant, by: _LocatedGrant, *, comes_first: bool
) -> Iterator[ConfigurationProblem]:
    """Yield that conditions have no effect, where the other grant's session signs for both.

    That is the one of `access/grants.py`: `foremost`.
    """
    (at, grant), (other_at, other) = located, by
    shared = frozenset(grant.allow) & frozenset(other.allow)
    if _kept(grant) == _kept(other):
        return
    match _strictness(grant), _strictness(other):
        case 1 | 2, 0:
            name, (reason, remedy) = grant.conditions[0], _NO_CONDITION
        case 2, 1:
            name, (reason, remedy) = "only_if_tagged", _NO_TAG
        case own, others if own == others and comes_first:
            name, (reason, remedy) = grant.conditions[0], _COMES_FIRST
            shared -= {Operation.CREDENTIALS}  # they have each grant under its own conditions
        case _:
            return
    if shared:
        names = _names(shared)
        text = f"has no effect on {names}, because {OTHER} {reason}; {remedy.format(names)}"
        yield ConfigurationProblem(text, (*at, name), other=other_at, grave=True)


def _strictness(grant: GrantSettings) -> int:
    return bool(grant.conditions) + bool(grant.only_if_tagged)


def _kept(grant: GrantSettings) -> tuple[object, ...]:
    """Return what is equal for grants with the same conditions."""
    places = (grant.networks, grant.vpc_endpoints)
    return (*(frozenset(each or ()) for each in places), grant.only_if_tagged)


def _undone_limits(
    located: _LocatedGrant, by: _LocatedGrant, settings: Settings
) -> Iterator[ConfigurationProblem]:
    """Yield the limits without effect, since the other grant covers the same keys and has less."""
    (at, grant), (other_at, other) = located, by
    shared = frozenset(grant.allow) & frozenset(other.allow)
    if other.conditions and _kept(grant) != _kept(other):
        shared -= {Operation.MULTIPART}  # of which the other one decides nothing: access/grants.py
    for limit in LIMITS:
        if limit.name not in grant.model_fields_set or limit.unit is Unit.FLAG:
            continue
        limited = shared & limit.operations
        own, others = (_value(each, limit, settings) for each in (grant, other))
        if limited and limit.is_looser(others, own):
            less = "has no such limit" if others is None else "allows more"
            text = f"has no effect on {_names(limited)}, because {OTHER} {less}"
            yield ConfigurationProblem(text, (*at, limit.name), other=other_at, grave=True)


def _undone_uploads(located: _LocatedGrant, by: _LocatedGrant) -> Iterator[ConfigurationProblem]:
    (_, grant), (_, other) = located, by
    if Operation.MULTIPART in grant.allow and (_covers(grant, other) or _covers(other, grant)):
        yield from _stopped_uploads(located, by)
        yield from _uploads_that_replace_nothing(located, by)


def _stopped_uploads(located: _LocatedGrant, by: _LocatedGrant) -> Iterator[ConfigurationProblem]:
    """Yield `multipart` that a program with credentials undoes: see `access/grants.py`."""
    (at, grant), (other_at, other) = located, by
    if not _lets_programs_begin(other) or _kept(grant) == _kept(other):
        return
    is_limited = any(getattr(grant, name) is not None for name in CONTENT_LIMITS)
    starts_more = other.conditions and (is_limited or other.allow_overwrite > grant.allow_overwrite)
    if starts_more or (grant.conditions and grant.allow_overwrite > other.allow_overwrite):
        text = (
            f"multipart is refused where {OTHER} gives credentials to upload under other "
            "conditions; write the same conditions in both"
        )
        yield ConfigurationProblem(text, (*at, "allow"), other=other_at, grave=True)


def _uploads_that_replace_nothing(
    located: _LocatedGrant, by: _LocatedGrant
) -> Iterator[ConfigurationProblem]:
    """Yield `allow_overwrite` that has no effect on parts: see `access/grants.py`."""
    (at, grant), (other_at, other) = located, by
    types = grant.content_types
    if types is None or not grant.allow_overwrite or other.allow_overwrite:
        return
    decides_too = Operation.MULTIPART in other.allow and _kept(grant) == _kept(other)
    begins_more = other.content_types is None or not set(other.content_types) <= set(types)
    begins = _lets_programs_begin(other) or (decides_too and begins_more)
    if begins:
        text = (
            f"has no effect on multipart where {OTHER} may begin uploads of other types, and only "
            "create; write the same content_types or allow_overwrite in both"
        )
        yield ConfigurationProblem(text, (*at, "allow_overwrite"), other=other_at, grave=True)


def _lets_programs_begin(grant: GrantSettings) -> bool:
    return Operation.CREDENTIALS in grant.allow and not PUTS.isdisjoint(grant.allow)


def _value(grant: GrantSettings, limit: Limit, settings: Settings) -> Any:
    is_lifetime = limit.name == "max_expires_in"
    return max_expires_in(grant, settings) if is_lifetime else getattr(grant, limit.name)


def _covers(grant: GrantSettings, other: GrantSettings) -> bool:
    """Whether a grant is for all keys of the other."""
    if grant.bucket != other.bucket:
        return False
    covers_subtree = not grant.prefix or grant.prefix.endswith("/")
    return other.prefix.startswith(grant.prefix) if covers_subtree else other.prefix == grant.prefix


def _names(operations: frozenset[Operation]) -> str:
    return " and ".join(operation for operation in Operation if operation in operations)
