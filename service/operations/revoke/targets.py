"""Which sessions `presign revoke CALLER` ends, read from the settings.

A caller has a session of its own on each role of its buckets, unless a bucket's sessions are not
scoped: then they are the bucket's own, and all its callers are hit.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from service.access.callers import CallerEntry
from service.access.grants import Caller
from service.access.subject_patterns import intersecting_subject
from service.app import builders
from service.app.builders import caller_name
from service.config.settings import Settings
from service.errors import ConfigurationError
from service.operations.revoke.policy import TIME, Revocation, Target
from service.sessions.sts import (
    READABLE_LENGTH,
    Owner,
    sanitize_session_name,
    session_name,
    session_name_pattern,
)

_NEAR = 5


def revocation_of(text: str, settings: Settings) -> Revocation:
    """Raises ConfigurationError if no entry has that caller, or its sessions cannot be named."""
    entries = builders.caller_entries(settings)
    caller = _caller(text)
    known = [each for each in entries if not builders.is_anonymous(each)]
    matching = [each for each in known if _matches(each, caller)]
    if not matching:
        raise ConfigurationError([_unknown(text, known)])
    others = [each for each in known if each not in matching]
    buckets = sorted({grant.bucket for each in matching for grant in each.grants})
    scoped = [name for name in buckets if settings.buckets[name].is_scoped]
    targets = [*_own(caller, scoped, settings), *_shared(buckets, settings)]
    return Revocation(
        caller=caller_name(caller),
        targets=tuple(targets),
        lines=tuple(_lines(caller, matching)) if scoped else (),
        warnings=(
            *_without_grants(buckets),
            *_alike(caller, _on_roles_of(scoped, others, settings)),
            *_sharing(targets, entries, settings),
            *_static(buckets, settings),
        ),
    )


def _caller(text: str) -> Caller:
    """`ISSUER:SUBJECT`, or an API key's name: neither that nor an issuer's has a colon."""
    issuer, colon, subject = text.partition(":")
    if subject.startswith("*"):
        raise ConfigurationError(
            ["`*` never comes first in a subject; to end all sessions of a role, see IAM"]
        )
    return Caller(issuer=issuer, subject=subject) if colon else Caller(issuer=None, subject=text)


def _written(entry: CallerEntry | Caller) -> str:
    return entry.subject if entry.issuer is None else f"{entry.issuer}:{entry.subject}"


def _matches(entry: CallerEntry, caller: Caller) -> bool:
    """Of a pattern, each entry that some subject of it has: a session is by all of a subject's grants."""
    if "*" not in caller.subject:
        return entry.matches(caller)
    alike = intersecting_subject(entry.subject, caller.subject) is not None
    return entry.issuer == caller.issuer and alike


def _unknown(text: str, entries: Sequence[CallerEntry]) -> str:
    names = [_written(each) for each in entries]
    near = get_close_matches(text, names, n=_NEAR, cutoff=0.4) or names[:_NEAR]
    told = f"there are: {', '.join(near)}" if near else "there are none"
    return (
        f"no such caller is configured; {told}. Write an API key's name, or ISSUER:SUBJECT. One that "
        "was removed is revoked with a configuration (--config) that still has it"
    )


def _own(caller: Caller, buckets: Sequence[str], settings: Settings) -> Iterator[Target]:
    owner = (caller.issuer, caller.subject)
    session = session_name_pattern(caller.subject) if "*" in caller.subject else session_name(owner)
    if session is None:
        told = (
            "the sessions of these subjects have no name in common: all are longer than "
            f"{READABLE_LENGTH} characters, and a name has their ends. Name one subject; the audit "
            "trail has each"
        )
        raise ConfigurationError([told])
    yield from _targets(owner, session, buckets, settings)


def _shared(buckets: Sequence[str], settings: Settings) -> Iterator[Target]:
    """Sessions that belong to no caller, but sign for all."""
    unscoped = [
        name
        for name in buckets
        if not settings.buckets[name].is_scoped and settings.buckets[name].role_arn is not None
    ]
    yield from _targets(None, session_name(None), unscoped, settings)


def _targets(
    owner: Owner, session: str, buckets: Sequence[str], settings: Settings
) -> Iterator[Target]:
    """One a role, whichever buckets have it."""
    by_role = defaultdict[str, list[str]](list)
    for name in buckets:
        by_role[settings.buckets[name].role_arn or ""].append(name)
    for role_arn, names in by_role.items():
        of_role = [each for each in settings.buckets.values() if each.role_arn == role_arn]
        yield Target(
            role_arn=role_arn,
            owner=owner,
            session=session,
            buckets=tuple(names),
            region=of_role[0].region,
            seconds=max(each.session_seconds for each in of_role),
            is_at_aws=all(builders.is_at_aws(each) for each in of_role),
        )


def _lines(caller: Caller, matching: Sequence[CallerEntry]) -> Iterator[str]:
    if any(each.subject == caller.subject for each in matching):
        at = json.dumps(caller.subject, ensure_ascii=False)
        key = f"api_key: {caller.subject}" if caller.issuer is None else f"subject: {at}"
        yield f"On the caller with `{key}`, in place of any earlier one:"
        yield f"    revoked_before: {TIME}"
        return
    yield "As an entry of its own under `callers`; entries that match one caller add up:"
    yield f"  - issuer: {caller.issuer}"
    yield f"    subject: {json.dumps(caller.subject, ensure_ascii=False)}"
    yield f"    revoked_before: {TIME}"


def _without_grants(buckets: Sequence[str]) -> Iterator[str]:
    if not buckets:
        yield "this caller has no grants, and so no sessions"


def _alike(caller: Caller, others: Sequence[CallerEntry]) -> Iterator[str]:
    """What a pattern of names misses, and which of `others` it may hit. Of one subject, neither."""
    if "*" not in caller.subject:
        return
    yield (
        f"subjects of more than {READABLE_LENGTH} characters are not reached, for a session's name has "
        "their ends only; revoke each by its own name, which the audit trail has"
    )
    for other in others:
        if _may_be_alike(caller.subject, other.subject):
            yield (
                f"sessions of {caller_name(other)} may be hit, for their names look alike; "
                "give it the same revoked_before"
            )


def _on_roles_of(
    buckets: Sequence[str], entries: Sequence[CallerEntry], settings: Settings
) -> list[CallerEntry]:
    roles = {settings.buckets[name].role_arn for name in buckets}
    return [
        each
        for each in entries
        if any(settings.buckets[grant.bucket].role_arn in roles for grant in each.grants)
    ]


def _may_be_alike(one: str, other: str) -> bool:
    return intersecting_subject(_readable_pattern(one), _readable_pattern(other)) is not None


def _readable_pattern(subjects: str) -> str:
    return "*".join(map(sanitize_session_name, subjects.split("*")))


def _sharing(
    targets: Sequence[Target], entries: Sequence[CallerEntry], settings: Settings
) -> Iterator[str]:
    """Who is hit where one session signs for all."""
    for target in targets:
        if target.owner is not None:
            continue
        same = {
            name
            for name, bucket in settings.buckets.items()
            if bucket.role_arn == target.role_arn and not bucket.is_scoped
        }
        hit = [
            caller_name(each) for each in entries if same & {grant.bucket for grant in each.grants}
        ]
        yield (
            f"bucket {', '.join(sorted(same))}: one session signs for all callers (scoped_sessions: "
            f"false), so every one of them is hit: {', '.join(hit)}. revoked_before does not reach it: "
            "restart the replicas, one at a time, once the statement stands"
        )


def _static(buckets: Sequence[str], settings: Settings) -> Iterator[str]:
    for name in buckets:
        if settings.buckets[name].credentials == "static":
            yield (
                f"bucket {name}: static keys belong to no session, so there is no such switch. To end "
                "every URL of every caller, make new keys, restart the replicas with them, and have the "
                "old ones deleted. To end the old URLs alone, have the bucket's policy deny s3:* where "
                "NumericGreaterThan s3:signatureAge is so many milliseconds, if the store knows it"
            )
